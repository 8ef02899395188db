import { createHash } from "node:crypto";

/** A wasm module and the SHA-256 of its bytes, in hex. */
export interface ProvenModule {
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** What a proxy will load into a module: as much of Envoy's `PluginConfig` as the module can tell apart. */
export interface ProofRequest {
  /** `plugin_name`. */
  readonly name: string;
  readonly module: ProvenModule;
  readonly rootId: string;
  /** As the module reads it. */
  readonly configuration: string | Uint8Array;
  /** As `proxy_on_vm_start` reads it. Default: nothing. */
  readonly vmConfiguration?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  /** Hostcalls and callbacks that may be used. Default: all. */
  readonly allowedCapabilities?: readonly string[];
}

/** What the module says to it. */
export type Verdict = { readonly good: true } | { readonly good: false; readonly reason: string };

export const GOOD: Verdict = { good: true };

const KEYS = new WeakMap<ProofRequest, string>();

/** The same for the same module and content. */
export function keyOf(request: ProofRequest): string {
  let key = KEYS.get(request);
  if (key === undefined) {
    const { name, module, rootId, configuration, vmConfiguration = "", environment = {}, allowedCapabilities = [] } = request;
    const digest = createHash("sha256");
    const parts = [
      module.sha256,
      name,
      rootId,
      configuration,
      vmConfiguration,
      JSON.stringify(Object.entries(environment)),
      allowedCapabilities.join(),
    ];
    for (const part of parts) digest.update(`${part.length} `).update(part);
    KEYS.set(request, (key = digest.digest("base64url")));
  }
  return key;
}
