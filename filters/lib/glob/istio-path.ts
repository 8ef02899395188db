import { arena, Bytes } from "../bytes";
import { TemplateError } from "./error";
import { Glob } from "./glob";
import { PathTemplate } from "./path-template";

const STAR: u8 = 0x2a;
const SLASH: u8 = 0x2f;
const OPEN: u8 = 0x7b;
const CLOSE: u8 = 0x7d;

/**
 * One of the `paths` of an AuthorizationPolicy: a {@link Glob}, or a path template where it holds `{*}` (one segment, not empty) or
 * `{**}` (the rest). `/f/{**}` matches `/f/` and not `/f`; `/f/{*}` matches neither of them, nor `/f/a/`.
 */
@final
export class IstioPath {
  /** Why the last {@link compile} returned null. */
  static error: TemplateError = TemplateError.None;
  /** Where in the pattern. */
  static errorOffset: i32 = 0;

  private constructor(
    /** What the pattern is where it is no template. */
    readonly glob: Glob | null,
    private readonly template: PathTemplate | null,
  ) {}

  /** Null with {@link error} and {@link errorOffset} set where the pattern is a template that Istio or Envoy would refuse. */
  static compile(pattern: Bytes): IstioPath | null {
    IstioPath.error = TemplateError.None;
    if (nextTemplate(pattern, 0) < 0) return new IstioPath(Glob.compile(pattern), null);
    // {*} and {**} are Istio's spelling of Envoy's * and **, which Istio does not take themselves, nor named variables.
    const plain = Bytes.view(arena.allocate(<usize>pattern.length), 0);
    let at = 0;
    while (at < pattern.length) {
      const length = templateLength(pattern, at);
      const offset = length == 0 ? unsupported(pattern, at) : -1;
      if (offset >= 0) return refuse(TemplateError.UnsupportedByIstio, offset);
      const start = length == 0 ? at : at + 1;
      const end = length == 0 ? at + 1 : at + length - 1;
      memory.copy(plain.pointer + <usize>plain.length, pattern.pointer + <usize>start, <usize>(end - start));
      plain.length += end - start;
      at += max(length, 1);
    }
    const template = PathTemplate.compile(plain);
    if (template == null) return refuse(PathTemplate.error, offsetInPattern(pattern, PathTemplate.errorOffset));
    return new IstioPath(null, template);
  }

  /** Whether the pattern matches `path`, a path without query and fragment. */
  matches(path: Bytes): bool {
    const glob = this.glob;
    if (glob != null) return glob.matches(path);
    const template = this.template;
    return template != null && template.matches(path);
  }
}

/** The index of the first `{*}` or `{**}` at or after `from`, or -1. */
function nextTemplate(pattern: Bytes, from: i32): i32 {
  for (let i = pattern.indexOf(OPEN, from); i >= 0; i = pattern.indexOf(OPEN, i + 1)) {
    if (templateLength(pattern, i) > 0) return i;
  }
  return -1;
}

/** Where the byte at `offset` of the template stood in `pattern`, before the brackets were taken away. */
function offsetInPattern(pattern: Bytes, offset: i32): i32 {
  let at = 0;
  let plain = 0;
  while (at < pattern.length && plain < offset) {
    const length = templateLength(pattern, at);
    plain += length == 0 ? 1 : length - 2;
    at += max(length, 1);
  }
  return at;
}

/** 3 for `{*}`, 4 for `{**}` at `index`, else 0. */
function templateLength(pattern: Bytes, index: i32): i32 {
  if (index + 2 >= pattern.length || pattern[index] != OPEN || pattern[index + 1] != STAR) return 0;
  if (pattern[index + 2] == CLOSE) return 3;
  return index + 3 < pattern.length && pattern[index + 2] == STAR && pattern[index + 3] == CLOSE ? 4 : 0;
}

/** `at`, where something begins there that Istio refuses in a template: a named or empty variable, a star beside a slash; else -1. */
function unsupported(pattern: Bytes, at: i32): i32 {
  const byte = pattern[at];
  if (byte == OPEN) return at;
  if (byte != STAR) return -1;
  const afterSlash = at > 0 && pattern[at - 1] == SLASH;
  const beforeSlash = at + 1 < pattern.length && pattern[at + 1] == SLASH;
  return afterSlash || beforeSlash ? at : -1;
}

function refuse(error: TemplateError, offset: i32): IstioPath | null {
  IstioPath.error = error;
  IstioPath.errorOffset = offset;
  return null;
}
