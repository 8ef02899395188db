import { decodeBase64Url } from "../lib/base64";
import { JsonDocument, JsonKind, JsonValue } from "../lib/json";
import { Algorithm, JsonWebKey, parseAlgorithm } from "../lib/jwk";
import { parsedFixed, parseFixed } from "../lib/number";
import { arena, Bytes, Text } from "../sdk";
import { claimAt, claimValue } from "./claims";
import { tokenState } from "./identity";
import { Location } from "./location";
import { Refusal } from "./refusal";
import { JwtRule } from "./rule";
import { verifySignature } from "./signature";
import { TokenRecord } from "./token-record";

/** Bytes of a token at most; Envoy takes 60 KiB of headers. */
export const TOKEN_MAX_SIZE: i32 = 16 * 1024;
const MAX_DEPTH: i32 = 32;
/** Signatures that are verified for one token at most: keys without `kid` all come into question. */
const MAX_TRIED_KEYS: i32 = 8;
const DOT: u8 = 0x2e;

/** Members of a header, and claims (RFC 7519, section 4.1). */
const NAMES = Text.list("alg kid iss sub aud exp nbf iat");
const ALG = 0;
const KID = 1;
const ISS = 2;
const SUB = 3;
const AUD = 4;
const EXP = 5;
const NBF = 6;
const IAT = 7;
/**
 * Members of a header that would change what is verified, or by which key (RFC 7515, section 4.1; RFC 7797; RFC 7516). None is supported, and none
 * is ignored: a key or the address of one that comes with the token proves nothing.
 */
const UNSUPPORTED = Text.list("crit b64 jwk jku x5u x5c enc zip");

function nameOf(index: i32): Bytes {
  return unchecked(NAMES[index]).bytes;
}

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
  const header = objectOf(token.slice(0, first));
  if (header == null) return refuse(Refusal.BadHeader);
  for (let i = 0; i < UNSUPPORTED.length; i++) {
    if (header.member(unchecked(UNSUPPORTED[i]).bytes) != null) return refuse(Refusal.UnsupportedHeader);
  }
  const alg = header.member(nameOf(ALG));
  const algorithm = alg != null && alg.kind == JsonKind.String ? parseAlgorithm(alg.text) : Algorithm.Unknown;
  if (algorithm == Algorithm.Unknown) return refuse(Refusal.UnknownAlgorithm);
  const kid = header.member(nameOf(KID));
  if (kid != null && kid.kind != JsonKind.String) return refuse(Refusal.BadHeader);
  const signature = decodeBase64Url(token.slice(second + 1));
  if (signature == null) return refuse(Refusal.Malformed);

  const source = decodeBase64Url(token.slice(first + 1, second));
  if (source == null) return refuse(Refusal.BadPayload);
  const payload = JsonDocument.parse(source, TOKEN_MAX_SIZE, MAX_DEPTH).root;
  if (payload == null || !readClaims(payload)) return refuse(Refusal.BadPayload);
  const issuer = payload.member(nameOf(ISS));
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
    if (refusal == Refusal.None) refusal = checkSignature(rule, algorithm, kid, token.slice(0, second), signature);
    if (refusal == Refusal.None) return recordOf(token, rule, index, payload, source);
    // Another rule of the same issuer may take it; keys that are still to come must not be passed over.
    if (refusal == Refusal.Pending) return null;
  }
  return null;
}

function objectOf(segment: Bytes): JsonValue | null {
  const source = decodeBase64Url(segment);
  if (source == null) return null;
  const value = JsonDocument.parse(source, TOKEN_MAX_SIZE, MAX_DEPTH).root;
  return value != null && value.kind == JsonKind.Object ? value : null;
}

const ALWAYS: i64 = i64.MIN_VALUE;
const NEVER: i64 = i64.MAX_VALUE;
let notBefore: i64 = 0;
let expires: i64 = 0;

/** Reads the times; `false` where a registered claim has another type than RFC 7519, section 4.1 gives it. */
function readClaims(payload: JsonValue): bool {
  notBefore = ALWAYS;
  expires = NEVER;
  if (payload.kind != JsonKind.Object) return false;
  if (!isText(payload.member(nameOf(ISS))) || !isText(payload.member(nameOf(SUB))) || !isAudience(payload.member(nameOf(AUD))))
    return false;
  const exp = payload.member(nameOf(EXP));
  if (exp != null) {
    if (exp.kind != JsonKind.Number) return false;
    expires = parseFixed(exp.text, 3);
    if (!parsedFixed()) return false;
  }
  return notBeforeOf(payload.member(nameOf(NBF))) && notBeforeOf(payload.member(nameOf(IAT)));
}

