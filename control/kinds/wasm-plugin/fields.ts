import {
  choice,
  defaulted,
  integer,
  json,
  list,
  map,
  object,
  optional,
  portNumber,
  refused,
  required,
  text,
} from "../../model/fields/index.ts";
import { typedWorkloadSelector } from "../../model/parts/index.ts";

const LATER = "only the filters of this package (url: builtin://NAME) are carried out so far, and they come with the proxies";

const match = object({
  mode: defaulted(
    choice("CLIENT_AND_SERVER", "CLIENT", "SERVER"),
    "CLIENT_AND_SERVER",
    "CLIENT: requests that the workload sends, SERVER: requests that it gets.",
  ),
  ports: defaulted(list(object({ number: required(portNumber, "Number.") })), [], "Ports that it is for. Default: all."),
});

/** `istio.extensions.v1alpha1.WasmPlugin`. */
export const fields = object({
  selector: optional(
    typedWorkloadSelector,
    "Workloads that it is for. Default: all of the namespace; in the root namespace all of the mesh.",
  ),
  targetRef: refused("objects of the Gateway API are not read; write a selector"),
  targetRefs: refused("objects of the Gateway API are not read; write a selector"),
  url: required(text(), "The filter: `builtin://ratelimit`, with the name of any filter of this package."),
  sha256: refused(LATER),
  imagePullPolicy: refused(LATER),
  imagePullSecret: refused(LATER),
  verificationKey: refused(LATER),
  pluginConfig: defaulted(map(json), {}, "The configuration of the filter, checked against its JSON Schema."),
  pluginName: optional(text(), "Name of the filter; of a built-in one it can only be its own."),
  phase: defaulted(
    choice("UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"),
    "UNSPECIFIED_PHASE",
    "Built-in filters have a place of their own in the order: AUTHN is that of authentication, AUTHZ of authorization, STATS of telemetry; for others leave it out.",
  ),
  priority: defaulted(integer({ least: -2_147_483_648, most: 2_147_483_647 }), 0, "Of several for one filter, the highest is the first."),
  failStrategy: optional(
    choice("FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"),
    "What becomes of requests where the filter has failed. Default: FAIL_RELOAD, which is closed until the filter runs again.",
  ),
  vmConfig: refused("the filters of this package read no environment; other modules are not carried out so far"),
  match: defaulted(list(match), [], "Traffic that it is for. Default: all."),
  type: optional(choice("UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"), "HTTP or NETWORK. Default: HTTP."),
});

export type WasmPluginSpec = NonNullable<ReturnType<typeof fields.read>>;
