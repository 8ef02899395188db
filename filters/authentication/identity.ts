import { JsonKind, JsonValue } from "../lib/json";
import { arena, Bytes, Text } from "../sdk";

/** Name of the filter state that other filters read (`wasm.meshwright.authentication` in Envoy). */
export const STATE = Text.of("meshwright.authentication");

const ISS = Text.of("iss");
const SUB = Text.of("sub");
const AUD = Text.of("aud");
const AZP = Text.of("azp");
const PRINCIPAL = Text.of('"principal":');
const SLASH = Text.of("/");
const AUDIENCES = Text.of('"audiences":');
const LIST_START = Text.of("[");
const LIST_END = Text.of("]");
const PRESENTER = Text.of('"presenter":');
const CLAIMS = Text.of('"claims":');
const CONSUMER = Text.of('"consumer":');
const COMMA = Text.of(",");
const START = Text.of("{");
const END = Text.of("}");

let at: usize = 0;

function append(bytes: Bytes): void {
  memory.copy(at, bytes.pointer, <usize>bytes.length);
  at += <usize>bytes.length;
}

/**
 * What a verified token says, as the filter state holds it: `{"principal":"iss/sub","audiences":[…],"presenter":"azp","claims":{…}}`, each only where the
 * token has it. Parts are copied from the token as they are written there, so that nothing is decoded and encoded again.
 */
export function tokenState(payload: JsonValue, source: Bytes): Bytes {
  const start = arena.allocate(<usize>source.length * 2 + 96);
  at = start;
  append(START.bytes);
  const issuer = payload.member(ISS.bytes);
  const subject = payload.member(SUB.bytes);
  // Without a subject there is no principal; an empty one would be `iss/`.
  if (issuer != null && subject != null && issuer.textLength > 0 && subject.textLength > 0) {
    append(PRINCIPAL.bytes);
    append(source.slice(issuer.start, issuer.end - 1));
    append(SLASH.bytes);
    append(source.slice(subject.start + 1, subject.end));
    append(COMMA.bytes);
  }
  const audience = payload.member(AUD.bytes);
  if (audience != null) {
    const single = audience.kind == JsonKind.String;
    append(AUDIENCES.bytes);
    if (single) append(LIST_START.bytes);
    append(source.slice(audience.start, audience.end));
    if (single) append(LIST_END.bytes);
    append(COMMA.bytes);
  }
  const presenter = payload.member(AZP.bytes);
  if (presenter != null && presenter.kind == JsonKind.String) {
    append(PRESENTER.bytes);
    append(source.slice(presenter.start, presenter.end));
    append(COMMA.bytes);
  }
  append(CLAIMS.bytes);
  append(source.slice(payload.start, payload.end));
  append(END.bytes);
  return Bytes.view(start, <i32>(at - start));
}

/** `state` (of a token, or `null`) with the consumer of an API key, whose name comes as JSON. */
export function withConsumer(state: Bytes | null, consumer: Bytes): Bytes {
  const length = state != null ? state.length : 0;
  const start = arena.allocate(<usize>(length + consumer.length + 16));
  at = start;
  if (state != null) {
    append(state.slice(0, state.length - 1));
    append(COMMA.bytes);
  } else {
    append(START.bytes);
  }
  append(CONSUMER.bytes);
  append(consumer);
  append(END.bytes);
  return Bytes.view(start, <i32>(at - start));
}
