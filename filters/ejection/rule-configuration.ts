import { ConfigValue } from "../lib/config";
import { parseStringMatch } from "../lib/match";
import { decimal, parsedInteger, parseInteger } from "../lib/number";
import { StreamSearch } from "../lib/scan";
import { Bytes, Text } from "../sdk";
import { MAX_BODY_BYTES, MAX_RULES } from "./limits";
import { HeaderCondition, Rule, StatusRange } from "./rule";
import { Settings } from "./settings";

const RULE_FIELDS: string[] = ["name", "match", "consecutive"];
const MATCH_FIELDS: string[] = ["status", "grpcStatus", "gatewayError", "localOriginError", "reset", "headers", "body", "latency"];
const BODY_FIELDS: string[] = ["contains", "maxBytes"];
const LATENCY_FIELDS: string[] = ["above", "aboveQuantile", "until"];
const MAX_CONSECUTIVE: i64 = 10_000;
const MAX_LATENCY: i64 = 3_600_000;
/** In the order of their numbers (https://grpc.io/docs/guides/status-codes/). */
const GRPC_STATUSES: string[] = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** Reads `rules`. They stand behind those of `outlierDetection`. */
export function parseRules(value: ConfigValue, settings: Settings): void {
  const items = value.items();
  const names = new Set<string>();
  for (let i = 0; i < items.length; i++) {
    if (settings.rules.length == MAX_RULES) {
      items[i].report("too many rules: " + decimal(MAX_RULES) + " at most, those of outlierDetection included");
      return;
    }
    const item = items[i].object(RULE_FIELDS);
    const name = item.required("name");
    const match = item.required("match");
    if (name == null || match == null) continue;
    const rule = new Rule(name.nonEmptyText());
    const text = rule.name.toString();
    if (names.has(text)) name.report("another rule has this name");
    names.add(text);
    const consecutive = item.get("consecutive");
    if (consecutive != null) rule.consecutive = <i32>consecutive.integer(1, MAX_CONSECUTIVE);
    parseMatch(match, rule);
    settings.rules.push(rule);
  }
}

function parseMatch(value: ConfigValue, rule: Rule): void {
  value.object(MATCH_FIELDS);
  const status = value.get("status");
  if (status != null) parseStatuses(status, rule);
  const gateway = value.get("gatewayError");
  if (gateway != null && isTrue(gateway)) {
    if (status != null) gateway.report("says the same as a status: leave one of them out");
    rule.statuses.push(new StatusRange(502, 504));
  }
  const grpcStatus = value.get("grpcStatus");
  if (grpcStatus != null) parseGrpcStatuses(grpcStatus, rule);
  const headers = value.get("headers");
  if (headers != null) {
    const entries = headers.entries();
    for (let i = 0; i < entries.length; i++) {
      rule.headers.push(new HeaderCondition(entries[i].headerKey(), parseStringMatch(entries[i])));
    }
  }
  const body = value.get("body");
  if (body != null) parseBody(body, rule);
  const latency = value.get("latency");
  if (latency != null) parseLatency(latency, rule);
  const reset = value.get("reset");
  if (reset != null) rule.reset = isTrue(reset);
  const judgesAnswers = rule.judgesAnswers;
  const localOrigin = value.get("localOriginError");
  if (localOrigin != null) {
    rule.localOrigin = isTrue(localOrigin);
    if (judgesAnswers) localOrigin.report("is about attempts without an answer: it has a rule of its own");
  } else if (!judgesAnswers) {
    value.report("must not be empty: every answer would be a failure");
  }
}

function isTrue(value: ConfigValue): bool {
  if (value.bool()) return true;
  value.report("must be true, or be left out");
  return false;
}

function parseStatuses(value: ConfigValue, rule: Rule): void {
  const items = value.items();
  if (items.length == 0) value.report("must not be empty");
  for (let i = 0; i < items.length; i++) rule.statuses.push(parseStatus(items[i]));
}

/** `503`, `"500-599"` or `"5xx"`. */
function parseStatus(value: ConfigValue): StatusRange {
  if (value.isNumber) {
    const status = <i32>value.integer(200, 599);
    return new StatusRange(status, status);
  }
  const text = value.text().bytes;
  if (text.length == 3 && text[1] == 0x78 && text[2] == 0x78 && text[0] >= 0x32 && text[0] <= 0x35) {
    const first = (<i32>text[0] - 0x30) * 100;
    return new StatusRange(first, first + 99);
  }
  const dash = text.indexOf(0x2d);
  const first = statusOf(dash < 0 ? text : text.slice(0, dash));
  const last = dash < 0 ? first : statusOf(text.slice(dash + 1));
  if (first == 0 || last < first) value.report('expected a status such as 503, "500-599" or "5xx"');
  return new StatusRange(first, last);
}

function statusOf(text: Bytes): i32 {
  const status = parseInteger(text);
  return parsedInteger() && text.length == 3 && status >= 200 && status <= 599 ? <i32>status : 0;
}

function parseGrpcStatuses(value: ConfigValue, rule: Rule): void {
  const items = value.items();
  if (items.length == 0) value.report("must not be empty");
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    let status: i32;
    if (item.isNumber) {
      status = <i32>item.integer(0, 16);
    } else {
      status = GRPC_STATUSES.indexOf(item.text().toString());
      if (status < 0) item.report("is no gRPC status: expected a number from 0 to 16 or a name such as UNAVAILABLE");
    }
    if (status >= 0) rule.grpcStatuses |= 1 << status;
  }
}

function parseBody(value: ConfigValue, rule: Rule): void {
  value.object(BODY_FIELDS);
  const contains = value.required("contains");
  if (contains != null) {
    const text = contains.nonEmptyText();
    if (text.bytes.length > 0) rule.body = new StreamSearch(text);
  }
  const maxBytes = value.get("maxBytes");
  if (maxBytes != null) rule.bodyLimit = <i32>maxBytes.integer(1, MAX_BODY_BYTES);
}

function parseLatency(value: ConfigValue, rule: Rule): void {
  value.object(LATENCY_FIELDS);
  const above = value.get("above");
  if (above != null) {
    const milliseconds = above.duration();
    if (milliseconds < 1 || milliseconds > MAX_LATENCY) above.report("must be from 1ms to 1h");
    rule.latencyAbove = <u64>max<i64>(milliseconds, 1) * 1_000;
  }
  const quantile = value.get("aboveQuantile");
  if (quantile != null) {
    rule.latencyQuantile = quantile.percentage();
    if (rule.latencyQuantile == 0 || rule.latencyQuantile == 1_000_000) quantile.report("must be above 0 and below 100");
  }
  if (above == null && quantile == null) value.report("needs `above` or `aboveQuantile`");
  const until = value.get("until");
  if (until == null) return;
  const text = until.text().toString();
  if (text == "end") {
    rule.latencyToEnd = true;
    if (quantile != null) until.report("a quantile is known of latency until the headers alone");
  } else if (text != "headers") until.report("must be headers or end");
}
