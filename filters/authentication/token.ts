import { decodeBase64Url } from "../lib/base64";
import { JsonKind } from "../lib/json";
import { Algorithm, JsonWebKey } from "../lib/jwk";
import { arena, Bytes, copyBytes } from "../sdk";
import { claimAt, claimValue } from "./claims";
import { STATE_ROOM, tokenState } from "./identity";
import { Location } from "./location";
import { Refusal } from "./refusal";
import { JwtRule } from "./rule";
import { verifySignature } from "./signature";
import { headerAlgorithm, headerKid, readHeader } from "./token-header";
import { ALWAYS, NEVER, TOKEN_MAX_SIZE, TokenPayload } from "./token-payload";
import { TokenRecord } from "./token-record";

/** Signatures that are verified for one token at most: keys without `kid` all come into question. */
const MAX_TRIED_KEYS: i32 = 8;
const DOT: u8 = 0x2e;

let refusal: Refusal = Refusal.None;
let refusedRule: i32 = -1;

/** Why the last {@link verifyToken} gave no record; {@link Refusal.Pending} where keys must be fetched first. */
export function tokenRefusal(): Refusal {
  return refusal;
}

/** The rule by which the last token was judged, or -1. */
export function tokenRule(): i32 {
  return refusedRule;
}

function refuse(reason: Refusal): TokenRecord | null {
  refusal = reason;
  return null;
}

/**
 * Verifies a token (RFC 7519, section 7.2) by the rule of its issuer among those that look at `location`. `now` in milliseconds since 1970.
 * Returns what is kept of it, in the arena.
 */
export function verifyToken(token: Bytes, location: Location, rules: Array<JwtRule>, now: i64): TokenRecord | null {
  refusedRule = -1;
  if (token.length > TOKEN_MAX_SIZE) return refuse(Refusal.TooLarge);
  const first = token.indexOf(DOT);
  const second = first < 0 ? -1 : token.indexOf(DOT, first + 1);
  // Five parts are a JWE, which is refused with all else; no part may be empty.
  if (first <= 0 || second <= first + 1 || second + 1 >= token.length || token.indexOf(DOT, second + 1) >= 0)
    return refuse(Refusal.Malformed);
  refusal = readHeader(token.slice(0, first));
  if (refusal != Refusal.None) return null;
  const signature = decodeBase64Url(token.slice(second + 1));
  if (signature == null) return refuse(Refusal.Malformed);
  const payload = TokenPayload.read(token.slice(first + 1, second), STATE_ROOM);
  if (payload == null) return refuse(Refusal.BadPayload);
  const issuer = payload.issuer;
  if (issuer == null) return refuse(Refusal.UnknownIssuer);

  refusal = Refusal.UnknownIssuer;
  const users = location.users;
  for (let i = 0; i < users.length; i++) {
    const index = unchecked(users[i]);
    const rule = unchecked(rules[index]);
    const expected = rule.issuer.bytes;
    if (expected.length > 0 && !expected.equals(issuer.text)) continue;
    refusedRule = index;
    refusal = checkClaims(rule, payload, now);
    if (refusal == Refusal.None) refusal = checkSignature(rule, token.slice(0, second), signature);
    if (refusal == Refusal.None) return recordOf(token, rule, index, payload);
    // Another rule of the same issuer may take it; keys that are still to come must not be passed over.
    if (refusal == Refusal.Pending) return null;
  }
  return null;
}

/** Whether a token of these times is valid now. Also asked for tokens of the cache, each time. */
export function checkTimes(rule: JwtRule, from: i64, until: i64, now: i64): Refusal {
  // Differences of times that a client chooses could wrap around; `now` and the skew are small.
  if (from != ALWAYS && from > now + rule.clockSkew) return Refusal.NotYetValid;
  // RFC 7519, section 4.1.4: now must be before it. Envoy's own filter lets the last second pass.
  if (until != NEVER && until <= now - rule.clockSkew) return Refusal.Expired;
  return Refusal.None;
}

function checkClaims(rule: JwtRule, payload: TokenPayload, now: i64): Refusal {
  const times = checkTimes(rule, payload.notBefore, payload.expires, now);
  if (times != Refusal.None) return times;
  if (rule.audiences.length == 0) return Refusal.None;
  const audience = payload.audience;
  if (audience == null) return Refusal.Audience;
  if (audience.kind == JsonKind.String) return rule.allowsAudience(audience.text) ? Refusal.None : Refusal.Audience;
  let item = audience.first;
  while (item != null) {
    if (rule.allowsAudience(item.text)) return Refusal.None;
    item = item.next;
  }
  return Refusal.Audience;
}

/** By the header that was read last. */
function checkSignature(rule: JwtRule, message: Bytes, signature: Bytes): Refusal {
  const algorithm = headerAlgorithm();
  const kid = headerKid();
  const keys = rule.jwks.usableKeys();
  if (keys == null) return Refusal.Pending;
  let tried = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = unchecked(keys[i]);
    if (!mayHaveSigned(key, algorithm, kid)) continue;
    if (++tried > MAX_TRIED_KEYS) return Refusal.TooManyKeys;
    if (verifySignature(key, algorithm, message, signature)) return Refusal.None;
  }
  if (tried > 0) return Refusal.BadSignature;
  // A new key of the issuer's, perhaps.
  return rule.jwks.refreshForUnknownKey() ? Refusal.Pending : Refusal.UnknownKey;
}

/** The key with the token's `kid`; one without `kid` may be any. */
function mayHaveSigned(key: JsonWebKey, algorithm: Algorithm, kid: Bytes | null): bool {
  if (!key.allows(algorithm)) return false;
  const own = key.kid;
  return own == null || kid == null || own.bytes.equals(kid);
}

/** Length -1 in a record: the claim is missing. */
const NONE: i32 = -1;

function recordOf(token: Bytes, rule: JwtRule, index: i32, payload: TokenPayload): TokenRecord {
  const state = tokenState(payload);
  const record = TokenRecord.of(token, state);
  record.rule = index;
  record.keysVersion = rule.jwks.version;
  record.notBefore = payload.notBefore;
  record.expires = payload.expires;
  record.payload = payload.claims;
  record.part = state.pointer & ~7;
  record.partSize = payload.end != 0 ? <i32>(payload.end - record.part) : 0;
  setClaims(record, rule, payload);
  return record;
}

function setClaims(record: TokenRecord, rule: JwtRule, payload: TokenPayload): void {
  const headers = rule.claimHeaders;
  const values = arena.allocate((<usize>headers.length) << alignof<usize>());
  let length = 0;
  for (let i = 0; i < headers.length; i++) {
    const claim = claimAt(payload.claims, unchecked(headers[i]).path);
    const value: Bytes | null = claim != null ? claimValue(claim, payload.source) : null;
    store<usize>(values + ((<usize>i) << alignof<usize>()), changetype<usize>(value));
    length += 4 + (value != null ? value.length : 0);
  }
  let at = arena.allocate(<usize>length);
  record.claims = at;
  record.claimsLength = length;
  for (let i = 0; i < headers.length; i++) {
    const value = changetype<Bytes | null>(load<usize>(values + ((<usize>i) << alignof<usize>())));
    store<i32>(at, value != null ? value.length : NONE);
    at += 4;
    if (value == null) continue;
    copyBytes(at, value.pointer, <usize>value.length);
    at += <usize>value.length;
  }
}
