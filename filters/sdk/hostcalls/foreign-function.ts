import { Bytes } from "../../lib/bytes";
import { proxy_call_foreign_function } from "../abi/hostcalls";
import { RESULT, resultPointer, resultSize } from "../abi/results";

/** Calls a function of the host by name (`verify_signature`, `compress`, …). `null` where the host lacks it or it failed. All are Envoy's own. */
export function callForeignFunction(name: Bytes, parameters: Bytes): Bytes | null {
  store<u64>(RESULT, 0);
  const status = proxy_call_foreign_function(
    name.pointer,
    <usize>name.length,
    parameters.pointer,
    <usize>parameters.length,
    RESULT,
    RESULT + 4,
  );
  return status == 0 ? Bytes.view(resultPointer(), resultSize()) : null;
}
