import { arena, Bytes, HeaderMap, HeaderPairs, HttpCallout, HttpCalloutResponse } from "../sdk";
import { parseFixed, parsedFixed } from "../lib/number";
import { CheckAnswer, Verdict } from "./check-answer";
import { CheckBody } from "./check-body";
import { CustomStream } from "./custom-stream";
import { isFraming, isPseudoHeader } from "./framing";
import { Limits } from "./limits";
import { MutationAction } from "./mutation";
import { anyNameMatches, Provider } from "./provider";

const METHOD = Bytes.of(":method");
const PATH = Bytes.of(":path");
const AUTHORITY = Bytes.of(":authority");
const STATUS = Bytes.of(":status");
const AUTHORIZATION = Bytes.of("authorization");
const CONTENT_LENGTH = Bytes.of("content-length");
const LOCATION = Bytes.of("location");
const WWW_AUTHENTICATE = Bytes.of("www-authenticate");
/** How an authoriser over HTTP says `headers_to_remove`: a list of names. */
const HEADERS_TO_REMOVE = Bytes.of("x-envoy-auth-headers-to-remove");
/** `true` where the authoriser got a part of the body; Envoy's own name. */
export const PARTIAL_BODY = Bytes.of("x-envoy-auth-partial-body");
export const TRUE = Bytes.of("true");
export const FALSE = Bytes.of("false");
const COMMA: u8 = 0x2c;

/** Asks an HTTP authoriser as Envoy's `ext_authz` does: with the request under a path prefix. */
@final
export class HttpCheck extends HttpCallout {
  constructor(private readonly owner: CustomStream) {
    super();
  }

  onResponse(response: HttpCalloutResponse): void {
    this.owner.onAnswer(readAnswer(this.owner.provider, response));
  }
}

/** What the authoriser gets; `null` for a request without path or authority (CONNECT), which it cannot be asked about. `body`: null where it gets none. */
export function checkHeaders(provider: Provider, headers: HeaderMap, body: CheckBody | null): HeaderPairs | null {
  const method = headers.get(METHOD);
  const path = headers.get(PATH);
  const authority = headers.get(AUTHORITY);
  if (method == null || path == null || authority == null) return null;
  const pairs = HeaderPairs.create();
  const complete =
    pairs.add(METHOD, method) &&
    pairs.add(PATH, joined(provider.pathPrefix.bytes, path)) &&
    pairs.add(AUTHORITY, authority) &&
    pairs.add(CONTENT_LENGTH, digits(body != null ? body.bytes.length : 0));
  if (!complete) return null;
  if (body != null) pairs.add(PARTIAL_BODY, body.isPartial ? TRUE : FALSE);
  const added = provider.includeAdditionalHeadersInCheck;
  for (let i = 0; i < added.length; i++) pairs.add(added[i].name.bytes, added[i].value.bytes);
  const sent = headers.iterate();
  while (sent.next()) {
    const name = sent.name;
    if (!isSent(provider, name) || isAdded(provider, name)) continue;
    // What cannot be sent must not be missing there: the authoriser would judge another request.
    if (!pairs.add(viewOf(name), viewOf(sent.value))) return null;
  }
  return pairs;
}

/** `authorization` always goes, as in `ext_authz`. A client cannot say how much of its body is seen. */
function isSent(provider: Provider, name: Bytes): bool {
  if (name.equals(AUTHORIZATION)) return true;
  if (isPseudoHeader(name) || isFraming(name) || name.equals(PARTIAL_BODY)) return false;
  return anyNameMatches(provider.includeRequestHeadersInCheck, name);
}

/** A timeout and a refused connection look like answers of status 504 and 503. */
function readAnswer(provider: Provider, response: HttpCalloutResponse): CheckAnswer {
  const answer = CheckAnswer.create();
  const text = response.headers.get(STATUS);
  const status = text != null ? parseFixed(text, 0) : 0;
  if (response.failed || text == null || !parsedFixed() || status < 200 || status >= 500) return answer;
  const isAllowed = status == 200;
  // Shown in full or not at all: a part of a page may say another thing.
  if (!isAllowed && response.body.size > Limits.ANSWER) return CheckAnswer.refusal();
  answer.verdict = isAllowed ? Verdict.Allowed : Verdict.Denied;
  answer.status = <u32>status;
  if (!isAllowed) answer.body = response.body.get();
  const given = response.headers.iterate();
  while (given.next()) {
    if (isPseudoHeader(given.name) || isFraming(given.name)) continue;
    const name = viewOf(given.name);
    const value = viewOf(given.value);
    if (!isAllowed) {
      if (isShown(provider, name)) answer.headers.add(name, value);
    } else if (!takeAllowed(provider, answer, name, value)) {
      return CheckAnswer.refusal();
    }
  }
  return answer;
}

/** `false` where the answer changes too much. */
function takeAllowed(provider: Provider, answer: CheckAnswer, name: Bytes, value: Bytes): bool {
  if (name.equals(HEADERS_TO_REMOVE)) return removeAll(answer, value);
  if (anyNameMatches(provider.headersToUpstreamOnAllow, name) && !answer.requestHeaders.add(name, value, MutationAction.Overwrite))
    return false;
  return !anyNameMatches(provider.headersToDownstreamOnAllow, name) || answer.responseHeaders.add(name, value, MutationAction.Add);
}

function removeAll(answer: CheckAnswer, names: Bytes): bool {
  for (let at = 0; at <= names.length;) {
    const comma = names.indexOf(COMMA, at);
    const name = names.slice(at, comma < 0 ? names.length : comma).trim();
    at = comma < 0 ? names.length + 1 : comma + 1;
    if (isRemovable(name) && !answer.requestHeaders.add(name, Bytes.empty(), MutationAction.Remove)) return false;
  }
  return true;
}

/** Without its pseudo-headers and framing a request would be another. */
export function isRemovable(name: Bytes): bool {
  return name.length > 0 && !isPseudoHeader(name) && !isFraming(name) && !name.equalsIgnoreCase(HOST);
}

const HOST = Bytes.of("host");

/** Whether the client gets this header of a denial. */
function isShown(provider: Provider, name: Bytes): bool {
  const names = provider.headersToDownstreamOnDeny;
  return names == null || name.equals(LOCATION) || name.equals(WWW_AUTHENTICATE) || anyNameMatches(names, name);
}

function isAdded(provider: Provider, name: Bytes): bool {
  const added = provider.includeAdditionalHeadersInCheck;
  for (let i = 0; i < added.length; i++) {
    if (added[i].name.bytes.equals(name)) return true;
  }
  return false;
}

/** A view of its own: that of an iterator changes with its next step. */
function viewOf(bytes: Bytes): Bytes {
  return Bytes.view(bytes.pointer, bytes.length);
}

function joined(first: Bytes, second: Bytes): Bytes {
  if (first.length == 0) return second;
  const start = arena.allocate(<usize>(first.length + second.length));
  memory.copy(start, first.pointer, <usize>first.length);
  memory.copy(start + <usize>first.length, second.pointer, <usize>second.length);
  return Bytes.view(start, first.length + second.length);
}

/** A length in decimal. */
export function digits(value: u32): Bytes {
  const size = 10;
  const start = arena.allocate(size);
  let at = start + size;
  let rest = value;
  do {
    store<u8>(--at, <u8>(0x30 + (rest % 10)));
    rest /= 10;
  } while (rest != 0);
  return Bytes.view(at, <i32>(start + size - at));
}
