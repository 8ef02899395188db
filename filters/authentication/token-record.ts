import { JsonValue } from "../lib/json";
import { arena, Bytes } from "../sdk";

/**
 * What is kept of a verified token: all that a request with it needs, in one block.
 *
 * ```
 *   0            52        token        state               claims                   payload
 *   +------------+---------+------------+-------------------+----------------------+
 *   | fields     | token   | JSON state | length, bytes ... | parsed, in the cache |   lengths are i32; -1 where the claim is missing
 *   +------------+---------+------------+-------------------+----------------------+
 * ```
 */
@unmanaged
@final
export class TokenRecord {
  hash: u64;
  /** Milliseconds since 1970 from which the token is valid (`nbf`, `iat`), and after which it is not; skew not included. */
  notBefore: i64;
  expires: i64;
  /** Index of the rule that verified it, and of the place where it stood. */
  rule: i32;
  location: i32;
  /** The version of the keys by which it was verified. */
  keysVersion: u32;
  tokenLength: i32;
  stateLength: i32;
  claimsLength: i32;
  /** The claims, parsed; of a record in the arena they stand there too. */
  payload: JsonValue;

  /** A record with room for its parts, in the arena. */
  static allocate(tokenLength: i32, stateLength: i32, claimsLength: i32): TokenRecord {
    const record = changetype<TokenRecord>(arena.allocate(offsetof<TokenRecord>() + <usize>(tokenLength + stateLength + claimsLength)));
    record.tokenLength = tokenLength;
    record.stateLength = stateLength;
    record.claimsLength = claimsLength;
    return record;
  }

  /** Bytes of the whole without the payload, a multiple of 8. */
  get size(): i32 {
    return (<i32>offsetof<TokenRecord>() + this.tokenLength + this.stateLength + this.claimsLength + 7) & ~7;
  }

  get token(): Bytes {
    return Bytes.view(changetype<usize>(this) + offsetof<TokenRecord>(), this.tokenLength);
  }

  /** What goes into the filter state. */
  get state(): Bytes {
    return Bytes.view(changetype<usize>(this) + offsetof<TokenRecord>() + <usize>this.tokenLength, this.stateLength);
  }

  /** Where the text of the payload stands in the state, as its last member. */
  get payloadText(): Bytes {
    const length = this.payload.textLength;
    return Bytes.view(
      changetype<usize>(this) + offsetof<TokenRecord>() + <usize>(this.tokenLength + this.stateLength - 1 - length),
      length,
    );
  }

  /** Where the values of the rule's claim headers begin. */
  get claims(): usize {
    return changetype<usize>(this) + offsetof<TokenRecord>() + <usize>(this.tokenLength + this.stateLength);
  }
}
