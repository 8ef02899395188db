import { decodeBase64UrlTo } from "../lib/base64";
import { JsonDocument, JsonKind, JsonValue } from "../lib/json";
import { parsedFixed, parseFixed } from "../lib/number";
import { arena, Bytes } from "../sdk";

/** Bytes of a token at most; Envoy takes 60 KiB of headers. */
export const TOKEN_MAX_SIZE: i32 = 16 * 1024;
export const TOKEN_MAX_DEPTH: i32 = 32;

/** Claims that RFC 7519, section 4.1 registers, and OpenID Connect's `azp`: all of three letters, the first in the lowest byte. */
const ISS: u32 = 0x737369;
const SUB: u32 = 0x627573;
const AUD: u32 = 0x647561;
const EXP: u32 = 0x707865;
const NBF: u32 = 0x66626e;
const IAT: u32 = 0x746169;
const AZP: u32 = 0x707a61;

export const ALWAYS: i64 = i64.MIN_VALUE;
export const NEVER: i64 = i64.MAX_VALUE;

/**
 * What a token says. In the arena, in one piece, so that a cache can copy it:
 *
 * ```
 *   start                       source                                                  end
 *   +---------------------------+-----------------------------------+-----------------+
 *   | for what goes before it   | the payload, with room for a byte | values, in JSON |
 *   +---------------------------+-----------------------------------+-----------------+
 * ```
 */
@unmanaged
@final
export class TokenPayload {
  start: usize;
  source: Bytes;
  /** 0 where it did not come to lie in one piece. */
  end: usize;
  /** An object. */
  claims: JsonValue;
  issuer: JsonValue | null;
  subject: JsonValue | null;
  audience: JsonValue | null;
  /** Of any kind: the standard leaves it to others. */
  presenter: JsonValue | null;
  /** Milliseconds since 1970 from which the token is valid (`nbf`, `iat`), and after which it is not. */
  notBefore: i64;
  expires: i64;

  /**
   * Reads the second part of a token, with `room` bytes free in front, besides as many as the source has. `null` where it is no object of JSON, or where a registered claim has another type than
   * RFC 7519, section 4.1 gives it.
   */
  static read(segment: Bytes, room: usize): TokenPayload | null {
    const payload = changetype<TokenPayload>(arena.allocate(offsetof<TokenPayload>()));
    const length = <usize>segment.length;
    payload.start = arena.allocate(length + room + length);
    const source = decodeBase64UrlTo(segment, payload.start + length + room);
    if (source == null) return null;
    const claims = JsonDocument.parse(source, TOKEN_MAX_SIZE, TOKEN_MAX_DEPTH).root;
    if (claims == null || claims.kind != JsonKind.Object) return null;
    payload.source = source;
    payload.end = arena.endOf(payload.start);
    payload.claims = claims;
    return payload.readClaims() ? payload : null;
  }

  private readClaims(): bool {
    this.issuer = null;
    this.subject = null;
    this.audience = null;
    this.presenter = null;
    this.notBefore = ALWAYS;
    this.expires = NEVER;
    let claim = this.claims.first;
    while (claim != null) {
      if (claim.keyLength == 3 && !this.readClaim(claim)) return false;
      claim = claim.next;
    }
    return true;
  }

  private readClaim(claim: JsonValue): bool {
    const key = claim.keyPointer;
    switch ((<u32>load<u16>(key)) | ((<u32>load<u8>(key, 2)) << 16)) {
      case ISS:
        this.issuer = claim;
        return claim.kind == JsonKind.String;
      case SUB:
        this.subject = claim;
        return claim.kind == JsonKind.String;
      case AUD:
        this.audience = claim;
        return isAudience(claim);
      case AZP:
        this.presenter = claim;
        return true;
      case EXP:
        if (claim.kind != JsonKind.Number) return false;
        this.expires = parseFixed(claim.text, 3);
        return parsedFixed();
      case NBF:
      case IAT:
        if (claim.kind != JsonKind.Number) return false;
        this.notBefore = max(this.notBefore, parseFixed(claim.text, 3));
        return parsedFixed();
      default:
        return true;
    }
  }
}

function isAudience(claim: JsonValue): bool {
  if (claim.kind == JsonKind.String) return true;
  if (claim.kind != JsonKind.Array) return false;
  let item = claim.first;
  while (item != null) {
    if (item.kind != JsonKind.String) return false;
    item = item.next;
  }
  return true;
}
