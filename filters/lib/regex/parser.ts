import { Bytes } from "../bytes";
import { decimal } from "../number";
import { perlClass, posixClass } from "./classes";
import { MAX_DEPTH, MAX_PATTERN, MAX_REPEAT } from "./limits";
import { Assertion, Node, NodeKind } from "./node";
import { addRange, fold, MAX_CODE_POINT, negate, tidy } from "./ranges";

const END: u32 = 0xffff_ffff;

const FOLD: u32 = 1;
const MULTI_LINE: u32 = 2;
const DOT_NEWLINE: u32 = 4;
const UNGREEDY: u32 = 8;

/** Reads RE2's syntax (https://github.com/google/re2/wiki/Syntax) into a tree. The first error ends it; nothing traps. */
@final
export class Parser {
  /** RE2's words for what is wrong; empty while nothing is. */
  error: string = "";
  /** Captures so far, the whole match not counted. */
  captures: i32 = 0;
  private readonly codes: u32[] = [];
  private at: i32 = 0;
  private flags: u32 = 0;
  private depth: i32 = 0;
  private repeatedAgain: i32 = 0;
  private readonly names: string[] = [];

  constructor(pattern: Bytes) {
    if (pattern.length > MAX_PATTERN) this.error = "pattern too large: more than " + decimal(MAX_PATTERN) + " bytes";
    else this.decode(pattern);
  }

  parse(): Node {
    const node = this.alternation();
    if (this.error.length == 0 && this.at < this.codes.length) this.fail("unexpected )", "");
    return node;
  }

  private fail(message: string, detail: string): Node {
    if (this.error.length == 0) this.error = detail.length > 0 ? message + ": " + detail : message;
    this.at = this.codes.length;
    return new Node(NodeKind.Empty);
  }

  private decode(pattern: Bytes): void {
    for (let i = 0; i < pattern.length;) {
      const first = <u32>pattern[i];
      const length =
        first < 0x80 ? 1 : first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
      let code: u32 = length == 1 ? first : length == 0 ? END : first & (0x7f >> length);
      for (let j = 1; j < length; j++) {
        const byte = i + j < pattern.length ? <u32>pattern[i + j] : 0;
        code = (byte & 0xc0) == 0x80 && code != END ? (code << 6) | (byte & 0x3f) : END;
      }
      const tooShort = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
      if (code > MAX_CODE_POINT || tooShort || (code >= 0xd800 && code < 0xe000)) {
        this.error = "invalid UTF-8";
        return;
      }
      this.codes.push(code);
      i += length;
    }
  }

  private peek(ahead: i32 = 0): u32 {
    const index = this.at + ahead;
    return index < this.codes.length ? unchecked(this.codes[index]) : END;
  }

  private take(code: u32): bool {
    if (this.peek() != code) return false;
    this.at++;
    return true;
  }

  private text(from: i32, to: i32): string {
    let text = "";
    for (let i = from; i < min(to, this.codes.length); i++) text += String.fromCodePoint(this.codes[i]);
    return text;
  }

  private has(flag: u32): bool {
    return (this.flags & flag) != 0;
  }

  private alternation(): Node {
    if (++this.depth > MAX_DEPTH) return this.fail("expression nests too deeply", "");
    const branches: Node[] = [this.concatenation()];
    while (this.take(0x7c)) branches.push(this.concatenation());
    this.depth--;
    return branches.length == 1 ? branches[0] : Node.of(NodeKind.Alternate, branches);
  }

  private concatenation(): Node {
    const parts: Node[] = [];
    while (this.at < this.codes.length && this.peek() != 0x7c && this.peek() != 0x29) {
      if (this.peek() == 0x5c && this.peek(1) == 0x51) this.quoted(parts);
      else this.repeated(parts);
    }
    return parts.length == 1 ? parts[0] : Node.of(NodeKind.Concat, parts);
  }

  /** `\Q…\E`. An operator behind it repeats its last character. */
  private quoted(parts: Node[]): void {
    this.at += 2;
    while (this.at < this.codes.length) {
      if (this.peek() == 0x5c && this.peek(1) == 0x45) {
        this.at += 2;
        break;
      }
      parts.push(this.literal(this.codes[this.at++]));
    }
    this.repeatLast(parts);
  }

  /** An operator behind `\Q…\E` or flags such as `(?i)` repeats what stands before them, in RE2 and Go. */
  private repeatLast(parts: Node[]): void {
    if (!this.isOperator() || parts.length == 0) return;
    const last = parts.pop();
    // The one way to nest without a group, so it is bounded like one.
    if (last.kind == NodeKind.Repeat && ++this.repeatedAgain > MAX_DEPTH) this.fail("expression nests too deeply", "");
    parts.push(this.repetitions(last, this.at));
  }

