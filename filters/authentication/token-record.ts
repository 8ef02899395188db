import { JsonValue } from "../lib/json";
import { arena, Bytes } from "../sdk";

/**
 * What is kept of a verified token: all that a request with it needs. Its parts stand in the arena, where they came to be, and are in one block in the cache.
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
  /** The claims, parsed. */
  payload: JsonValue;
  /** From where the state and the claims stand, and in how many bytes; 0 where they are not in one piece. */
  part: usize;
  partSize: i32;
  private tokenPointer: usize;
  private tokenLength: i32;
  private statePointer: usize;
  private stateLength: i32;
  /** The values of the rule's claim headers: length, bytes ...; lengths are i32, -1 where the claim is missing. */
  claims: usize;
  claimsLength: i32;

  /** A record in the arena. */
  static of(token: Bytes, state: Bytes): TokenRecord {
    const record = changetype<TokenRecord>(arena.allocate(offsetof<TokenRecord>()));
    record.tokenPointer = token.pointer;
    record.tokenLength = token.length;
    record.statePointer = state.pointer;
    record.stateLength = state.length;
    return record;
  }


  @inline
  get token(): Bytes {
    return changetype<Bytes>(changetype<usize>(this) + offsetof<TokenRecord>("tokenPointer"));
  }

  /** What goes into the filter state. */
  @inline
  get state(): Bytes {
    return changetype<Bytes>(changetype<usize>(this) + offsetof<TokenRecord>("statePointer"));
  }
}
