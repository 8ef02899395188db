import { JsonKind, JsonValue } from "../lib/json";
import { arena, Bytes, copyBytes, Text } from "../sdk";

/** Claims, and what stands in the state around them. */
const WORDS = Text.list('iss sub aud azp "principal": / "audiences": [ ] "presenter": "claims": "consumer": , { }');
const ISS = 0;
const SUB = 1;
const AUD = 2;
const AZP = 3;
const PRINCIPAL = 4;
const SLASH = 5;
const AUDIENCES = 6;
const LIST_START = 7;
const LIST_END = 8;
const PRESENTER = 9;
const CLAIMS = 10;
const CONSUMER = 11;
const COMMA = 12;
const START = 13;
const END = 14;

function word(index: i32): Bytes {
  return unchecked(WORDS[index]).bytes;
}

let at: usize = 0;

function append(bytes: Bytes): void {
  copyBytes(at, bytes.pointer, <usize>bytes.length);
  at += <usize>bytes.length;
}

/**
 * What a verified token says, as the filter state holds it: `{"principal":"iss/sub","audiences":[…],"presenter":"azp","claims":{…}}`, each only where the
 * token has it. Parts are copied from the token as they are written there, so that nothing is decoded and encoded again.
 */
export function tokenState(payload: JsonValue, source: Bytes): Bytes {
  const start = arena.allocate(<usize>source.length * 2 + 96);
  at = start;
  append(word(START));
  const issuer = payload.member(word(ISS));
  const subject = payload.member(word(SUB));
  // Without a subject there is no principal; an empty one would be `iss/`.
  if (issuer != null && subject != null && issuer.textLength > 0 && subject.textLength > 0) {
    append(word(PRINCIPAL));
    append(source.slice(issuer.start, issuer.end - 1));
    append(word(SLASH));
    append(source.slice(subject.start + 1, subject.end));
    append(word(COMMA));
  }
  const audience = payload.member(word(AUD));
  if (audience != null) {
    const single = audience.kind == JsonKind.String;
    append(word(AUDIENCES));
    if (single) append(word(LIST_START));
    append(source.slice(audience.start, audience.end));
    if (single) append(word(LIST_END));
    append(word(COMMA));
  }
  const presenter = payload.member(word(AZP));
  if (presenter != null && presenter.kind == JsonKind.String) {
    append(word(PRESENTER));
    append(source.slice(presenter.start, presenter.end));
    append(word(COMMA));
  }
  append(word(CLAIMS));
  append(source.slice(payload.start, payload.end));
  append(word(END));
  return Bytes.view(start, <i32>(at - start));
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
