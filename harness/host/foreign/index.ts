import { Status } from "../abi/enums.ts";
import { compress, uncompress } from "./compression.ts";
import { exprUnsupported } from "./expressions.ts";
import { NO_RESULTS, type ForeignFunction } from "./foreign-function.ts";
import { sign, verifySignature } from "./signatures.ts";
import { declareProperty, setEnvoyFilterState } from "./state.ts";

export type { ForeignFunction, ForeignResult } from "./foreign-function.ts";

/** Envoy's foreign functions by name; a test may add its own. Other hosts of proxy-wasm have none of them. */
export const foreignFunctions = new Map<string, ForeignFunction>([
  ["verify_signature", verifySignature],
  ["sign", sign],
  ["compress", compress],
  ["uncompress", uncompress],
  [
    "clear_route_cache",
    (vm) => {
      vm.context().clearRouteCache();
      return { status: Status.Ok, results: NO_RESULTS };
    },
  ],
  ["declare_property", declareProperty],
  ["set_envoy_filter_state", setEnvoyFilterState],
  ["expr_create", exprUnsupported("expr_create")],
  ["expr_evaluate", exprUnsupported("expr_evaluate")],
  ["expr_delete", exprUnsupported("expr_delete")],
]);
