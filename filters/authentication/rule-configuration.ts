import { ConfigValue } from "../lib/config";
import { KeySet } from "../lib/jwk";
import { Bytes, Text } from "../sdk";
import { Jwks, RemoteJwks } from "./jwks";
import { addDefaultLocations, itemsOf, parseLocations } from "./location-configuration";
import { ClaimHeader, HTTP, HTTPS, JwtRule, plainAudience } from "./rule";
import { Settings } from "./settings";

const FIELDS: string[] = [
  "issuer",
  "audiences",
  "jwks",
  "jwksUri",
  "jwksCluster",
  "cacheDuration",
  "staleDuration",
  "timeout",
  "fromHeaders",
  "fromParams",
  "fromCookies",
  "outputPayloadToHeader",
  "outputClaimToHeaders",
  "forwardOriginalToken",
  "clockSkew",
];
const DOT: u8 = 0x2e;
const CLAIM_FIELDS: string[] = ["header", "claim"];

const DEFAULT_TIMEOUT: i64 = 5_000;
const DEFAULT_CACHE_DURATION: i64 = 10 * 60 * 1_000;
const DEFAULT_STALE_DURATION: i64 = 24 * 60 * 60 * 1_000;
const MILLISECOND: i64 = 1_000_000;

export function parseJwtRule(value: ConfigValue, settings: Settings): void {
  value.object(FIELDS);
  const issuer = value.get("issuer");
  const rule = new JwtRule(issuer != null ? issuer.nonEmptyText() : Text.of(""), parseJwks(value));
  const audienceItems = itemsOf(value, "audiences");
  for (let i = 0; i < audienceItems.length; i++) rule.audiences.push(Text.from(plainAudience(audienceItems[i].nonEmptyText().bytes)));
  const forward = value.get("forwardOriginalToken");
  if (forward != null) rule.forward = forward.bool();
  const skew = value.get("clockSkew");
  if (skew != null) rule.clockSkew = skew.duration();
  parseOutputs(value, rule, settings);
  const index = settings.rules.length;
  settings.rules.push(rule);
  if (parseLocations(value, settings.tokenLocations, index, rule.forward) == 0) {
    addDefaultLocations(settings.tokenLocations, index, rule.forward);
  }
}

function parseOutputs(value: ConfigValue, rule: JwtRule, settings: Settings): void {
  const payload = value.get("outputPayloadToHeader");
  if (payload != null) {
    const name = outputHeader(payload);
    rule.payloadHeader = name;
    settings.addTrustedHeader(name);
  }
  const items = itemsOf(value, "outputClaimToHeaders");
  for (let i = 0; i < items.length; i++) {
    const item = items[i].object(CLAIM_FIELDS);
    const header = item.required("header");
    const claim = item.required("claim");
    if (header == null || claim == null) continue;
    const name = outputHeader(header);
    rule.claimHeaders.push(new ClaimHeader(name, Text.split(claim.nonEmptyText().bytes, DOT)));
    settings.addTrustedHeader(name);
  }
}

/** The name of a header that this filter may set: no pseudo-header, which would send the request elsewhere. */
function outputHeader(value: ConfigValue): Text {
  const name = value.headerName();
  if (name.bytes.length > 0 && name.bytes[0] == 0x3a) value.report("must not be a pseudo-header");
  return name;
}

function parseJwks(value: ConfigValue): Jwks {
  const local = value.get("jwks");
  const uri = value.get("jwksUri");
  if (value.atMostOne(["jwks", "jwksUri"]) == 0 && value.isObject) value.report("needs `jwks` or `jwksUri`");
  if (uri != null) return parseRemote(value, uri);
  const only: string[] = ["jwksCluster", "cacheDuration", "staleDuration", "timeout"];
  for (let i = 0; i < only.length; i++) {
    const field = value.get(only[i]);
    if (field != null) field.report("says nothing without `jwksUri`");
  }
  if (local == null) return new Jwks(null, new KeySet());
  const set = KeySet.parse(local.text().bytes);
  const problem = set.problem;
  if (problem != null) local.report(problem);
  return new Jwks(null, set);
}

function parseRemote(value: ConfigValue, uri: ConfigValue): Jwks {
  const text = uri.text();
  const bytes = text.bytes;
  const secure = bytes.startsWith(HTTPS);
  const start = secure ? 8 : 7;
  let slash = bytes.indexOf(0x2f, start);
  if (slash < 0) slash = bytes.length;
  const authority = bytes.slice(start, slash);
  if ((!secure && !bytes.startsWith(HTTP)) || authority.length == 0 || !isPlain(bytes)) {
    uri.report("expected an absolute http or https URI without user and fragment");
  }
  const cluster = value.required("jwksCluster");
  const remote = new RemoteJwks(
    text,
    Text.of(secure ? "https" : "http"),
    Text.from(authority),
    slash < bytes.length ? Text.from(bytes.slice(slash)) : Text.of("/"),
    cluster != null ? cluster.nonEmptyText() : Text.of(""),
    <u32>milliseconds(value, "timeout", DEFAULT_TIMEOUT, 1),
    <u64>(milliseconds(value, "cacheDuration", DEFAULT_CACHE_DURATION, 1_000) * MILLISECOND),
    <u64>(milliseconds(value, "staleDuration", DEFAULT_STALE_DURATION, 0) * MILLISECOND),
  );
  return new Jwks(remote, null);
}

function milliseconds(value: ConfigValue, name: string, fallback: i64, least: i64): i64 {
  const field = value.get(name);
  if (field == null) return fallback;
  const duration = field.duration();
  if (duration < least) field.report("is too short");
  return duration;
}

/** No control, space, `@`, `#` or byte beyond ASCII. */
function isPlain(uri: Bytes): bool {
  for (let i = 0; i < uri.length; i++) {
    const byte = uri[i];
    if (byte <= 0x20 || byte >= 0x7f || byte == 0x40 || byte == 0x23) return false;
  }
  return true;
}
