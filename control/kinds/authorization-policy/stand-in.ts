import type { MeshObject, PartReader } from "../../model/index.ts";
import { type FieldType, isMapping } from "../../model/fields/index.ts";
import { DRY_RUN } from "./dry-run.ts";
import { action as actionField, type AuthorizationPolicySpec, selector as selectorField } from "./fields.ts";
import { from, rule, type RuleSpec, to, when } from "./rule-fields.ts";

const KNOWN: readonly string[] = ["selector", "action", "provider", "rules"];

/**
 * What holds in the place of a policy that cannot be carried out as it is written: ALLOW allows nothing; DENY, CUSTOM, and what cannot be told, deny all that its rules may have been meant to match. Of a rule
 * that means what is left of it without the part that is wrong. Nothing where the policy would have decided nothing.
 */
export function standIn({ metadata }: Pick<MeshObject, "metadata">, body: unknown, read: PartReader): AuthorizationPolicySpec | undefined {
  const spec = isMapping(body) ? body : {};
  const action = read(actionField, spec["action"] ?? "ALLOW");
  if (action === "AUDIT" || /^(1|t|true)$/i.test(metadata.annotations[DRY_RUN] ?? "")) return undefined;
  const selector = spec["selector"] === undefined ? undefined : read(selectorField, spec["selector"]);
  const scope = { targetRef: undefined, targetRefs: undefined, selector, provider: undefined };
  if (action === "ALLOW") return { ...scope, action, rules: [] };
  // A field that is not known may have been meant to be the rules.
  const rules = spec["rules"];
  const isLegible = Object.keys(spec).every((key) => KNOWN.includes(key)) && Array.isArray(rules) && rules.length > 0;
  return { ...scope, action: "DENY", rules: isLegible ? rules.map((each) => widened(each, read)) : [EVERYTHING] };
}

const EVERYTHING: RuleSpec = { from: undefined, to: undefined, when: undefined };

/** A rule without the parts that are wrong, so that it matches whatever it could have matched. */
function widened(value: unknown, read: PartReader): RuleSpec {
  const whole = read(rule, value);
  if (whole !== undefined) return whole;
  if (!isMapping(value)) return EVERYTHING;
  const part = <T>(type: FieldType<T>, name: string): T | undefined => read(type, value[name]);
  return { from: part(from, "from"), to: part(to, "to"), when: part(when, "when") };
}
