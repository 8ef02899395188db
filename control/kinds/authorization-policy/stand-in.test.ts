import { describe, expect, test } from "vitest";
import { formatProblem, type MeshObject } from "../../model/index.ts";
import { readManifests } from "../../model/manifest/index.ts";
import { Kinds, ObjectStore } from "../../model/objects/index.ts";
import { authorizationPolicy } from "./index.ts";
import type { AuthorizationPolicySpec } from "./fields.ts";

/** A store to which one file is given time after time. */
function storeOf() {
  const store = new ObjectStore(new Kinds([authorizationPolicy]));
  return (text: string, file = "p.yaml") => {
    const { manifests, problems, broken } = readManifests(file, text);
    store.apply({ files: [{ file, manifests, problems, broken }], complete: false });
    const [object] = [...store.objects.values()] as readonly MeshObject<AuthorizationPolicySpec>[];
    return { spec: object?.spec, said: store.problems().map(formatProblem) };
  };
}

const policy = (spec: string, metadata = "{ name: p }", head = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy") =>
  `${head}\nmetadata: ${metadata}\nspec: ${spec}\n`;
const GOOD = policy("{ action: DENY, rules: [{ to: [{ operation: { paths: [/good] } }] }] }");

/** What is in force where a document is all that was ever there, in a few words. */
function inForce(text: string): string {
  const { spec } = storeOf()(text);
  if (spec === undefined) return "nothing";
  const whom = spec.selector === undefined ? "" : ` for ${JSON.stringify(spec.selector.matchLabels)}`;
  return `${spec.action} ${JSON.stringify(spec.rules)}${whom}`;
}

describe("a policy with errors that had no good version", () => {
  test.each([
    ["ALLOW allows nothing", policy("{ rules: [{}], colour: red }"), "ALLOW []"],
    ["ALLOW is what holds where no action is said", policy("{ rules: [{ from: [{ source: { ipBlocks: [x] } }] }] }"), "ALLOW []"],
    [
      "DENY denies what is left of a rule",
      policy("{ action: DENY, rules: [{ from: [{ source: { ipBlocks: [x] } }], to: [{ operation: { paths: [/a] } }] }] }"),
      'DENY [{"to":[{"operation":{"paths":["/a"]}}]}]',
    ],
    [
      "whole rules stay as they are",
      policy(
        "{ action: DENY, rules: [{ to: [{ operation: { paths: [/a] } }] }, { when: [{ key: experimental.envoy.filters.x, values: [y] }] }] }",
      ),
      'DENY [{"to":[{"operation":{"paths":["/a"]}}]},{}]',
    ],
    ["DENY without rules denies everything", policy("{ action: DENY }"), "DENY [{}]"],
    [
      "DENY whose rules may have another name denies everything",
      policy("{ action: DENY, rule: [{ to: [{ operation: { paths: [/a] } }] }] }"),
      "DENY [{}]",
    ],
    [
      "an action that cannot be told denies",
      policy("{ action: denny, rules: [{ to: [{ operation: { paths: [/a] } }] }] }"),
      'DENY [{"to":[{"operation":{"paths":["/a"]}}]}]',
    ],
    [
      "CUSTOM denies what it would have asked about",
      policy("{ action: CUSTOM, rules: [{ to: [{ operation: { paths: [/a] } }] }] }"),
      'DENY [{"to":[{"operation":{"paths":["/a"]}}]}]',
    ],
    ["targetRefs: the whole namespace", policy("{ action: DENY, targetRefs: [{ kind: Gateway, name: a }], rules: [{}] }"), "DENY [{}]"],
    [
      "its selector holds",
      policy("{ selector: { matchLabels: { app: a } }, action: DENY, rules: [{}], colour: red }"),
      'DENY [{}] for {"app":"a"}',
    ],
    ["a selector with errors selects all", policy("{ selector: { matchLabels: { app: '*' } }, action: DENY, rules: [{}] }"), "DENY [{}]"],
    ["AUDIT decides nothing", policy("{ action: AUDIT, rules: [{}], colour: red }"), "nothing"],
    [
      "a dry run decides nothing",
      policy("{ action: DENY, colour: red }", '{ name: p, annotations: { istio.io/dry-run: "true" } }'),
      "nothing",
    ],
    ["labels with errors", policy("{ action: DENY, rules: [{}] }", "{ name: p, labels: 1 }"), "DENY [{}]"],
    [
      "a version that does not exist",
      policy("{ action: DENY, rules: [{}] }", "{ name: p }", "apiVersion: security.istio.io/v2\nkind: AuthorizationPolicy"),
      "DENY [{}]",
    ],
    [
      "another group of Istio's",
      policy("{ rules: [{}] }", "{ name: p }", "apiVersion: networking.istio.io/v1\nkind: AuthorizationPolicy"),
      "ALLOW []",
    ],
    ["a spec that is none", policy("[]"), "ALLOW []"],
    ["a field twice", policy("{ action: DENY, action: ALLOW, rules: [{}] }"), "DENY [{}]"],
    ["no name", policy("{ action: DENY, rules: [{}] }", "{ namespace: a }"), "nothing"],
  ])("%s", (_, text, expected) => {
    expect(inForce(text).replaceAll(/,?"(from|to|when)":undefined/g, "")).toBe(expected);
  });

  test("says that it denies, until it is mended", () => {
    const apply = storeOf();
    expect(apply(policy("{ action: DENY }")).said).toEqual([
      "p.yaml:3:13: error MW0014 metadata.name: AuthorizationPolicy default/p has errors and no good version, so all that it may have been meant to protect is denied until they are mended",
      "p.yaml:4:1: error MW0005 spec.rules: DENY without rules matches nothing; write an empty rule, {}, to match everything",
    ]);
    const { spec, said } = apply(GOOD);
    expect([spec?.rules?.length, said]).toEqual([1, []]);
    expect(spec?.rules?.[0]?.to).toBeDefined();
  });

  test("denies otherwise after an edit that mends nothing", () => {
    const apply = storeOf();
    expect(apply(policy("{ action: DENY }")).spec?.rules).toEqual([{}]);
    expect(apply(policy("{ colour: red }")).spec).toMatchObject({ action: "ALLOW", rules: [] });
    expect(apply(policy("{ action: AUDIT, colour: red }")).spec).toBeUndefined();
  });
});

describe("a policy that had a good version", () => {
  test.each([
    ["errors", policy("{ action: DENY, rules: [{ from: [{ source: { ipBlocks: [x] } }] }] }")],
    ["a refused field", policy("{ targetRefs: [{ kind: Gateway, name: a }], action: DENY, rules: [{}] }")],
    ["a version that does not exist", GOOD.replace("/v1", "/v9")],
  ])("keeps it, and says so: %s", (_, text) => {
    const apply = storeOf();
    const good = apply(GOOD).spec;
    const { spec, said } = apply(text);
    expect(spec).toBe(good);
    expect(said).toContainEqual(
      "p.yaml:3:13: warning MW0014 metadata.name: AuthorizationPolicy default/p has errors; its last good version stays in force",
    );
  });

  test("keeps it where the file is no YAML any more", () => {
    const apply = storeOf();
    const good = apply(GOOD).spec;
    const { spec, said } = apply(`${GOOD}  }: [`);
    expect(spec).toBe(good);
    expect(said.length).toBeGreaterThan(0);
  });

  test("goes when the file does", () => {
    const apply = storeOf();
    apply(GOOD);
    expect(apply("").spec).toBeUndefined();
  });

  test("counts, in whichever file it is, before one with errors", () => {
    const apply = storeOf();
    apply(policy("{ action: DENY }"), "a.yaml");
    const { spec, said } = apply(GOOD, "b.yaml");
    expect(spec?.rules?.[0]?.to).toBeDefined();
    expect(said.some((line) => line.includes("stays in force"))).toBe(true);
  });
});
