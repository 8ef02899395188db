import { arena, Bytes, HeaderMap, HeaderPairs, HttpCallout, HttpCalloutResponse, Text } from "../sdk";
import { anyNameMatches, Provider } from "./provider";
import { AuthorizationStream } from "./stream";

const METHOD = Text.of(":method");
const PATH = Text.of(":path");
const AUTHORITY = Text.of(":authority");
const CONTENT_LENGTH = Text.of("content-length");
const TRANSFER_ENCODING = Text.of("transfer-encoding");
const CONNECTION = Text.of("connection");
const LOCATION = Text.of("location");
const WWW_AUTHENTICATE = Text.of("www-authenticate");
const ZERO = Text.of("0");
const COLON: u8 = 0x3a;

/** Asks an HTTP authoriser as Envoy's `ext_authz` does: the request without its body, under a path prefix. */
@final
export class HttpCheck extends HttpCallout {
  constructor(private readonly owner: AuthorizationStream) {
    super();
  }

  onResponse(response: HttpCalloutResponse): void {
    this.owner.onChecked(response);
  }
}

/** What the authoriser gets; `null` for a request without path or authority (CONNECT), which it cannot be asked about. */
export function checkHeaders(provider: Provider, headers: HeaderMap): HeaderPairs | null {
  const method = headers.get(METHOD.bytes);
  const path = headers.get(PATH.bytes);
  const authority = headers.get(AUTHORITY.bytes);
  if (method == null || path == null || authority == null) return null;
  const pairs = HeaderPairs.create();
  const complete =
    pairs.add(METHOD.bytes, method) &&
    pairs.add(PATH.bytes, joined(provider.pathPrefix.bytes, path)) &&
    pairs.add(AUTHORITY.bytes, authority) &&
    pairs.add(CONTENT_LENGTH.bytes, ZERO.bytes);
  if (!complete) return null;
  const added = provider.includeAdditionalHeadersInCheck;
  for (let i = 0; i < added.length; i++) pairs.add(added[i].name.bytes, added[i].value.bytes);
  const sent = headers.iterate();
  while (provider.includeRequestHeadersInCheck.length > 0 && sent.next()) {
    const name = sent.name;
    if (isFraming(name) || isAdded(provider, name) || !anyNameMatches(provider.includeRequestHeadersInCheck, name)) continue;
    // What cannot be sent must not be missing there: the authoriser would judge another request.
    if (!pairs.add(viewOf(name), viewOf(sent.value))) return null;
  }
  return pairs;
}

/** Puts the headers of a good answer into the request, in the place of those there. */
export function applyOnAllow(provider: Provider, answer: HeaderMap, headers: HeaderMap): void {
  if (provider.headersToUpstreamOnAllow.length == 0) return;
  const given = answer.iterate();
  while (given.next()) {
    if (!isFraming(given.name) && anyNameMatches(provider.headersToUpstreamOnAllow, given.name)) headers.set(given.name, given.value);
  }
}

/** The headers of a denial that go to the client. */
export function denialHeaders(provider: Provider, answer: HeaderMap): HeaderPairs {
  const pairs = HeaderPairs.create();
  const names = provider.headersToDownstreamOnDeny;
  const given = answer.iterate();
  while (given.next()) {
    const name = given.name;
    if (isFraming(name)) continue;
    const always = name.equals(LOCATION.bytes) || name.equals(WWW_AUTHENTICATE.bytes);
    if (names == null || always || anyNameMatches(names, name)) pairs.add(viewOf(name), viewOf(given.value));
  }
  return pairs;
}

/** Pseudo-headers, and what says how a message is framed: of one message they say nothing about another. */
function isFraming(name: Bytes): bool {
  if (name.length > 0 && name[0] == COLON) return true;
  return name.equals(CONTENT_LENGTH.bytes) || name.equals(TRANSFER_ENCODING.bytes) || name.equals(CONNECTION.bytes);
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
