import { JsonKind } from "../lib/json";
import { arena, Bytes, copyBytes, Text } from "../sdk";
import { TokenPayload } from "./token-payload";

/** What stands in the state around claims. */
const WORDS = Text.list('"principal": / "audiences": [ ] "presenter": "claims": "consumer": , { }');
const PRINCIPAL = 0;
const SLASH = 1;
const AUDIENCES = 2;
const LIST_START = 3;
const LIST_END = 4;
const PRESENTER = 5;
const CLAIMS = 6;
const CONSUMER = 7;
const COMMA = 8;
const START = 9;
const END = 10;
const CLOSE: u8 = 0x7d;

function word(index: i32): Bytes {
  return unchecked(WORDS[index]).bytes;
}

let at: usize = 0;

function append(bytes: Bytes): void {
  copyBytes(at, bytes.pointer, <usize>bytes.length);
  at += <usize>bytes.length;
}

function prepend(bytes: Bytes): void {
  at -= <usize>bytes.length;
  copyBytes(at, bytes.pointer, <usize>bytes.length);
}

/** What {@link tokenState} puts in front of a payload at most, besides parts of it. */
export const STATE_ROOM: usize = 64;

/**
 * What a verified token says, as the filter state holds it: `{"principal":"iss/sub","audiences":[…],"presenter":"azp","claims":{…}}`, each only where the
 * token has it. Parts are copied from the token as they are written there, so that nothing is decoded and encoded again. The claims stay where they are, for which there
 * must be {@link STATE_ROOM}: the rest is put around them, from the last to the first.
 */
export function tokenState(payload: TokenPayload): Bytes {
  const source = payload.source;
  const claims = payload.claims;
  const end = source.pointer + <usize>claims.end;
  at = source.pointer + <usize>claims.start;
  prepend(word(CLAIMS));
  const presenter = payload.presenter;
  if (presenter != null && presenter.kind == JsonKind.String) {
    prepend(word(COMMA));
    prepend(source.slice(presenter.start, presenter.end));
    prepend(word(PRESENTER));
  }
  const audience = payload.audience;
  if (audience != null) {
    const single = audience.kind == JsonKind.String;
    prepend(word(COMMA));
    if (single) prepend(word(LIST_END));
    prepend(source.slice(audience.start, audience.end));
    if (single) prepend(word(LIST_START));
    prepend(word(AUDIENCES));
  }
  const issuer = payload.issuer;
  const subject = payload.subject;
  // Without a subject there is no principal; an empty one would be `iss/`.
  if (issuer != null && subject != null && issuer.textLength > 0 && subject.textLength > 0) {
    prepend(word(COMMA));
    prepend(source.slice(subject.start + 1, subject.end));
    prepend(word(SLASH));
    prepend(source.slice(issuer.start, issuer.end - 1));
    prepend(word(PRINCIPAL));
  }
  prepend(word(START));
  store<u8>(end, CLOSE);
  return Bytes.view(at, <i32>(end + 1 - at));
}

/** `state` (of a token, or `null`) with the consumer of an API key, whose name comes as JSON. */
export function withConsumer(state: Bytes | null, consumer: Bytes): Bytes {
  const length = state != null ? state.length : 0;
  const start = arena.allocate(<usize>(length + consumer.length + 16));
  at = start;
  if (state != null) {
    append(state.slice(0, state.length - 1));
    append(word(COMMA));
  } else {
    append(word(START));
  }
  append(word(CONSUMER));
  append(consumer);
  append(word(END));
  return Bytes.view(start, <i32>(at - start));
}
