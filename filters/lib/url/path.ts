import { arena, Bytes } from "../bytes";

const QUESTION_MARK: u8 = 0x3f;
const NUMBER_SIGN: u8 = 0x23;

/**
 * A request target in origin form, cut into its parts: `/path?query#fragment` (RFC 3986, section 3). The parts are views into the
 * target; the object itself is a few bytes of arena.
 *
 * Envoy answers 400 to a `#` in `:path` (CVE-2021-32779), so a filter behind its HTTP codec never sees a fragment. Where a target
 * comes from elsewhere (a header, a configuration), the first `#` ends the path and the query.
 */
@unmanaged
@final
export class PathParts {
  /** Everything before the first `?` or `#`. */
  path: Bytes;
  /** What stands between the first `?` and the fragment: null without a `?`, empty where nothing follows it. */
  query: Bytes | null;
  /** What follows the first `#`: null without one, empty where nothing follows it. */
  fragment: Bytes | null;

  static split(target: Bytes): PathParts {
    const parts = changetype<PathParts>(arena.allocate(offsetof<PathParts>()));
    const fragmentAt = target.indexOf(NUMBER_SIGN);
    const end = fragmentAt < 0 ? target.length : fragmentAt;
    const queryAt = target.indexOf(QUESTION_MARK);
    const hasQuery = queryAt >= 0 && queryAt < end;
    parts.path = target.slice(0, hasQuery ? queryAt : end);
    parts.query = hasQuery ? target.slice(queryAt + 1, end) : null;
    parts.fragment = fragmentAt < 0 ? null : target.slice(fragmentAt + 1);
    return parts;
  }
}

/** The path alone, which is what path matchers look at (Envoy's `PathUtil::removeQueryAndFragment`). */
export function removeQueryAndFragment(target: Bytes): Bytes {
  for (let i = 0; i < target.length; i++) {
    const byte = target[i];
    if (byte == QUESTION_MARK || byte == NUMBER_SIGN) return target.slice(0, i);
  }
  return target;
}

/** The index of the `?` that begins the query, or the length where there is none. What stands before it is what Envoy normalises. */
export function queryStart(target: Bytes): i32 {
  const index = target.indexOf(QUESTION_MARK);
  return index < 0 ? target.length : index;
}
