import type { Labels } from "./labels.ts";
import type { MeshObject } from "./object.ts";

/** A filter that is put into the chains of selected proxies, in the words of Istio's WasmPlugin. */
export interface Plugin {
  readonly name: string;
  readonly namespace: string;
  readonly selector: Labels;
  /** `builtin://ratelimit`: one of ours, in the place in the order that is its own. */
  readonly url: string;
  /** Of a module of a user: the root id, which is mostly empty. */
  readonly pluginName: string;
  /** Handed to the filter as JSON; undefined: nothing is. */
  readonly pluginConfig: unknown;
  readonly phase: "UNSPECIFIED_PHASE" | "AUTHN" | "AUTHZ" | "STATS";
  readonly priority: number;
  readonly match: readonly { readonly mode: "CLIENT" | "SERVER" | "CLIENT_AND_SERVER"; readonly ports: readonly number[] }[];
  /** The user's module; undefined for ours. */
  readonly module: ModuleRequest | undefined;
  readonly type: "HTTP" | "NETWORK";
  readonly failStrategy: "FAIL_CLOSE" | "FAIL_OPEN" | "FAIL_RELOAD";
  readonly environment: {
    readonly values: Readonly<Record<string, string>>;
    /** Names of variables of the proxy. */
    readonly host: readonly string[];
  };
  readonly object: MeshObject;
}

/** A module of a user, which the control service reads or fetches. */
export interface ModuleRequest {
  /** Tells requests apart: another key is fetched anew. */
  readonly key: string;
  /** `file:///PATH`, `oci-layout:///PATH[:TAG]`, `https://...` */
  readonly url: string;
  /** In hex: of the module, of an image that of its manifest. */
  readonly sha256: string | undefined;
  /** Whether what was fetched once from this url will do. `Never`: the object is refused, and there is none. */
  readonly pull: "IfNotPresent" | "Always" | "Never";
}

/** What became of a request for a module. */
export type ModuleState =
  | { readonly status: "ready"; readonly bytes: Uint8Array; readonly sha256: string }
  | { readonly status: "failed"; readonly reason: string };
