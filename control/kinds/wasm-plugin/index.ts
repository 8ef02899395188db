import type { Kind } from "../../model/index.ts";
import { type Builtins, check } from "./check.ts";
import { checkInMesh } from "./check-in-mesh.ts";
import { contribute } from "./contribution.ts";
import { fields, type WasmPluginSpec } from "./fields.ts";
import { standIn } from "./stand-in.ts";

export type { Builtins } from "./check.ts";

/** A filter in the chains of proxies: https://istio.io/latest/docs/reference/config/proxy_extensions/wasm-plugin/ */
export function wasmPlugin(builtins: Builtins): Kind<WasmPluginSpec> {
  return {
    kind: "WasmPlugin",
    group: "extensions.istio.io",
    versions: ["v1alpha1"],
    body: "spec",
    fields,
    check: (object, report) => {
      check(object, report, builtins);
    },
    standIn,
    contribute,
    checkInMesh,
  };
}