  private repeated(parts: Node[]): void {
    const start = this.at;
    if (this.isOperator()) {
      const operator = this.operatorText();
      this.fail("missing argument to repetition operator", operator);
      return;
    }
    const atom = this.atom();
    // Flags such as (?i) are no atom.
    if (atom == null) this.repeatLast(parts);
    else parts.push(this.repetitions(atom, start));
  }

  private repetitions(atom: Node, start: i32): Node {
    if (!this.isOperator()) return atom;
    const operatorAt = this.at;
    const node = new Node(NodeKind.Repeat);
    node.children = [atom];
    const code = this.peek();
    if (code == 0x7b) {
      this.counts(node);
      if (node.least > MAX_REPEAT || node.most > MAX_REPEAT || (node.most >= 0 && node.least > node.most)) {
        return this.fail("invalid repeat count", this.text(operatorAt, this.at));
      }
      if (repeatCount(node) > MAX_REPEAT) return this.fail("invalid repeat count", this.text(operatorAt, this.at));
    } else {
      this.at++;
      node.least = code == 0x2b ? 1 : 0;
      node.most = code == 0x3f ? 1 : -1;
    }
    node.lazy = this.take(0x3f) != this.has(UNGREEDY);
    if (this.isOperator()) {
      const second = this.at;
      this.operatorText();
      return this.fail("invalid nested repetition operator", this.text(operatorAt, max(this.at, second + 1)));
    }
    return node;
  }

  /** Whether a repetition operator stands here; `{` is one only where a count follows. */
  private isOperator(): bool {
    const code = this.peek();
    if (code == 0x2a || code == 0x2b || code == 0x3f) return true;
    return code == 0x7b && this.countEnd() > 0;
  }

  /** The index behind `{n}`, `{n,}` or `{n,m}`, or 0. */
  private countEnd(): i32 {
    let i = this.digitsEnd(this.at + 1);
    if (i == 0) return 0;
    if (i < this.codes.length && this.codes[i] == 0x2c) {
      i++;
      if (i < this.codes.length && this.codes[i] != 0x7d) i = this.digitsEnd(i);
    }
    return i > 0 && i < this.codes.length && this.codes[i] == 0x7d ? i + 1 : 0;
  }

  /** The index behind the digits of a count at `from`, or 0. With a leading zero, `{01}` is text in RE2 and Go. */
  private digitsEnd(from: i32): i32 {
    let i = from;
    while (i < this.codes.length && this.codes[i] - 0x30 < 10) i++;
    return i == from || (i > from + 1 && this.codes[from] == 0x30) ? 0 : i;
  }

  private operatorText(): string {
    const start = this.at;
    this.at = this.peek() == 0x7b ? this.countEnd() : this.at + 1;
    const text = this.text(start, this.at);
    return text;
  }

  private counts(node: Node): void {
    this.at++;
    node.least = this.count();
    node.most = node.least;
    if (this.take(0x2c)) node.most = this.peek() == 0x7d ? -1 : this.count();
    this.at++;
  }

  private count(): i32 {
    let value = 0;
    while (this.peek() - 0x30 < 10) value = min(value * 10 + <i32>(this.codes[this.at++] - 0x30), MAX_REPEAT + 1);
    return value;
  }

  /** One thing to match; `null` for a group of flags alone. */
  private atom(): Node | null {
    const code = this.codes[this.at];
    switch (code) {
      case 0x28:
        return this.group();
      case 0x5b:
        return this.characterClass();
      case 0x2e:
        this.at++;
        return Node.set(this.has(DOT_NEWLINE) ? negate([]) : negate([0x0a, 0x0a]));
      case 0x5e:
        this.at++;
        return Node.assertion(this.has(MULTI_LINE) ? Assertion.BeginLine : Assertion.BeginText);
      case 0x24:
        this.at++;
        return Node.assertion(this.has(MULTI_LINE) ? Assertion.EndLine : Assertion.EndText);
      case 0x5c:
        return this.escape();
      default:
        this.at++;
        return this.literal(code);
    }
  }

  private literal(code: u32): Node {
    const ranges: u32[] = [code, code];
    if (!this.has(FOLD)) return Node.set(ranges);
    if (code >= 0x80 && code != 0x17f && code != 0x212a) {
      return this.fail("case folding beyond ASCII is not supported", String.fromCodePoint(code));
    }
    fold(ranges);
    return Node.set(tidy(ranges));
  }

