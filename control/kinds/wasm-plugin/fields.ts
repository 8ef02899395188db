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

const match = object({
  mode: defaulted(
    choice("CLIENT_AND_SERVER", "CLIENT", "SERVER"),
    "CLIENT_AND_SERVER",
    "CLIENT: requests that the workload sends, SERVER: requests that it gets.",
  ),
  ports: defaulted(list(object({ number: required(portNumber, "Number.") })), [], "Ports that it is for. Default: all."),
});

const variable = object({
  name: required(text(), "Name of the variable, as the module sees it."),
  valueFrom: defaulted(choice("INLINE", "HOST"), "INLINE", "HOST: what the proxy's own environment has by this name."),
  value: optional(text({ empty: true }), "Of INLINE: the value."),
});

const digest = text({
  shape: "SHA-256 in hex",
  check: (value) => (/^[0-9a-f]{64}$/.test(value) ? undefined : `${JSON.stringify(value)} is no SHA-256: 64 digits of 0-9 and a-f`),
});

export const selector = typedWorkloadSelector;
export const matches = list(match);

/** `istio.extensions.v1alpha1.WasmPlugin`. */
export const fields = object({
  selector: optional(selector, "Workloads that it is for. Default: all of the namespace; in the root namespace all of the mesh."),
  targetRef: refused("objects of the Gateway API are not read; write a selector"),
  targetRefs: refused("objects of the Gateway API are not read; write a selector"),
  url: required(
    text(),
    "`builtin://NAME`, a filter of this package; or a module of your own, which the control service reads or fetches: `file:///PATH`, `https://HOST/PATH`, or an image on disk, `oci-layout:///PATH[:TAG]`.",
  ),
  sha256: optional(digest, "What the module must be; of an image its manifest. Nothing else is let in."),
  imagePullPolicy: defaulted(
    choice("UNSPECIFIED_POLICY", "IfNotPresent", "Always"),
    "UNSPECIFIED_POLICY",
    "IfNotPresent: what was fetched once from a URL will do; Always: it is fetched again when the object changes. Default: IfNotPresent. Files and images on disk are read when they change.",
  ),
  imagePullSecret: refused("images are read from a layout on disk, for which nobody signs in"),
  verificationKey: refused("Istio does not carry it out either; pin the module by sha256"),
  pluginConfig: optional(map(json), "The configuration of the filter, as JSON; of a built-in one checked against its JSON Schema."),
  pluginName: optional(text(), "The root id, for modules with several; of a built-in filter it can only be its own name."),
  phase: defaulted(
    choice("UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"),
    "UNSPECIFIED_PHASE",
    "Before which built-in filter a module stands: AUTHN before authentication, AUTHZ before authorization and all that follows it, STATS before telemetry; else behind them all. Built-in filters have a place of their own.",
  ),
  priority: defaulted(
    integer({ least: -2_147_483_648, most: 2_147_483_647 }),
    0,
    "In a phase the highest is the first; of several for one built-in filter it alone counts.",
  ),
  failStrategy: optional(
    choice("FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD"),
    "What becomes of requests where the filter has failed, or its module cannot be had. Default: FAIL_CLOSE; of built-in filters FAIL_RELOAD, which is closed until the filter runs again.",
  ),
  vmConfig: optional(
    object({ env: defaulted(list(variable, { most: 256 }), [], "Environment variables of the module.") }),
    "Of the module's virtual machine.",
  ),
  match: defaulted(matches, [], "Traffic that it is for. Default: all."),
  type: optional(
    choice("UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK"),
    "HTTP: it sees requests; NETWORK: connections, before anything else is made of them. Default: HTTP.",
  ),
});

export type WasmPluginSpec = NonNullable<ReturnType<typeof fields.read>>;
