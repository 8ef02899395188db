import { arena, Bytes } from "../bytes";
import { decimal } from "../number";
import { MAX_PROGRAM } from "./limits";
import { Matcher } from "./matcher";
import { Parser } from "./parser";
import { Program } from "./program";
import { Search } from "./search";

const BACKSLASH: u8 = 0x5c;

let lastError: string = "";

/**
 * A regular expression with RE2's syntax and semantics, over bytes: patterns and input are UTF-8, and a byte that is not UTF-8 matches nothing, `.`
 * neither, so that it can only make a match fail (compare CVE-2023-27488). Compiled when configured; a match takes time linear in the input
 * and makes no managed object. What is not here is refused when compiled: Unicode classes (`\p{…}`), `\C`, and case folding of letters beyond
 * ASCII, whose tables would double a module.
 */
@final
export class Regex {
  private readonly matcher: Matcher;

  private constructor(
    private readonly program: Program,
    /** Captures of the pattern, the whole match not counted. */
    readonly captureCount: i32,
  ) {
    this.matcher = new Matcher(program);
  }

  /** `null` where the pattern is refused; {@link errorMessage} says why. */
  static compile(pattern: Bytes): Regex | null {
    const parser = new Parser(pattern);
    lastError = parser.error;
    if (lastError.length > 0) return null;
    const node = parser.parse();
    lastError = parser.error;
    if (lastError.length > 0) return null;
    const program = Program.compile(node);
    if (program.tooLarge) {
      lastError = "pattern too large: it needs more than " + decimal(MAX_PROGRAM) + " instructions";
      return null;
    }
    return new Regex(program, parser.captures);
  }

  /** Why the last {@link compile} gave `null`, in RE2's words: `missing closing ]: [a`. */
  static errorMessage(): string {
    return lastError;
  }

  /** Whether the whole of `input` matches. */
  @inline
  matches(input: Bytes): bool {
    return this.matcher.matches(input);
  }

  /**
   * The positions of the first match at or after `from`, wherever it is: i32 start and end of the whole and of each capture, -1 for what took no part. 0
   * where there is none. In the arena.
   */
  search(input: Bytes, from: i32 = 0): usize {
    const search = Search.of(this.program, this.captureCount);
    return search.find(input, from) ? search.positions : 0;
  }

  /** Whether each `\digit` of `replacement` names a capture, and `\\` is the only other escape, as RE2's `CheckRewriteString`. */
  validReplacement(replacement: Bytes): bool {
    for (let i = 0; i < replacement.length; i++) {
      if (replacement[i] != BACKSLASH) continue;
      if (++i == replacement.length) return false;
      const digit = replacement[i] - 0x30;
      if (replacement[i] != BACKSLASH && (digit > 9 || <i32>digit > this.captureCount)) return false;
    }
    return true;
  }

  /** `input` with every match, from left to right, replaced, as RE2's `GlobalReplace` and Envoy's `regex_rewrite`. In the arena, or `input` itself. */
  replaceAll(input: Bytes, replacement: Bytes): Bytes {
    const search = Search.of(this.program, this.captureCount);
    const output = changetype<Output>(arena.allocate(offsetof<Output>()));
    output.pointer = 0;
    output.length = 0;
    output.capacity = 0;
    let copied = 0;
    let at = 0;
    let lastEnd = -1;
    while (at <= input.length && search.find(input, at)) {
      const start = load<i32>(search.positions);
      const end = load<i32>(search.positions, 4);
      // An empty match right behind the last one is not another.
      if (start == end && start == lastEnd) {
        at = nextCharacter(input, at);
        continue;
      }
      output.append(input.pointer + <usize>copied, start - copied);
      this.expand(output, input, replacement, search.positions);
      copied = end;
      lastEnd = end;
      at = end > start ? end : nextCharacter(input, end);
    }
    if (lastEnd < 0) return input;
    output.append(input.pointer + <usize>copied, input.length - copied);
    return Bytes.view(output.pointer, output.length);
  }

  private expand(output: Output, input: Bytes, replacement: Bytes, positions: usize): void {
    for (let i = 0; i < replacement.length; i++) {
      const byte = replacement[i];
      if (byte != BACKSLASH || i + 1 == replacement.length) {
        output.append(replacement.pointer + <usize>i, 1);
        continue;
      }
      const digit = replacement[++i] - 0x30;
      if (digit > 9) {
        output.append(replacement.pointer + <usize>i, 1);
        continue;
      }
      if (<i32>digit > this.captureCount) continue;
      const group = positions + ((<usize>digit) << 3);
      const start = load<i32>(group);
      if (start >= 0) output.append(input.pointer + <usize>start, load<i32>(group, 4) - start);
    }
  }
}

/** Bytes that grow, in the arena. */
@unmanaged
@final
class Output {
  pointer: usize;
  length: i32;
  capacity: i32;

  append(from: usize, length: i32): void {
    if (this.length + length > this.capacity) {
      this.capacity = max((this.length + length) * 2, 64);
      const grown = arena.allocate(<usize>this.capacity);
      memory.copy(grown, this.pointer, <usize>this.length);
      this.pointer = grown;
    }
    memory.copy(this.pointer + <usize>this.length, from, <usize>length);
    this.length += length;
  }
}

/** The index behind the character at `at`; a byte that begins none counts alone. */
function nextCharacter(input: Bytes, at: i32): i32 {
  let next = at + 1;
  if (at < input.length && input[at] >= 0xc0) {
    while (next < input.length && (input[next] & 0xc0) == 0x80) next++;
  }
  return next;
}
