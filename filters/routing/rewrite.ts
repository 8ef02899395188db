import { Match, PathMatchKind } from "../lib/match";
import { arena, Bytes, RequestView } from "../sdk";
import { Rewrite } from "./rule";

/** The new `:path`, query included, or `null` where the rule leaves it. */
export function rewrittenTarget(rewrite: Rewrite, match: Match, request: RequestView): Bytes | null {
  const path = rewrittenPath(rewrite, match, request);
  return path != null ? withQuery(path, request) : null;
}

function rewrittenPath(rewrite: Rewrite, match: Match, request: RequestView): Bytes | null {
  const whole = rewrite.path;
  if (whole != null) return whole.bytes;
  const uri = rewrite.uri;
  if (uri != null) return replacePrefix(uri.bytes, match, request.path);
  const regex = rewrite.regex;
  const substitution = rewrite.substitution;
  if (regex == null || substitution == null) return null;
  return regex.replaceAll(request.path, substitution.bytes);
}

/**
 * `path` with `replacement` for the prefix that `match` asked for; for all of it where the match asked for something else. As in Istio the
 * rest follows as it is: `/strip` to `/` makes `//a` of `/strip/a`.
 */
export function replacePrefix(replacement: Bytes, match: Match, path: Bytes): Bytes {
  const matched = match.path;
  if (matched == null || matched.kind != PathMatchKind.Prefix) return replacement;
  return concatenate(replacement, path.slice(matched.text.bytes.length));
}

/** `path`, then the request's query with its question mark. */
export function withQuery(path: Bytes, request: RequestView): Bytes {
  return concatenate(path, request.target.slice(request.path.length));
}

export function concatenate(left: Bytes, right: Bytes): Bytes {
  if (right.length == 0) return left;
  const length = left.length + right.length;
  const copy = arena.allocate(<usize>length);
  memory.copy(copy, left.pointer, <usize>left.length);
  memory.copy(copy + <usize>left.length, right.pointer, <usize>right.length);
  return Bytes.view(copy, length);
}
