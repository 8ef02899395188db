import { arena, Bytes } from "../../lib/bytes";
import { Status } from "../abi/enums";
import { proxy_get_shared_data, proxy_set_shared_data } from "../abi/hostcalls";
import { RESULT, resultPointer, resultSize } from "../abi/results";

/** A value that all VMs of one `vm_id` share, and its version for the next write. Lives in the arena. */
@unmanaged
@final
export class SharedValue {
  private pointer: usize;
  private length: i32;
  /** Hand this to {@link setSharedData} to write only if nobody wrote in between. */
  cas: u32;

  get bytes(): Bytes {
    return changetype<Bytes>(changetype<usize>(this));
  }

  static read(key: Bytes): SharedValue | null {
    if (proxy_get_shared_data(key.pointer, <usize>key.length, RESULT, RESULT + 4, RESULT + 8) != 0) return null;
    const value = changetype<SharedValue>(arena.allocate(offsetof<SharedValue>()));
    value.pointer = resultPointer();
    value.length = resultSize();
    value.cas = load<u32>(RESULT, 8);
    return value;
  }
}

/** The shared value of `key`, or `null`. It survives a trap of this VM and ends with the last VM of its id. */
// @ts-ignore: decorator
@inline
export function getSharedData(key: Bytes): SharedValue | null {
  return SharedValue.read(key);
}

/**
 * Writes a shared value. `cas` 0 overwrites; any other must be the version that was read, else {@link Status.CasMismatch}: read again and
 * retry. Envoy creates a missing key under any `cas`.
 */
export function setSharedData(key: Bytes, value: Bytes, cas: u32 = 0): Status {
  return proxy_set_shared_data(key.pointer, <usize>key.length, value.pointer, <usize>value.length, cas);
}
