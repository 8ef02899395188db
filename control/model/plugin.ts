import type { Labels } from "./labels.ts";
import type { MeshObject } from "./object.ts";

/** A filter that is put into the chains of selected proxies, in the words of Istio's WasmPlugin. */
export interface Plugin {
  readonly name: string;
  readonly namespace: string;
  readonly selector: Labels;
  /** `builtin://ratelimit`: one of ours, in the place in the order that is its own. */
  readonly url: string;
  readonly pluginName: string;
  /** Handed to the filter as JSON. */
  readonly pluginConfig: unknown;
  readonly phase: "UNSPECIFIED_PHASE" | "AUTHN" | "AUTHZ" | "STATS";
  readonly priority: number;
  readonly match: readonly { readonly mode: "CLIENT" | "SERVER" | "CLIENT_AND_SERVER"; readonly ports: readonly number[] }[];
  readonly object: MeshObject;
}
