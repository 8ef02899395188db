import { Code, type FieldPath, type MeshObject, type Report } from "../../model/index.ts";
import { DRY_RUN, isDryRun } from "./dry-run.ts";
import type { AuthorizationPolicySpec } from "./fields.ts";
import type { RuleSpec } from "./rule-fields.ts";

/** Istio's `ValidateAuthorizationPolicy`, and what people find out late. */
export function check(object: MeshObject<AuthorizationPolicySpec>, report: Report): void {
  const { spec } = object;
  const { selector, action, provider, rules = [] } = spec;
  if (selector !== undefined && Object.keys(selector.matchLabels ?? {}).length === 0)
    report("warning", "IST0133", ["spec", "selector"], "a selector without labels selects every workload of the namespace");
  if ((action === "DENY" || action === "CUSTOM") && rules.length === 0)
    report(
      "error",
      Code.Missing,
      ["spec", "rules"],
      `${action} without rules matches nothing; write an empty rule, {}, to match everything`,
    );
  if (action === "CUSTOM" && provider === undefined) report("error", Code.Missing, ["spec", "provider"], "CUSTOM needs a provider");
  if (action !== "CUSTOM" && provider !== undefined)
    report("error", Code.Exclusive, ["spec", "provider"], `${action} asks no provider; leave it out, or write action: CUSTOM`);
  checkDryRun(object, report);
  for (const [index, rule] of rules.entries()) checkRule(rule, spec, ["spec", "rules", index], report);
}

function checkDryRun(object: MeshObject<AuthorizationPolicySpec>, report: Report): void {
  const dryRun = isDryRun(object);
  const value = object.metadata.annotations[DRY_RUN];
  const path = ["metadata", "annotations", DRY_RUN];
  if (dryRun === undefined)
    report("warning", Code.Surprise, path, `${JSON.stringify(value)} is neither true nor false, so the policy decides, in Istio too`);
  else if (!dryRun && value !== undefined && isDryRun({ ...object, spec: { action: "DENY" } }) === true)
    report("warning", Code.Surprise, path, `has no effect, in Istio either: ${object.spec.action} policies have no dry run`);
}

function checkRule(rule: RuleSpec, { action }: AuthorizationPolicySpec, path: FieldPath, report: Report): void {
  const refuse = (at: FieldPath) => {
    report(
      "error",
      Code.Refused,
      [...path, ...at],
      "CUSTOM knows no tokens: its provider is asked before they are verified, as in Istio; look at them in DENY or ALLOW policies",
    );
  };
  for (const [index, { source }] of (rule.from ?? []).entries()) {
    for (const field of ["requestPrincipals", "notRequestPrincipals"] as const)
      if (action === "CUSTOM" && (source[field] ?? []).length > 0) refuse(["from", index, "source", field]);
  }
  for (const [index, { key }] of (rule.when ?? []).entries())
    if (action === "CUSTOM" && key.startsWith("request.auth.")) refuse(["when", index, "key"]);
  for (const [index, { operation }] of (rule.to ?? []).entries()) {
    // Where a host that is written with its port escapes what was meant for it.
    const field = action === "ALLOW" ? "notHosts" : "hosts";
    for (const [at, host] of (action === "AUDIT" ? [] : (operation[field] ?? [])).entries())
      checkHost(host, operation[field] ?? [], [...path, "to", index, "operation", field, at], report);
  }
}

/** Hosts are compared with their port, so `a.test` is not `a.test:80`, though most servers take both for the same. */
function checkHost(host: string, hosts: readonly string[], path: FieldPath, report: Report): void {
  if (host.endsWith("*") || /:\d+$/.test(host) || hosts.some((each) => each.startsWith(`${host}:`))) return;
  // A pattern has one star.
  const more = host.startsWith("*") ? `"${host}:80" and the like` : `"${host}:*"`;
  const message = `a request gets past this by a port behind the host, in Istio too; write ${more} beside it`;
  report("warning", Code.Surprise, path, message);
}
