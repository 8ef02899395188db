import { Bytes, Text } from "../bytes";
import { TemplateError } from "./error";

/** What one step of a template consumes. */
export const enum StepKind {
  /** Exactly the bytes of its text. */
  Literal,
  /** `*`: one or more path characters without `/`. */
  PathGlob,
  /** `**`: any number of path characters and `/`. */
  TextGlob,
}

/** One step of a template, in order. */
@final
export class Step {
  constructor(
    readonly kind: StepKind,
    readonly text: Text,
  ) {}
}

/** A named variable: it covers the steps from {@link start} up to, not including, {@link end}. */
@final
export class Variable {
  end: i32 = 0;

  constructor(
    readonly name: Text,
    readonly start: i32,
  ) {}
}

const MAX_VARIABLES: i32 = 5;
const MAX_VARIABLE_NAME: i32 = 16;
const SLASH: u8 = 0x2f;
const STAR: u8 = 0x2a;
const EQUALS: u8 = 0x3d;
const OPEN: u8 = 0x7b;
const CLOSE: u8 = 0x7d;

/**
 * Reads the syntax of Envoy's `envoy.path.match.uri_template` as Envoy 1.40 takes it: segments, each a literal, `*`, `**`, or one variable
 * with a literal before and behind it; only the last segment may have a literal behind a bare glob.
 *
 * Envoy 1.36 refuses a literal beside a variable, as in `/v{version}`; 1.39 and 1.40 take it. One thing is stricter here: a `*` within a
 * literal, as in `/a*`, is refused. Envoy 1.40 takes it and hands it to its regular expression as it is, so that `/a*` matches `/`, `/a`
 * and `/aa` but neither `/ab` nor `/a*`.
 *
 * ```
 *   template  =  1*( "/" segment )           variable =  "{" name [ "=" match ] "}"
 *   segment   =  literal / glob / [literal] variable [literal]      match = part *( "/" part )
 *   glob      =  "*" / "**"                  part     =  literal / glob
 * ```
 */
@final
export class TemplateParser {
  readonly steps: Step[] = [];
  readonly variables: Variable[] = [];
  error: TemplateError = TemplateError.None;
  /** Where in the template the error was seen. */
  offset: i32 = 0;
  private sawTextGlob: bool = false;

  constructor(private readonly template: Bytes) {}

  /** Fills {@link steps} and {@link variables}; false with {@link error} and {@link offset} set where the template is not valid. */
  parse(): bool {
    const template = this.template;
    if (template.length == 0 || template[0] != SLASH) return this.fail(TemplateError.InvalidPattern, 0);
    for (let i = 0; i < template.length; i++) {
      if (template[i] <= 0x20 || template[i] >= 0x7f) return this.fail(TemplateError.InvalidPattern, i);
    }
    let at = 0;
    while (at < template.length) {
      // Here stands the slash that begins a segment.
      this.literal(at, at + 1);
      at++;
      if (at == template.length) break;
      at = this.segment(at);
      if (at < 0) return false;
    }
    return true;
  }

  /** Reads the segment at `start` and returns where it ends, at a slash or the end of the template; -1 after an error. */
  private segment(start: i32): i32 {
    const template = this.template;
    if (template[start] == STAR) {
      const behind = this.glob(start);
      if (behind < 0 || behind == template.length || template[behind] == SLASH) return behind;
      const end = this.segmentEnd(behind);
      if (!this.literal(behind, end)) return -1;
      return end == template.length ? end : this.failAt(TemplateError.PrefixMatch, start);
    }
    const open = template.indexOf(OPEN, start);
    if (open < 0 || open >= this.segmentEnd(start)) {
      const end = this.segmentEnd(start);
      return this.literal(start, end) ? end : -1;
    }
    if (open > start && !this.literal(start, open)) return -1;
    const close = template.indexOf(CLOSE, open);
    if (close < 0) return this.failAt(TemplateError.UnmatchedBracket, open);
    // Before a variable with a slash in its match Envoy allows no literal.
    if (open > start && close > this.segmentEnd(start)) return this.failAt(TemplateError.InvalidLiteral, start);
    const end = this.segmentEnd(close);
    if (!this.variable(open, close)) return -1;
    return close + 1 == end || this.literal(close + 1, end) ? end : -1;
  }

