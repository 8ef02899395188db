import { Bytes, sameBytes } from "../bytes";
import { TemplateError } from "./error";
import { isPathCharacter, Step, StepKind, TemplateParser, Variable } from "./template-parser";

const SLASH: u8 = 0x2f;

/**
 * A compiled path template of Envoy's `envoy.path.match.uri_template`, such as `/users/{user}/files/{path=**}`.
 *
 * `*` and `{name}` take one segment that is not empty, `**` takes the rest of the path up to what follows it in the template, also
 * nothing and also across slashes. A template covers the whole path. Globs take path characters only (RFC 3986's `pchar`).
 *
 * Every step has one possible end: a `*` ends with its segment, less the literal behind it in that segment, and nothing but literals
 * may follow a `**`. So there is no backtracking, and the time is linear in the path.
 */
@final
export class PathTemplate {
  /** Why the last {@link compile} returned null. */
  static error: TemplateError = TemplateError.None;
  /** Where in the template. */
  static errorOffset: i32 = 0;

  /** For each step, how many bytes of literals follow it before the next slash (of a `*`) or the end of the template (of a `**`). */
  private readonly following: StaticArray<i32>;

  private constructor(
    private readonly steps: Step[],
    readonly variables: Variable[],
  ) {
    const following = new StaticArray<i32>(steps.length);
    for (let i = 0; i < steps.length; i++) {
      if (steps[i].kind != StepKind.Literal) following[i] = literalLength(steps, i);
    }
    this.following = following;
  }

  /** Null with {@link error} and {@link errorOffset} set where Envoy would refuse the template. */
  static compile(template: Bytes): PathTemplate | null {
    const parser = new TemplateParser(template);
    const valid = parser.parse();
    PathTemplate.error = parser.error;
    PathTemplate.errorOffset = parser.offset;
    return valid ? new PathTemplate(parser.steps, parser.variables) : null;
  }

  /** Whether the template matches `path`, a path without query and fragment. */
  matches(path: Bytes): bool {
    return this.walk(path, 0);
  }

  /**
   * As {@link matches}, and where it returns true `positions`, which has room for one i32 more than there are steps, holds where each
   * step begins and, last, the length of the path.
   */
  match(path: Bytes, positions: usize): bool {
    return this.walk(path, positions);
  }

  /** How many i32 {@link match} writes. */
  get positionCount(): i32 {
    return this.steps.length + 1;
  }

  private walk(path: Bytes, positions: usize): bool {
    const steps = this.steps;
    let at = 0;
    for (let i = 0; i < steps.length; i++) {
      if (positions != 0) store<i32>(positions + ((<usize>i) << 2), at);
      const step = unchecked(steps[i]);
      if (step.kind == StepKind.Literal) {
        const text = step.text.bytes;
        const rest = path.length - at;
        if (rest < text.length || !sameBytes(path.pointer + <usize>at, text.pointer, <usize>text.length)) return false;
        at += text.length;
      } else {
        const isText = step.kind == StepKind.TextGlob;
        const end = (isText ? path.length : segmentEnd(path, at)) - unchecked(this.following[i]);
        const least = isText ? at : at + 1;
        if (end < least) return false;
        for (; at < end; at++) {
          if (!isPathCharacter(path[at]) && path[at] != SLASH) return false;
        }
      }
    }
    if (positions != 0) store<i32>(positions + ((<usize>steps.length) << 2), at);
    return at == path.length;
  }
}

/** The bytes of literals behind step `index`: up to the next slash for a `*`, all of them for a `**`. */
function literalLength(steps: Step[], index: i32): i32 {
  const toEnd = steps[index].kind == StepKind.TextGlob;
  let length = 0;
  for (let i = index + 1; i < steps.length && steps[i].kind == StepKind.Literal; i++) {
    const text = steps[i].text.bytes;
    if (!toEnd && text[0] == SLASH) break;
    length += text.length;
  }
  return length;
}

function segmentEnd(path: Bytes, from: i32): i32 {
  const slash = path.indexOf(SLASH, from);
  return slash < 0 ? path.length : slash;
}
