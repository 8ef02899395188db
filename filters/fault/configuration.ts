import { Config, ConfigValue } from "../lib/config";
import { Bucketing, Match, parseMatch, parseShare, RuleIndex, Share } from "../lib/match";
import { Bytes, Text } from "../sdk";
import { GRPC_STATUS_NAMES } from "./grpc-status";
import { Abort, Delay, HeaderValue, Rule } from "./rule";

const FIELDS: string[] = ["rules", "maxActiveFaults", "responseHeader"];
const RULE_FIELDS: string[] = ["name", "match", "delay", "abort"];
const DELAY_KINDS: string[] = ["fixedDelay", "headerDelay"];
const DELAY_FIELDS: string[] = ["percentage", "fixedDelay", "headerDelay"];
const ABORT_KINDS: string[] = ["httpStatus", "grpcStatus", "headerAbort"];
const ABORT_FIELDS: string[] = ["percentage", "httpStatus", "grpcStatus", "headerAbort", "body", "headers"];
/** That of Envoy's own fault filter. */
const DEFAULT_BODY = "fault filter abort";

/** What became of a configuration: an index, or what is wrong with it in one line. */
@final
export class Parsed {
  /** -1: no limit. */
  maxActiveFaults: i64 = -1;
  responseHeader: Text | null = null;
  index: RuleIndex<Rule> | null = null;
  problem: string | null = null;
}

/** Reads `{rules, maxActiveFaults, responseHeader}`, described by fault.schema.json. */
export function parseConfiguration(source: Bytes): Parsed {
  const config = new Config(source);
  const parsed = new Parsed();
  const index = new RuleIndex<Rule>();
  const root = config.root;
  if (root != null) {
    const rules = root.object(FIELDS).required("rules");
    if (rules != null) parseRules(rules, index);
    const most = root.get("maxActiveFaults");
    if (most != null) parsed.maxActiveFaults = most.integer(0, <i64>u32.MAX_VALUE);
    const header = root.get("responseHeader");
    if (header != null) parsed.responseHeader = plainName(header, header.headerName());
  }
  parsed.problem = config.problem;
  if (parsed.problem == null) parsed.index = index;
  return parsed;
}

function parseRules(rules: ConfigValue, index: RuleIndex<Rule>): void {
  const items = rules.items();
  const names = new Set<string>();
  for (let i = 0; i < items.length; i++) {
    const rule = parseRule(items[i], names);
    if (rule != null) index.add(rule);
  }
}

function parseRule(value: ConfigValue, names: Set<string>): Rule | null {
  value.object(RULE_FIELDS);
  const name = value.required("name");
  if (name == null) return null;
  const rule = new Rule(name.nonEmptyText());
  const text = rule.name.toString();
  if (names.has(text)) name.report("another rule has this name");
  names.add(text);
  parseMatches(value.get("match"), rule);
  const delay = value.get("delay");
  if (delay != null) rule.delay = parseDelay(delay);
  const abort = value.get("abort");
  if (abort != null) rule.abort = parseAbort(abort);
  return rule;
}

function parseMatches(value: ConfigValue | null, rule: Rule): void {
  if (value == null) {
    rule.matches.push(new Match());
  } else if (value.isList) {
    const items = value.items();
    if (items.length == 0) value.report("must not be empty: leave it out to match always");
    for (let i = 0; i < items.length; i++) rule.matches.push(parseMatch(items[i]));
  } else {
    rule.matches.push(parseMatch(value));
  }
}

function parseDelay(value: ConfigValue): Delay {
  value.object(DELAY_FIELDS);
  requireOne(value, DELAY_KINDS);
  const fixed = value.get("fixedDelay");
  let milliseconds: i64 = 0;
  if (fixed != null) {
    milliseconds = fixed.wholeMilliseconds();
    if (milliseconds < 1) fixed.report("must be at least 1ms");
  }
  const header = value.get("headerDelay");
  if (header != null) header.object([]);
  return new Delay(parsePercentage(value), <u32>milliseconds);
}

function parseAbort(value: ConfigValue): Abort {
  value.object(ABORT_FIELDS);
  requireOne(value, ABORT_KINDS);
  const body = value.get("body");
  const abort = new Abort(parsePercentage(value), body != null ? body.text() : Text.of(DEFAULT_BODY));
  const httpStatus = value.get("httpStatus");
  if (httpStatus != null) abort.httpStatus = <u32>httpStatus.integer(200, 599);
  const grpcStatus = value.get("grpcStatus");
  if (grpcStatus != null) {
    abort.httpStatus = 200;
    abort.grpcStatus = GRPC_STATUS_NAMES.indexOf(grpcStatus.text().toString());
    if (abort.grpcStatus < 0) grpcStatus.report("expected the name of a gRPC status such as UNAVAILABLE");
  }
  const header = value.get("headerAbort");
  if (header != null) header.object([]);
  const headers = value.get("headers");
  if (headers != null) {
    const entries = headers.entries();
    for (let i = 0; i < entries.length; i++) {
      abort.headers.push(new HeaderValue(plainName(entries[i], entries[i].headerKey()), entries[i].headerValue()));
    }
  }
  return abort;
}

function requireOne(value: ConfigValue, kinds: string[]): void {
  if (value.atMostOne(kinds) == 0 && value.isObject) value.report("needs one of " + kinds.join(", "));
}

/** Istio takes a percentage that is left out for 0. */
function parsePercentage(value: ConfigValue): Share {
  const percentage = value.get("percentage");
  return percentage != null ? parseShare(percentage) : new Share(Bucketing.random(), 0);
}

function plainName(value: ConfigValue, name: Text): Text {
  if (name.bytes.length > 0 && name.bytes[0] == 0x3a) value.report("a pseudo-header cannot be set");
  return name;
}