  /** Reads `{name=match}` between the brackets. */
  private variable(open: i32, close: i32): bool {
    const content = this.template.slice(open + 1, close);
    const equals = content.indexOf(EQUALS);
    const name = equals < 0 ? content : content.slice(0, equals);
    if (!isVariableName(name)) return this.fail(TemplateError.InvalidVariableName, open + 1);
    if (name.length > MAX_VARIABLE_NAME) return this.fail(TemplateError.VariableNameLength, open + 1);
    if (this.variables.length == MAX_VARIABLES) return this.fail(TemplateError.TooManyVariables, open);
    for (let i = 0; i < this.variables.length; i++) {
      if (this.variables[i].name.bytes.equals(name)) return this.fail(TemplateError.RepeatedVariable, open + 1);
    }
    const variable = new Variable(Text.from(name), this.steps.length);
    this.variables.push(variable);
    if (equals < 0) {
      if (!this.addGlob(StepKind.PathGlob, open)) return false;
    } else if (!this.variableMatch(open + 1 + equals + 1, close)) {
      return false;
    }
    variable.end = this.steps.length;
    return true;
  }

  private variableMatch(start: i32, close: i32): bool {
    if (start == close) return this.fail(TemplateError.InvalidVariableMatch, start);
    let at = start;
    while (true) {
      const end = min(this.segmentEnd(at), close);
      if (at < end && this.template[at] == STAR) {
        const behind = this.glob(at);
        if (behind < 0) return false;
        if (behind != end) return this.fail(TemplateError.InvalidVariableMatch, behind);
      } else if (!this.literal(at, end)) {
        return false;
      }
      if (end == close) return true;
      if (end + 1 == close) return this.fail(TemplateError.InvalidVariableMatch, end);
      this.literal(end, end + 1);
      at = end + 1;
    }
  }

  /** Reads `*` or `**` and returns where it ends, or -1. */
  private glob(start: i32): i32 {
    const isText = start + 1 < this.template.length && this.template[start + 1] == STAR;
    if (!this.addGlob(isText ? StepKind.TextGlob : StepKind.PathGlob, start)) return -1;
    return start + (isText ? 2 : 1);
  }

  private addGlob(kind: StepKind, offset: i32): bool {
    if (this.sawTextGlob) return this.fail(TemplateError.GlobAfterTextGlob, offset);
    this.sawTextGlob = kind == StepKind.TextGlob;
    this.steps.push(new Step(kind, Text.from(Bytes.empty())));
    return true;
  }

  /** Adds the characters from `start` to `end`, a lone slash or a text of path characters. */
  private literal(start: i32, end: i32): bool {
    const text = this.template.slice(start, end);
    if (text.length == 0) return this.fail(TemplateError.InvalidLiteral, start);
    const isSeparator = text.length == 1 && text[0] == SLASH;
    for (let i = 0; i < text.length; i++) {
      if (text[i] == STAR) return this.fail(TemplateError.StarInLiteral, start + i);
      if (!isSeparator && !isPathCharacter(text[i])) return this.fail(TemplateError.InvalidLiteral, start + i);
    }
    this.steps.push(new Step(StepKind.Literal, Text.from(text)));
    return true;
  }

  private segmentEnd(from: i32): i32 {
    const slash = this.template.indexOf(SLASH, from);
    return slash < 0 ? this.template.length : slash;
  }

  private fail(error: TemplateError, offset: i32): bool {
    this.error = error;
    this.offset = offset;
    return false;
  }

  private failAt(error: TemplateError, offset: i32): i32 {
    this.fail(error, offset);
    return -1;
  }
}

// One bit a byte for 0x20 to 0x7f: letters, digits and -._~%!$&'()*+,;:@= .
const PATH_20: u32 = 0x2fff7ff2;
const PATH_40: u32 = 0x87ffffff;
const PATH_60: u32 = 0x47fffffe;

/**
 * Whether `byte` may stand in a segment: the `pchar` of RFC 3986, section 3.3, where `%` stands for itself. A byte outside of it, so
 * every byte from 0x80 on, is matched by no glob. (Before CVE-2025-46821 was mended a `*` in a path was not matched either.)
 */
export function isPathCharacter(byte: u8): bool {
  const bit: u32 = 1 << ((<u32>byte) & 31);
  switch (byte >> 5) {
    case 1:
      return (PATH_20 & bit) != 0;
    case 2:
      return (PATH_40 & bit) != 0;
    case 3:
      return (PATH_60 & bit) != 0;
    default:
      return false;
  }
}

/** Whether `name` is a letter followed by letters, digits and `_`. */
export function isVariableName(name: Bytes): bool {
  for (let i = 0; i < name.length; i++) {
    const letter = <u8>((name[i] | 0x20) - 0x61) < 26;
    const other = <u8>(name[i] - 0x30) < 10 || name[i] == 0x5f;
    if (!letter && !(other && i > 0)) return false;
  }
  return name.length > 0;
}
