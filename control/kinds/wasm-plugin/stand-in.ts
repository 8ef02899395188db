import { isMapping } from "../../model/fields/index.ts";
import type { MeshObject, PartReader } from "../../model/index.ts";
import { builtinOf, REFUSED } from "./contribution.ts";
import { matches, selector as selectorField, type WasmPluginSpec } from "./fields.ts";

/** Filters of this package that protect. */
const PROTECTING: readonly string[] = ["authentication", "authorization"];
const FIRST = 2_147_483_647;

/**
 * What holds in the place of a plugin that cannot be carried out as it is written, where it protects: a module of the phases AUTHN and AUTHZ that may not fail open is stood in for by one that is not there, and a built-in
 * filter by rules that allow nobody. Other plugins deny nothing, so that nothing is open without them.
 */
export function standIn({ metadata }: Pick<MeshObject, "metadata">, body: unknown, read: PartReader): WasmPluginSpec | undefined {
  const spec = isMapping(body) ? body : {};
  const url = typeof spec["url"] === "string" ? spec["url"] : "";
  const builtin = builtinOf(url);
  const isProtected =
    builtin === undefined
      ? (spec["phase"] === "AUTHN" || spec["phase"] === "AUTHZ") && spec["failStrategy"] !== "FAIL_OPEN"
      : PROTECTING.includes(builtin);
  if (!isProtected) return undefined;
  const policy = { namespace: metadata.namespace, name: metadata.name, action: "ALLOW" };
  return {
    selector: spec["selector"] === undefined ? undefined : read(selectorField, spec["selector"]),
    targetRef: undefined,
    targetRefs: undefined,
    url: builtin === undefined ? REFUSED : "builtin://authorization",
    sha256: undefined,
    imagePullPolicy: "UNSPECIFIED_POLICY",
    imagePullSecret: undefined,
    verificationKey: undefined,
    pluginConfig: builtin === undefined ? undefined : { policies: [policy] },
    pluginName: undefined,
    phase: builtin === undefined ? "AUTHN" : "AUTHZ",
    priority: FIRST,
    failStrategy: undefined,
    vmConfig: undefined,
    match: read(matches, spec["match"]) ?? [],
    type: builtin === undefined && spec["type"] === "NETWORK" ? "NETWORK" : undefined,
  };
}
