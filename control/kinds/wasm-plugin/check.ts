import { Code, type FieldPath, type MeshObject, type Report } from "../../model/index.ts";
import { suggestion } from "../../model/fields/index.ts";
import { builtinOf } from "./contribution.ts";
import type { WasmPluginSpec } from "./fields.ts";

/** The filters that `builtin://` names, and what their schemas say of a configuration. */
export interface Builtins {
  names(): readonly string[];
  check(name: string, configuration: unknown): readonly { readonly path: FieldPath; readonly message: string }[];
}

export function check({ spec }: MeshObject<WasmPluginSpec>, report: Report, builtins: Builtins): void {
  const refuse = (field: string, message: string) => {
    report("error", Code.Refused, ["spec", field], message);
  };
  const name = builtinOf(spec.url);
  if (name === undefined) {
    const what = wrongUrl(spec.url);
    report(
      "error",
      what === undefined ? Code.Refused : Code.Value,
      ["spec", "url"],
      what ?? "modules of others are not carried out so far; builtin://NAME names a filter of this package",
    );
    return;
  }
  const names = builtins.names();
  if (!names.includes(name)) {
    report(
      "error",
      Code.Value,
      ["spec", "url"],
      `there is no built-in filter "${name}"${suggestion(name, names) || `; there are ${names.join(", ")}`}`,
    );
    return;
  }
  if (spec.phase !== "UNSPECIFIED_PHASE" && spec.phase !== PHASES[name])
    refuse("phase", "a built-in filter has a place of its own in the order; leave the field out");
  if (spec.failStrategy === "FAIL_OPEN") refuse("failStrategy", "a built-in filter that has failed lets nothing past; leave the field out");
  if (spec.type === "NETWORK") refuse("type", "the built-in filters are HTTP filters");
  if (spec.pluginName !== undefined && spec.pluginName !== name)
    refuse("pluginName", `the name of this filter is "${name}"; leave the field out`);
  for (const { path, message } of builtins.check(name, spec.pluginConfig))
    report("error", Code.Value, ["spec", "pluginConfig", ...path], message);
}

/** Where built-in filters stand that have a phase of Istio's. */
const PHASES: Readonly<Record<string, string>> = { authentication: "AUTHN", authorization: "AUTHZ", telemetry: "STATS" };

/** Istio's `ValidateWasmPlugin`: oci (also without a scheme), file, http and https. */
function wrongUrl(url: string): string | undefined {
  const scheme = /^([A-Za-z][\w+.-]*):\/\//.exec(url)?.[1]?.toLowerCase();
  return scheme === undefined || ["oci", "file", "http", "https", "builtin"].includes(scheme)
    ? undefined
    : `the scheme "${scheme}" is none of oci, file, http, https and builtin`;
}
