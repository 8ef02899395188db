import type { MessageInitShape } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { AsyncDataSourceSchema } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { FailurePolicy, type PluginConfigSchema } from "../../../envoy-api/generated/envoy/extensions/wasm/v3/wasm_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import type { ProxyView } from "../../../model/index.ts";
import type { BuiltinFilter } from "./plugins.ts";
import type { Modules } from "./modules.ts";

const MODULE = "mesh";

/**
 * Our filters as one plugin of Envoy. It is closed while it reloads after a trap (`FAIL_RELOAD`). All plugins of a root share one VM a worker, which no
 * other module is in: `vm_id` is its own.
 */
export function meshPlugin(
  view: ProxyView,
  name: string,
  filters: readonly BuiltinFilter[],
  modules: Modules,
  root: "downstream" | "upstream" = "downstream",
): MessageInitShape<typeof PluginConfigSchema> {
  const configuration = JSON.stringify({ filters });
  return {
    name,
    rootId: root,
    failurePolicy: FailurePolicy.FAIL_RELOAD,
    vm: {
      case: "vmConfig",
      value: { vmId: `meshwright.mesh.${root}`, runtime: "envoy.wasm.runtime.v8", code: codeFor(view, modules) },
    },
    configuration: pack(StringValueSchema, { value: configuration }),
    // To see a body before a request goes on, which only authorization by an external provider wants; else headers that are held back hold the body back too. In the upstream chain
    // `ejection` holds headers back for what is in the body.
    allowOnHeadersStopIteration: root === "upstream" || configuration.includes('"includeRequestBodyInCheck"'),
  };
}

/**
 * The very module that this service knows: a file beside the proxy where it has announced one of that digest, else the bytes themselves. Never remote code: Envoy lets requests
 * past a filter whose code it is still fetching (`nack_on_code_cache_miss`).
 */
function codeFor(view: ProxyView, modules: Modules): MessageInitShape<typeof AsyncDataSourceSchema> {
  const { bytes, sha256 } = modules(MODULE);
  const announced = view.proxy().modules[MODULE];
  const specifier =
    announced?.sha256.toLowerCase() === sha256
      ? ({ case: "filename", value: announced.path } as const)
      : ({ case: "inlineBytes", value: bytes } as const);
  return { specifier: { case: "local", value: { specifier } } };
}
