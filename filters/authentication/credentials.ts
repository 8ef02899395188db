import { Cookies, QueryParameters } from "../lib/url";
import { arena, Bytes, HeaderMap } from "../sdk";
import { Location, LocationKind } from "./location";

export const PATH = Bytes.of(":path");
const COOKIE = Bytes.of("cookie");
const QUESTION_MARK: u8 = 0x3f;

/** What was found at a location. */
export const enum Found {
  Nothing,
  One,
  /** More than may stand there: which of them a service would believe, nobody knows. */
  Several,
}

let credential: Bytes = Bytes.empty();

/** What the last {@link findCredential} found. */
export function foundCredential(): Bytes {
  return credential;
}

/** Looks for a token or an API key at `location`, at every value that stands there (CVE-2020-25017). */
export function findCredential(headers: HeaderMap, location: Location): Found {
  if (location.kind == LocationKind.Header) return findInHeader(headers, location);
  if (location.kind == LocationKind.Cookie) return findInCookies(headers, location.name.bytes);
  return findInQuery(headers, location.name.bytes);
}

function findInHeader(headers: HeaderMap, location: Location): Found {
  const values = headers.values(location.name.bytes);
  let lines = 0;
  let found = Found.Nothing;
  while (values.next()) {
    lines++;
    const value = values.value.slice(0);
    const inside = location.credentialIn(value);
    if (inside == null) {
      // `Basic x, Bearer y`: two values in one line, which Envoy's own filter would take for a token.
      if (value.contains(location.prefix.bytes)) return Found.Several;
    } else if (inside.length > 0) {
      credential = inside;
      found = Found.One;
    }
  }
  return found == Found.One && lines > 1 ? Found.Several : found;
}

/** An empty parameter is a token, and none that is valid, as in Istio. */
function findInQuery(headers: HeaderMap, name: Bytes): Found {
  const path = headers.get(PATH);
  const mark = path != null ? path.indexOf(QUESTION_MARK) : -1;
  if (path == null || mark < 0) return Found.Nothing;
  const parameters = QueryParameters.of(path.slice(mark + 1));
  if (!parameters.nextOf(name)) return Found.Nothing;
  credential = parameters.value.slice(0);
  return parameters.nextOf(name) ? Found.Several : Found.One;
}

function findInCookies(headers: HeaderMap, name: Bytes): Found {
  const lines = headers.values(COOKIE);
  let found = Found.Nothing;
  while (lines.next()) {
    const cookies = Cookies.of(lines.value);
    while (cookies.next()) {
      if (!cookies.name.equals(name)) continue;
      if (found != Found.Nothing) return Found.Several;
      credential = cookies.value.slice(0);
      found = Found.One;
    }
  }
  return found;
}

/** `path` without the parameter `name`, which stands in it once. */
export function withoutParameter(path: Bytes, name: Bytes): Bytes {
  const mark = path.indexOf(QUESTION_MARK);
  if (mark < 0) return path;
  const parameters = QueryParameters.of(path.slice(mark + 1));
  if (!parameters.nextOf(name)) return path;
  const start = <i32>(parameters.name.pointer - path.pointer);
  let end = <i32>(parameters.value.pointer - path.pointer) + parameters.value.length;
  // With the `&` behind it, or else the character before it: `&` or `?`.
  const begin = end < path.length ? start : start - 1;
  if (end < path.length) end++;
  const result = arena.allocate(<usize>path.length);
  memory.copy(result, path.pointer, <usize>begin);
  memory.copy(result + <usize>begin, path.pointer + <usize>end, <usize>(path.length - end));
  return Bytes.view(result, begin + path.length - end);
}