  private group(): Node | null {
    const start = this.at++;
    const outer = this.flags;
    let index = 0;
    if (this.take(0x3f)) {
      const named = (this.peek() == 0x50 && this.peek(1) == 0x3c) || (this.peek() == 0x3c && this.peek(1) != 0x3d && this.peek(1) != 0x21);
      if (named) {
        if (!this.groupName(start)) return new Node(NodeKind.Empty);
        index = ++this.captures;
      } else if (!this.groupFlags(start)) {
        // Flags alone hold until the end of the group around them.
        return this.error.length == 0 ? null : new Node(NodeKind.Empty);
      }
    } else {
      index = ++this.captures;
    }
    const content = this.alternation();
    if (!this.take(0x29)) return this.fail("missing closing )", this.text(0, this.codes.length));
    this.flags = outer;
    if (index == 0) return content;
    const capture = Node.of(NodeKind.Capture, [content]);
    capture.index = index;
    return capture;
  }

  private groupName(start: i32): bool {
    this.at += this.peek() == 0x50 ? 2 : 1;
    const from = this.at;
    while (isWordCharacter(this.peek())) this.at++;
    const name = this.text(from, this.at);
    if (name.length == 0 || !this.take(0x3e)) {
      this.fail("invalid named capture", this.text(start, this.at + 1));
      return false;
    }
    if (this.names.includes(name)) {
      this.fail("duplicate capture group name", name);
      return false;
    }
    this.names.push(name);
    return true;
  }

  /** Reads `i`, `m`, `s`, `U` and what follows. `true` where a group begins behind a colon. */
  private groupFlags(start: i32): bool {
    let flags = this.flags;
    let negative = false;
    let any = false;
    while (this.at < this.codes.length) {
      const code = this.codes[this.at++];
      const flag = code == 0x69 ? FOLD : code == 0x6d ? MULTI_LINE : code == 0x73 ? DOT_NEWLINE : code == 0x55 ? UNGREEDY : 0;
      if (flag != 0) {
        any = true;
        flags = negative ? flags & ~flag : flags | flag;
      } else if (code == 0x2d && !negative) {
        negative = true;
        any = false;
      } else if ((code == 0x3a || code == 0x29) && (!negative || any)) {
        this.flags = flags;
        return code == 0x3a;
      } else {
        break;
      }
    }
    const message = this.at >= this.codes.length && this.error.length == 0 ? "missing closing )" : "invalid or unsupported Perl syntax";
    this.fail(message, this.text(start, this.at));
    return false;
  }

  private escape(): Node {
    const next = this.peek(1);
    if (next == 0x62 || next == 0x42 || next == 0x41 || next == 0x7a) {
      this.at += 2;
      if (next == 0x62) return Node.assertion(Assertion.WordBoundary);
      if (next == 0x42) return Node.assertion(Assertion.NoWordBoundary);
      return Node.assertion(next == 0x41 ? Assertion.BeginText : Assertion.EndText);
    }
    const perl = perlClass(next);
    if (perl != null) {
      this.at += 2;
      return Node.set(perl);
    }
    const code = this.escapedCode();
    return this.error.length > 0 ? new Node(NodeKind.Empty) : this.literal(code);
  }

  /** The code point of an escape at the backslash; an error for what is none. */
  private escapedCode(): u32 {
    const start = this.at++;
    if (this.at >= this.codes.length) {
      this.fail("trailing \\ at end of expression", "");
      return 0;
    }
    const code = this.codes[this.at++];
    switch (code) {
      case 0x61:
        return 0x07;
      case 0x66:
        return 0x0c;
      case 0x6e:
        return 0x0a;
      case 0x72:
        return 0x0d;
      case 0x74:
        return 0x09;
      case 0x76:
        return 0x0b;
      case 0x78:
        return this.hexadecimal(start);
    }
    // Octal: \0 to \0nn, and \1nn to \7nn; a single digit from 1 would be a back-reference.
    if (code == 0x30 || (code - 0x31 < 7 && this.peek() - 0x30 < 8)) {
      let value = code - 0x30;
      for (let i = 0; i < 2 && this.peek() - 0x30 < 8; i++) value = value * 8 + (this.codes[this.at++] - 0x30);
      return value;
    }
    if (code < 0x80 && !isWordCharacter(code)) return code;
    if (code == 0x70 || code == 0x50) {
      this.fail("Unicode classes are not supported", this.text(start, this.at + 1));
      return 0;
    }
    this.fail("invalid escape sequence", this.text(start, this.at));
    return 0;
  }

