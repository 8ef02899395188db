import { Glob, GlobKind } from "../lib/glob";
import { Bytes } from "../sdk";

const LINE_FEED: u8 = 0x0a;

/** Whether one of `values` matches, as Istio's `StringMatcher` does: its `*` is the expression `.+`, which takes no line break. */
export function anyMatches(values: Glob[], input: Bytes): bool {
  for (let i = 0; i < values.length; i++) {
    const value = unchecked(values[i]);
    if (value.matches(input) && (value.kind != GlobKind.Present || input.indexOf(LINE_FEED) < 0)) return true;
  }
  return false;
}

/** The same for headers, as Istio's `HeaderMatcher`: there `*` asks for presence, which an empty value has too. */
export function anyHeaderMatches(values: Glob[], input: Bytes): bool {
  for (let i = 0; i < values.length; i++) {
    const value = unchecked(values[i]);
    if (value.kind == GlobKind.Present || value.matches(input)) return true;
  }
  return false;
}

/** The same with ASCII letters folded, as Istio's `HostMatcher`. */
export function anyHostMatches(values: Glob[], input: Bytes): bool {
  for (let i = 0; i < values.length; i++) {
    const value = unchecked(values[i]);
    if (value.kind == GlobKind.Present || value.matchesIgnoreCase(input)) return true;
  }
  return false;
}
