import { Code, type FieldPath, type MeshObject, type Report } from "../../model/index.ts";
import { suggestion } from "../../model/fields/index.ts";
import { builtinOf } from "./contribution.ts";
import type { WasmPluginSpec } from "./fields.ts";
import { wrongUrl } from "./url.ts";

/** The filters that `builtin://` names, and what their schemas say of a configuration. */
export interface Builtins {
  names(): readonly string[];
  check(name: string, configuration: unknown): readonly { readonly path: FieldPath; readonly message: string }[];
}

export function check(object: MeshObject<WasmPluginSpec>, report: Report, builtins: Builtins): void {
  const { spec } = object;
  const name = builtinOf(spec.url);
  if (name !== undefined) return checkBuiltin(name, object, report, builtins);
  const wrong = wrongUrl(spec.url);
  if (wrong !== undefined) report("error", wrong.refused ? Code.Refused : Code.Value, ["spec", "url"], wrong.message);
  if (spec.url.startsWith("http://") && spec.sha256 === undefined)
    report("warning", Code.Surprise, ["spec", "url"], "what comes over http can be replaced on its way; write https, or sha256");
  const names = new Set<string>();
  for (const [index, { name: variable, valueFrom, value }] of (spec.vmConfig?.env ?? []).entries()) {
    const path = ["spec", "vmConfig", "env", index];
    if (names.has(variable)) report("error", Code.Duplicate, [...path, "name"], `${variable} stands there twice`);
    names.add(variable);
    if (valueFrom === "HOST" && value !== undefined)
      report(
        "error",
        Code.Exclusive,
        [...path, "value"],
        "the value comes from the proxy's environment; leave it out, or write valueFrom: INLINE",
      );
  }
}

function checkBuiltin(name: string, { spec }: MeshObject<WasmPluginSpec>, report: Report, builtins: Builtins): void {
  const refuse = (field: string, message: string) => {
    report("error", Code.Refused, ["spec", field], message);
  };
  const names = builtins.names();
  if (!names.includes(name)) {
    const message = `there is no built-in filter "${name}"${suggestion(name, names) || `; there are ${names.join(", ")}`}`;
    return report("error", Code.Value, ["spec", "url"], message);
  }
  if (spec.phase !== "UNSPECIFIED_PHASE" && spec.phase !== PHASES[name])
    refuse("phase", "a built-in filter has a place of its own in the order; leave the field out");
  if (spec.failStrategy === "FAIL_OPEN") refuse("failStrategy", "a built-in filter that has failed lets nothing past; leave the field out");
  if (spec.type === "NETWORK") refuse("type", "the built-in filters are HTTP filters");
  if (spec.pluginName !== undefined && spec.pluginName !== name)
    refuse("pluginName", `the name of this filter is "${name}"; leave the field out`);
  if (spec.sha256 !== undefined) refuse("sha256", "built-in filters come with the control service");
  if (spec.imagePullPolicy !== "UNSPECIFIED_POLICY") refuse("imagePullPolicy", "built-in filters come with the control service");
  if (spec.vmConfig !== undefined) refuse("vmConfig", "the built-in filters read no environment");
  for (const { path, message } of builtins.check(name, spec.pluginConfig ?? {}))
    report("error", Code.Value, ["spec", "pluginConfig", ...path], message);
}

/** Where built-in filters stand that have a phase of Istio's. */
const PHASES: Readonly<Record<string, string>> = { authentication: "AUTHN", authorization: "AUTHZ", telemetry: "STATS" };
