import { arena, Bytes } from "../bytes";
import { WORKLOAD_FIELDS, WorkloadField } from "./fields";

/** Bytes of a value at most; a longer one is left out. A Kubernetes name has at most 253. */
export const MAX_VALUE: i32 = 253;

/** Bytes of a block, which has room for seven values of the greatest length. */
export const BLOCK_SIZE: i32 = WORKLOAD_FIELDS * 2 + WORKLOAD_FIELDS * MAX_VALUE;

/**
 * Metadata of one workload in one piece of memory, so that it can be copied and kept without being taken apart.
 *
 * ```
 *   u16 length * 7 | value * 7        length 0: unknown
 * ```
 */
@unmanaged
@final
export class WorkloadMetadata {
  /** A view of a block of at least {@link BLOCK_SIZE} bytes, or of one that {@link build} made. */
  @inline
  static at(pointer: usize): WorkloadMetadata {
    return changetype<WorkloadMetadata>(pointer);
  }

  /** A block in the arena, of seven values by {@link WorkloadField}; null is unknown. */
  static build(values: StaticArray<Bytes | null>): WorkloadMetadata {
    const block = arena.allocate(<usize>BLOCK_SIZE);
    let at = block + <usize>(WORKLOAD_FIELDS * 2);
    for (let i = 0; i < WORKLOAD_FIELDS; i++) {
      const value = values[i];
      const length = value == null || value.length > MAX_VALUE ? 0 : value.length;
      store<u16>(block + <usize>(i * 2), <u16>length);
      if (value != null) memory.copy(at, value.pointer, <usize>length);
      at += <usize>length;
    }
    return changetype<WorkloadMetadata>(block);
  }

  get(field: WorkloadField): Bytes {
    const block = changetype<usize>(this);
    let at = block + <usize>(WORKLOAD_FIELDS * 2);
    for (let i = 0; i < <i32>field; i++) at += <usize>load<u16>(block + <usize>(i * 2));
    return Bytes.view(at, <i32>load<u16>(block + <usize>(<i32>field * 2)));
  }

  /** Bytes of the block that are in use. */
  get size(): i32 {
    let size = WORKLOAD_FIELDS * 2;
    for (let i = 0; i < WORKLOAD_FIELDS; i++) size += <i32>load<u16>(changetype<usize>(this) + <usize>(i * 2));
    return size;
  }
}
