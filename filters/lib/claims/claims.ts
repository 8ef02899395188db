import { arena, Bytes, Text } from "../bytes";
import { JsonDocument, JsonKind, JsonValue } from "../json";

/**
 * Name of the filter state in which the `authentication` filter leaves what it verified. Envoy keeps what wasm filters set under `wasm.`, and adds that
 * prefix when one of them reads it, so that a native filter finds it as `wasm.meshwright.authentication`.
 */
// @ts-ignore: decorator
@lazy
export const CLAIMS_STATE = Bytes.of("meshwright.authentication");

/** Bytes that are read at most. */
const MAX_SIZE: i32 = 1 << 18;
/** Levels of objects and lists. */
const MAX_DEPTH: i32 = 64;

// @ts-ignore: decorator
@lazy
const PRINCIPAL = Bytes.of("principal");
// @ts-ignore: decorator
@lazy
const CLAIMS = Bytes.of("claims");
// @ts-ignore: decorator
@lazy
const CONSUMER = Bytes.of("consumer");
// @ts-ignore: decorator
@lazy
const ISSUER = Text.of("iss");
// @ts-ignore: decorator
@lazy
const SUBJECT = Text.of("sub");
const SLASH: u8 = 0x2f;

/**
 * Who is asking, as `authentication` verified it: `{"principal", "audiences", "presenter", "claims", "consumer"}`, each where there is one.
 * A view of that text, or of what it would be made of; it lives in the arena and ends with the callback.
 */
@unmanaged
@final
export class Claims {
  /**
   * There was something, and it could not be read: no JSON object, too large, too deep. Nothing is known about the request then, neither what it
   * has nor what it has not, so that no condition on claims may count as fulfilled, a negated one neither.
   */
  undecodable: bool;
  /** Whether the request brought a credential that was verified. */
  authenticated: bool;
  /** The owner of an API key. */
  consumer: Bytes | null;
  private state: JsonValue | null;
  private claims: JsonValue | null;

  /** `state`: the text of the filter state; `null` or empty for a request without credentials. */
  static parse(state: Bytes | null, maxSize: i32 = MAX_SIZE, maxDepth: i32 = MAX_DEPTH): Claims {
    const claims = Claims.of(null, null);
    if (state == null || state.length == 0) return claims;
    const root = JsonDocument.parse(state, maxSize, maxDepth).root;
    if (root == null || root.kind != JsonKind.Object) {
      claims.undecodable = true;
      return claims;
    }
    claims.authenticated = true;
    claims.consumer = textOf(root.member(CONSUMER));
    claims.state = root;
    claims.claims = root.member(CLAIMS);
    return claims;
  }

  /** The same without that text: `payload` of the token that was verified, and the owner of the API key; `null` where there is none. */
  static of(payload: JsonValue | null, consumer: Bytes | null): Claims {
    const claims = changetype<Claims>(arena.allocate(offsetof<Claims>()));
    claims.undecodable = false;
    claims.authenticated = payload != null || consumer != null;
    claims.consumer = consumer;
    claims.state = null;
    claims.claims = payload;
    return claims;
  }

  /** `ISSUER/SUBJECT`, as Istio's `request.auth.principal`; `null` without both. */
  get principal(): Bytes | null {
    const state = this.state;
    if (state != null) return textOf(state.member(PRINCIPAL));
    const issuer = this.text(ISSUER);
    const subject = this.text(SUBJECT);
    if (issuer == null || subject == null || issuer.length == 0 || subject.length == 0) return null;
    const length = issuer.length + 1 + subject.length;
    const joined = arena.allocate(<usize>length);
    memory.copy(joined, issuer.pointer, <usize>issuer.length);
    store<u8>(joined + <usize>issuer.length, SLASH);
    memory.copy(joined + <usize>issuer.length + 1, subject.pointer, <usize>subject.length);
    return Bytes.view(joined, length);
  }

  /** The claim at the end of `path`, of any kind; `null` where there is none. */
  claim(path: Text[]): JsonValue | null {
    let value = this.claims;
    for (let i = 0; i < path.length && value != null; i++) value = value.member(unchecked(path[i]).bytes);
    return value;
  }

  /** A claim of the first level that is text, else `null`. */
  text(name: Text): Bytes | null {
    const claims = this.claims;
    return textOf(claims != null ? claims.member(name.bytes) : null);
  }
}

function textOf(value: JsonValue | null): Bytes | null {
  return value != null && value.kind == JsonKind.String ? value.text : null;
}
