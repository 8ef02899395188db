import { Bytes } from "../../lib/bytes";
import { proxy_get_status } from "../abi/hostcalls";
import { RESULT } from "../abi/results";

/** The message beside the last gRPC status, or `null`. Valid inside a gRPC close callback. */
export function statusMessage(): Bytes | null {
  if (proxy_get_status(RESULT, RESULT + 4, RESULT + 8) != 0) return null;
  return Bytes.view(load<usize>(RESULT, 4), load<i32>(RESULT, 8));
}
