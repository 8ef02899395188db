import { HeaderMap } from "../sdk";
import { GRPC_STATUS, MARK_HEADER, STATUS } from "./headers";
import { Settings } from "./settings";

const ZERO: u8 = 0x30;

/**
 * Whether an answer is a failure by none of rules that are {@link Settings.isPlain}, found in one pass over its headers. `false` says nothing: a status of
 * gRPC, or a mark that has to be taken away, want a closer look.
 */
export function isPlainlyGood(headers: HeaderMap, settings: Settings): bool {
  const header = headers.iterate();
  let good = false;
  while (header.next()) {
    const name = header.name;
    const length = name.length;
    if (length == STATUS.bytes.length && name.equals(STATUS.bytes)) {
      const value = header.value;
      if (value.length != 3) return false;
      const status = <i32>(value[0] - ZERO) * 100 + <i32>(value[1] - ZERO) * 10 + <i32>(value[2] - ZERO);
      good = settings.isGoodStatus(status);
    } else if (length == GRPC_STATUS.bytes.length && name.equals(GRPC_STATUS.bytes)) {
      return false;
    } else if (length == MARK_HEADER.bytes.length && name.equals(MARK_HEADER.bytes)) {
      return false;
    }
  }
  return good;
}
