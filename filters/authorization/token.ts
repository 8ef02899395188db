import { JsonDocument, JsonKind, JsonValue } from "../lib/json";
import { arena, Bytes, Property, Text } from "../sdk";
import { Limits } from "./limits";

/**
 * The filter state that the `authentication` filter writes after it verified a credential: `{"principal", "audiences", "presenter", "claims", "consumer"}`. Envoy
 * keeps what wasm filters set under `wasm.`, and adds that prefix when one of them reads it.
 */
const authentication = Property.of(["meshwright.authentication"]);
const CLAIMS = Text.of("claims");
const CONSUMER = Text.of("consumer");

/** The verified claims of a request. In the arena. */
@unmanaged
@final
export class Token {
  private claims: JsonValue | null;
  private consumerValue: JsonValue | null;

  /** Whether the last {@link read} gave null although there was something. */
  static undecodable: bool = false;

  static read(): Token | null {
    Token.undecodable = false;
    const value = authentication.get();
    if (value == null || value.length == 0) return null;
    const root = JsonDocument.parse(value, Limits.TOKEN, Limits.TOKEN_DEPTH).root;
    if (root == null || root.kind != JsonKind.Object) {
      Token.undecodable = true;
      return null;
    }
    const token = changetype<Token>(arena.allocate(offsetof<Token>()));
    token.claims = root.member(CLAIMS.bytes);
    token.consumerValue = root.member(CONSUMER.bytes);
    return token;
  }

  /** A member of the claims, at any depth; `null` where there is none. */
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

  /** The owner of an API key. */
  get consumer(): Bytes | null {
    return textOf(this.consumerValue);
  }
}

function textOf(value: JsonValue | null): Bytes | null {
  return value != null && value.kind == JsonKind.String ? value.text : null;
}
