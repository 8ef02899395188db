import { Config, ConfigValue } from "../lib/config";
import { decimal } from "../lib/number";
import { Bytes, Text } from "../sdk";
import { PathNormalization, Policies } from "./policies";
import { Provider } from "./provider";
import { parseProvider } from "./provider-configuration";
import { Rule } from "./rule";
import { parseRule } from "./rule-configuration";
import { RuleIndex } from "./rule-index";
import { TrustDomains } from "./trust-domains";
import { Surroundings } from "./value-configuration";

const FIELDS: string[] = ["policies", "extensionProviders", "trustDomain", "trustDomainAliases", "trustedHops", "pathNormalization"];
const POLICY_FIELDS: string[] = ["name", "namespace", "action", "rules", "dryRun", "provider"];
const MAX_TRUSTED_HOPS: i64 = 100;

/** What became of a configuration: policies, or what is wrong with it in one line. */
@final
export class Parsed {
  constructor(
    readonly policies: Policies | null,
    readonly problem: string | null,
  ) {}
}

/** Reads `{policies: [...]}`, described by authorization.schema.json. */
export function parseConfiguration(source: Bytes): Parsed {
  const config = new Config(source);
  const policies = new Policies();
  const root = config.root;
  if (root != null) parseRoot(root, policies);
  const problem = config.problem;
  if (problem != null) return new Parsed(null, problem);
  policies.build();
  return new Parsed(policies, null);
}

function parseRoot(root: ConfigValue, policies: Policies): void {
  const list = root.object(FIELDS).required("policies");
  const hops = root.get("trustedHops");
  if (hops != null) policies.trustedHops = <i32>hops.integer(0, MAX_TRUSTED_HOPS);
  const normalization = root.get("pathNormalization");
  if (normalization != null) policies.pathNormalization = parseNormalization(normalization);
  const surroundings = new Surroundings(parseTrustDomains(root));
  const items: ConfigValue[] = list != null ? list.items() : [];
  const names = new Set<string>();
  const providers = parseProviders(root.get("extensionProviders"));
  for (let i = 0; i < items.length; i++) parsePolicy(items[i], policies, surroundings, names, providers);
  policies.looksAtPath = surroundings.looksAtPath;
}

function parseProviders(value: ConfigValue | null): Provider[] {
  const providers: Provider[] = [];
  const items: ConfigValue[] = value != null ? value.items() : [];
  for (let i = 0; i < items.length; i++) providers.push(parseProvider(items[i]));
  return providers;
}

/** Chooses the provider of a CUSTOM policy. As in Istio, all policies of a workload ask the same one. */
function chooseProvider(policy: ConfigValue, policies: Policies, providers: Provider[]): void {
  const provider = policy.required("provider");
  const nameField = provider != null ? provider.object(["name"]).required("name") : null;
  if (nameField == null) return;
  const name = nameField.nonEmptyText().toString();
  for (let i = 0; i < providers.length; i++) {
    if (providers[i].name != name) continue;
    const chosen = policies.provider;
    if (chosen != null && chosen != providers[i]) nameField.report("another CUSTOM policy has another provider: there can be one");
    policies.provider = providers[i];
    return;
  }
  nameField.report("no provider of this name in `extensionProviders`");
}

function parseTrustDomains(root: ConfigValue): TrustDomains {
  const domains = new TrustDomains();
  const own = root.get("trustDomain");
  if (own != null) domains.names.push(own.nonEmptyText().toString());
  const aliases = root.get("trustDomainAliases");
  if (aliases == null) return domains;
  if (own == null) aliases.report("aliases of what? `trustDomain` is missing");
  const items = aliases.items();
  for (let i = 0; i < items.length; i++) domains.names.push(items[i].nonEmptyText().toString());
  return domains;
}

function parseNormalization(value: ConfigValue): PathNormalization {
  const name = value.text().toString();
  if (name == "NONE") return PathNormalization.None;
  if (name == "MERGE_SLASHES") return PathNormalization.MergeSlashes;
  if (name == "DECODE_AND_MERGE_SLASHES") return PathNormalization.DecodeAndMergeSlashes;
  if (name != "BASE") value.report("expected NONE, BASE, MERGE_SLASHES or DECODE_AND_MERGE_SLASHES");
  return PathNormalization.Base;
}

function parsePolicy(value: ConfigValue, policies: Policies, surroundings: Surroundings, names: Set<string>, providers: Provider[]): void {
  value.object(POLICY_FIELDS);
  const nameField = value.required("name");
  const namespaceField = value.get("namespace");
  if (nameField == null) return;
  nameField.headerValue();
  const namespace = namespaceField != null ? namespaceField.headerValue().toString() : "";
  const name = (namespace.length > 0 ? namespace + "/" : "") + nameField.nonEmptyText().toString();
  if (names.has(name)) nameField.report("another policy has this name");
  names.add(name);
  surroundings.namespace = namespace;

  const actionField = value.get("action");
  const action = actionField != null ? actionField.text().toString() : "ALLOW";
  const dryRunField = value.get("dryRun");
  const dryRun = dryRunField != null && dryRunField.bool();
  const index = indexOf(policies, action, dryRun);
  if (index == null) {
    if (actionField != null && !isAction(action)) actionField.report("expected ALLOW, DENY, AUDIT or CUSTOM");
    else if (dryRunField != null) dryRunField.report("only ALLOW and DENY have a dry run");
    return;
  }
  if (action == "ALLOW") {
    if (dryRun) policies.shadowAllowPolicies++;
    else policies.allowPolicies++;
  }
  const provider = value.get("provider");
  if (action == "CUSTOM") chooseProvider(value, policies, providers);
  else if (provider != null) provider.report("belongs to the action CUSTOM");
  const rules = value.get("rules");
  const items: ConfigValue[] = rules != null ? rules.items() : [];
  if (action != "ALLOW" && items.length == 0) {
    value.report("a policy of action " + action + " without rules never matches: `rules: [{}]` matches every request");
  }
  for (let i = 0; i < items.length; i++) {
    const rule = new Rule(Text.of(name + "[" + decimal(i) + "]"), Text.of(detailsOf(name, i)));
    parseRule(items[i], rule, surroundings);
    index.add(rule);
  }
}

function isAction(action: string): bool {
  return action == "ALLOW" || action == "DENY" || action == "AUDIT" || action == "CUSTOM";
}

function indexOf(policies: Policies, action: string, dryRun: bool): RuleIndex | null {
  if (action == "ALLOW") return dryRun ? policies.shadowAllow : policies.allow;
  if (action == "DENY") return dryRun ? policies.shadowDeny : policies.deny;
  if (dryRun) return null;
  return action == "AUDIT" ? policies.audit : action == "CUSTOM" ? policies.custom : null;
}

/** Envoy turns spaces into underscores itself; here it is done so that every host shows the same. */
function detailsOf(name: string, rule: i32): string {
  return "authorization_denied_policy[" + name.split(" ").join("_") + "]_rule[" + decimal(rule) + "]";
}
