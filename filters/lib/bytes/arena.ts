/**
 * Scratch memory that lives for one outermost host callback.
 *
 * ```
 *   block                                  overflow (only while a callback needs more)
 *   +-----------------------------+        +------+-------------------+
 *   | used ... | free             |        | next | used ... | free   | -> next -> 0
 *   +-----------------------------+        +------+-------------------+
 *   ^ block    ^ cursor           ^ limit
 * ```
 *
 * `allocate` moves a cursor and never fails short of the VM's memory limit. `reset` takes everything back at once; the SDK calls
 * it when an outermost callback begins, because the host allocates here too (its `malloc`) for what it hands to the guest.
 * An arena laid at `__heap_base` by hand would overlap with the runtime's allocator: the block is pages of its own, overflow comes from that allocator.
 */

/** Bytes kept between callbacks. Large enough for Envoy's default limit of 60 KiB of headers, twice. */
const BLOCK_SIZE: usize = 128 * 1024;
const OVERFLOW_HEADER: usize = 16;

let block: usize = 0;
let cursor: usize = 0;
let limit: usize = 0;
let overflow: usize = 0;

/** Returns `size` bytes, aligned to 8, not zeroed, valid until the next {@link reset}. Not inlined: that would be a twentieth of every module. */
export function allocate(size: usize): usize {
  const start = cursor;
  const end = start + ((size + 7) & ~7);
  if (end > limit || end < start) return allocateBlock(size);
  cursor = end;
  return start;
}

function allocateBlock(size: usize): usize {
  if (block == 0) {
    block = ownPages();
    cursor = block;
    limit = block + BLOCK_SIZE;
    if (size <= BLOCK_SIZE) {
      cursor += (size + 7) & ~7;
      return block;
    }
  }
  const blockSize = max(size, BLOCK_SIZE) + OVERFLOW_HEADER;
  // A size near 2^32 would wrap round and give less than was asked for.
  if (blockSize < size) unreachable();
  const added = heap.alloc(blockSize);
  store<usize>(added, overflow);
  overflow = added;
  cursor = added + OVERFLOW_HEADER;
  limit = added + blockSize;
  const start = cursor;
  cursor = start + ((size + 7) & ~7);
  return start;
}

/**
 * The block is no part of the heap, which would write around it: of memory that nobody writes to nothing is resident, and every VM of Envoy has a block, of which
 * most are never used whole. The heap, when it is first used, takes all memory there is, so that must have been before.
 */
function ownPages(): usize {
  heap.free(heap.alloc(1));
  const page = memory.grow(<i32>(BLOCK_SIZE >> 16));
  if (page < 0) unreachable();
  return (<usize>page) << 16;
}

/** Where that ends which was allocated since `start` was, `start` with it; 0 where it is not in one piece. */
export function endOf(start: usize): usize {
  const base = overflow != 0 ? overflow : block;
  return start >= base && start <= cursor ? cursor : 0;
}

/** Takes back everything that was allocated since the last reset. */
// @ts-ignore: decorator
@inline
export function reset(): void {
  if (overflow != 0) freeOverflow();
  cursor = block;
}

function freeOverflow(): void {
  while (overflow != 0) {
    const next = load<usize>(overflow);
    heap.free(overflow);
    overflow = next;
  }
  limit = block + BLOCK_SIZE;
}