function notBeforeOf(claim: JsonValue | null): bool {
  if (claim == null) return true;
  if (claim.kind != JsonKind.Number) return false;
  const time = parseFixed(claim.text, 3);
  notBefore = max(notBefore, time);
  return parsedFixed();
}

function isText(claim: JsonValue | null): bool {
  return claim == null || claim.kind == JsonKind.String;
}

function isAudience(claim: JsonValue | null): bool {
  if (claim == null || claim.kind == JsonKind.String) return true;
  if (claim.kind != JsonKind.Array) return false;
  let item = claim.first;
  while (item != null) {
    if (item.kind != JsonKind.String) return false;
    item = item.next;
  }
  return true;
}

/** Whether a token of these times is valid now. Also asked for tokens of the cache, each time. */
export function checkTimes(rule: JwtRule, from: i64, until: i64, now: i64): Refusal {
  // Differences of times that a client chooses could wrap around; `now` and the skew are small.
  if (from != ALWAYS && from > now + rule.clockSkew) return Refusal.NotYetValid;
  // RFC 7519, section 4.1.4: now must be before it. Envoy's own filter lets the last second pass.
  if (until != NEVER && until <= now - rule.clockSkew) return Refusal.Expired;
  return Refusal.None;
}

function checkClaims(rule: JwtRule, payload: JsonValue, now: i64): Refusal {
  const times = checkTimes(rule, notBefore, expires, now);
  if (times != Refusal.None) return times;
  if (rule.audiences.length == 0) return Refusal.None;
  const audience = payload.member(nameOf(AUD));
  if (audience == null) return Refusal.Audience;
  if (audience.kind == JsonKind.String) return rule.allowsAudience(audience.text) ? Refusal.None : Refusal.Audience;
  let item = audience.first;
  while (item != null) {
    if (rule.allowsAudience(item.text)) return Refusal.None;
    item = item.next;
  }
  return Refusal.Audience;
}

function checkSignature(rule: JwtRule, algorithm: Algorithm, kid: JsonValue | null, message: Bytes, signature: Bytes): Refusal {
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
function mayHaveSigned(key: JsonWebKey, algorithm: Algorithm, kid: JsonValue | null): bool {
  if (!key.allows(algorithm)) return false;
  const own = key.kid;
  return own == null || kid == null || own.bytes.equals(kid.text);
}

/** Length -1 in a record: the claim is missing. */
const NONE: i32 = -1;

function recordOf(token: Bytes, rule: JwtRule, index: i32, payload: JsonValue, source: Bytes): TokenRecord {
  const state = tokenState(payload, source);
  const headers = rule.claimHeaders;
  const values = arena.allocate((<usize>headers.length) << alignof<usize>());
  let claimsLength = 0;
  for (let i = 0; i < headers.length; i++) {
    const claim = claimAt(payload, unchecked(headers[i]).path);
    const value: Bytes | null = claim != null ? claimValue(claim, source) : null;
    store<usize>(values + ((<usize>i) << alignof<usize>()), changetype<usize>(value));
    claimsLength += 4 + (value != null ? value.length : 0);
  }
  const record = TokenRecord.allocate(token.length, state.length, claimsLength);
  record.rule = index;
  record.keysVersion = rule.jwks.version;
  record.notBefore = notBefore;
  record.expires = expires;
  record.payload = payload;
  memory.copy(record.token.pointer, token.pointer, <usize>token.length);
  memory.copy(record.state.pointer, state.pointer, <usize>state.length);
  let at = record.claims;
  for (let i = 0; i < headers.length; i++) {
    const value = changetype<Bytes | null>(load<usize>(values + ((<usize>i) << alignof<usize>())));
    store<i32>(at, value != null ? value.length : NONE);
    at += 4;
    if (value == null) continue;
    memory.copy(at, value.pointer, <usize>value.length);
    at += <usize>value.length;
  }
  return record;
}