  private hexadecimal(start: i32): u32 {
    const braced = this.take(0x7b);
    let value: u32 = 0;
    let digits = 0;
    const most = braced ? 8 : 2;
    while (digits != most) {
      const digit = hexadecimalDigit(this.peek());
      if (digit < 0) break;
      value = value * 16 + <u32>digit;
      digits++;
      this.at++;
    }
    const closed = braced ? digits > 0 && this.take(0x7d) : digits == 2;
    if (closed && value <= MAX_CODE_POINT) return value;
    this.fail("invalid escape sequence", this.text(start, this.at + 1));
    return 0;
  }

  private characterClass(): Node {
    const start = this.at++;
    const negated = this.take(0x5e);
    const ranges: u32[] = [];
    let first = true;
    while (this.peek() != 0x5d || first) {
      if (this.at >= this.codes.length) return this.fail("missing closing ]", this.text(start, this.codes.length));
      first = false;
      if (!this.classMember(ranges, start)) return new Node(NodeKind.Empty);
    }
    this.at++;
    // Without the flag `s`, a negated class does match a line break, as in RE2 and Go.
    const tidied = tidy(ranges);
    return Node.set(negated ? negate(tidied) : tidied);
  }

  private classMember(ranges: u32[], start: i32): bool {
    if (this.peek() == 0x5b && this.peek(1) == 0x3a) {
      const named = this.namedClass(ranges);
      if (this.error.length > 0) return false;
      if (named) return true;
    }
    if (this.peek() == 0x5c) {
      const perl = perlClass(this.peek(1));
      if (perl != null) {
        this.at += 2;
        for (let i = 0; i < perl.length; i++) ranges.push(perl[i]);
        return true;
      }
    }
    const from = this.at;
    const low = this.classCode(start);
    let high = low;
    if (this.error.length == 0 && this.peek() == 0x2d && this.peek(1) != 0x5d && this.peek(1) != END) {
      this.at++;
      high = this.classCode(start);
      if (this.error.length == 0 && high < low) this.fail("invalid character class range", this.text(from, this.at));
    }
    if (this.error.length > 0) return false;
    const members: u32[] = [low, high];
    if (this.has(FOLD)) {
      const foldable = low < 0x80 && high <= 0x10ffff && (high < 0x80 || high == MAX_CODE_POINT);
      if (!foldable && low != 0x17f && low != 0x212a) {
        this.fail("case folding beyond ASCII is not supported", this.text(from, this.at));
        return false;
      }
      fold(members);
    }
    for (let i = 0; i < members.length; i++) ranges.push(members[i]);
    return true;
  }

  private classCode(start: i32): u32 {
    if (this.at >= this.codes.length) {
      this.fail("missing closing ]", this.text(start, this.codes.length));
      return 0;
    }
    return this.peek() == 0x5c ? this.escapedCode() : this.codes[this.at++];
  }

  /** `[:alpha:]`. `false` where it does not end as one, so that the bracket stands for itself. */
  private namedClass(ranges: u32[]): bool {
    let end = this.at + 2;
    while (end + 1 < this.codes.length && !(this.codes[end] == 0x3a && this.codes[end + 1] == 0x5d)) end++;
    if (end + 1 >= this.codes.length) return false;
    const whole = this.text(this.at, end + 2);
    const negated = this.codes[this.at + 2] == 0x5e;
    const members = posixClass(this.text(this.at + (negated ? 3 : 2), end));
    if (members == null) {
      this.fail("invalid character class range", whole);
      return false;
    }
    const set = members;
    if (this.has(FOLD)) fold(set);
    const chosen = negated ? negate(tidy(set)) : set;
    for (let i = 0; i < chosen.length; i++) ranges.push(chosen[i]);
    this.at = end + 2;
    return true;
  }
}

/** How often the innermost part is repeated in all; RE2 bounds it, because each is a copy. */
function repeatCount(node: Node): i32 {
  let inner = 1;
  for (let i = 0; i < node.children.length; i++) inner = max(inner, repeatCount(node.children[i]));
  if (node.kind != NodeKind.Repeat) return inner;
  const times = node.most > 0 ? node.most : node.least;
  return times > 1 ? min(inner * times, 1 << 20) : inner;
}

function isWordCharacter(code: u32): bool {
  return code - 0x30 < 10 || (code | 0x20) - 0x61 < 26 || code == 0x5f;
}

function hexadecimalDigit(code: u32): i32 {
  if (code - 0x30 < 10) return <i32>(code - 0x30);
  return (code | 0x20) - 0x61 < 6 ? <i32>((code | 0x20) - 0x61 + 10) : -1;
}
