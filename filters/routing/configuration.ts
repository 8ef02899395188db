import { Config, ConfigValue } from "../lib/config";
import { Bucketing, Match, parseBucketing, parseMatch, RuleIndex } from "../lib/match";
import { decimal } from "../lib/number";
import { Bytes } from "../sdk";
import { parseDirectResponse, parseHeaders, parsePolicy, parseRedirect, parseRewrite } from "./action-configuration";
import { Destination, Rule } from "./rule";

const MAX_WEIGHT: i64 = 1_000_000;

const RULE_FIELDS: string[] = [
  "name",
  "match",
  "route",
  "cluster",
  "weighted",
  "weightedBy",
  "headers",
  "rewrite",
  "redirect",
  "directResponse",
  "timeout",
  "retries",
];
const DESTINATION_FIELDS: string[] = ["weight", "route", "cluster", "headers"];

/** What became of a configuration: an index, or what is wrong with it in one line. */
@final
export class Parsed {
  constructor(
    readonly index: RuleIndex<Rule> | null,
    readonly problem: string | null,
  ) {}
}

/** Reads `{rules: [...]}`, described by routing.schema.json. */
export function parseConfiguration(source: Bytes): Parsed {
  const config = new Config(source);
  const index = new RuleIndex<Rule>();
  const root = config.root;
  if (root != null) {
    const rules = root.object(["rules"]).required("rules");
    if (rules != null) parseRules(rules, index);
  }
  const problem = config.problem;
  return problem == null ? new Parsed(index, null) : new Parsed(null, problem);
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
  value.atMostOne(["route", "weighted", "redirect", "directResponse"]);
  value.atMostOne(["cluster", "weighted", "redirect", "directResponse"]);
  parseDestinations(value, rule);
  const headers = value.get("headers");
  if (headers != null) parseHeaders(headers, rule);
  const rewrite = value.get("rewrite");
  if (rewrite != null) rule.rewrite = parseRewrite(rewrite);
  const redirect = value.get("redirect");
  if (redirect != null) rule.redirect = parseRedirect(redirect);
  const directResponse = value.get("directResponse");
  if (directResponse != null) rule.directResponse = parseDirectResponse(directResponse);
  parsePolicy(value, rule.policy);
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

function parseDestinations(value: ConfigValue, rule: Rule): void {
  const weighted = value.get("weighted");
  const by = value.get("weightedBy");
  rule.bucketing = by != null ? parseBucketing(by) : Bucketing.random();
  if (weighted == null) {
    if (by != null) by.report("nothing to choose from without `weighted`");
    const destination = new Destination();
    if (parseTarget(value, destination)) rule.destinations.push(destination);
    return;
  }
  const items = weighted.items();
  let total: i64 = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i].object(DESTINATION_FIELDS);
    const destination = new Destination();
    const weight = item.get("weight");
    if (weight != null) destination.weight = <u32>weight.integer(0, MAX_WEIGHT);
    total += <i64>destination.weight;
    if (!parseTarget(item, destination)) item.report("needs `route` or `cluster`");
    const headers = item.get("headers");
    if (headers != null) parseHeaders(headers, destination);
    rule.destinations.push(destination);
  }
  if (total == 0 || total > MAX_WEIGHT) weighted.report("the weights must add up to something from 1 to " + decimal(MAX_WEIGHT));
  rule.totalWeight = <u32>total;
}

/** Returns whether `value` names a route or a cluster. */
function parseTarget(value: ConfigValue, destination: Destination): bool {
  const route = value.get("route");
  if (route != null) destination.route = route.headerValue();
  const cluster = value.get("cluster");
  if (cluster != null) destination.cluster = cluster.headerValue();
  return route != null || cluster != null;
}
