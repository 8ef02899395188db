import { Bytes, Text } from "../sdk";
import { Jwks } from "./jwks";

/** A header that gets a claim. */
@final
export class ClaimHeader {
  constructor(
    readonly header: Text,
    /** Names from the outermost object inwards. */
    readonly path: StaticArray<Text>,
  ) {}
}

/** One of `jwtRules`. */
@final
export class JwtRule {
  /** As they are compared: {@link plainAudience}. Empty: any. */
  readonly audiences: Array<Text> = new Array<Text>();
  readonly claimHeaders: Array<ClaimHeader> = new Array<ClaimHeader>();
  payloadHeader: Text | null = null;
  forward: bool = false;
  /** Milliseconds. */
  clockSkew: i64 = 60_000;

  constructor(
    /** Empty: any. */
    readonly issuer: Text,
    readonly jwks: Jwks,
  ) {}

  allowsAudience(audience: Bytes): bool {
    const plain = plainAudience(audience);
    for (let i = 0; i < this.audiences.length; i++) {
      if (unchecked(this.audiences[i]).bytes.equals(plain)) return true;
    }
    return false;
  }
}

export const HTTP = Bytes.of("http://");
export const HTTPS = Bytes.of("https://");

/** As Envoy compares audiences: without `http://` or `https://` in front and one `/` behind. */
export function plainAudience(audience: Bytes): Bytes {
  let start = 0;
  if (audience.startsWith(HTTPS)) start = 8;
  else if (audience.startsWith(HTTP)) start = 7;
  let end = audience.length;
  if (end > start && audience[end - 1] == 0x2f) end--;
  return audience.slice(start, end);
}
