import { arena, Bytes, toLower } from "../../lib/bytes";
import { HeaderMapType, Status } from "../abi/enums";
import {
  proxy_add_header_map_value,
  proxy_get_header_map_pairs,
  proxy_get_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
  proxy_set_header_map_pairs,
} from "../abi/hostcalls";
import { RESULT, resultPointer, resultSize } from "../abi/results";
import { HeaderPairs, isHeaderValue } from "./header-pairs";

/** Counts what makes a block that was read stale: a new outermost callback, another effective context. */
let epoch: u32 = 1;

// @ts-ignore: decorator
@inline
export function invalidateHeaderMaps(): void {
  epoch++;
}

/**
 * A header or trailer map of the current context. It is read from the host once, whole, when it is first looked at: one read of all
 * pairs costs less than three of single values.
 *
 * ```
 * block: u32 count | (u32 name length, u32 value length) * count | (name NUL value NUL) * count
 * ```
 *
 * Names are compared without regard to ASCII case; give them in lower case, as Envoy keeps them, for the faster way. After a change
 * the next look reads anew; views taken before stay valid until the callback ends. A map that does not exist at this time (request
 * headers after they went on, say) is empty.
 */
@final
export class HeaderMap {
  private block: usize = 0;
  private readAt: u32 = 0;
  private count: u32 = 0;

  constructor(private readonly mapType: HeaderMapType) {}

  /** The first value of `name`, or `null`. A decision about access looks at {@link values}: a name may stand several times (CVE-2020-25017). */
  get(name: Bytes): Bytes | null {
    this.read();
    const wanted = name.length;
    const count = this.count;
    let lengths = this.block + 4;
    let data = lengths + ((<usize>count) << 3);
    for (let i: u32 = 0; i < count; i++) {
      const nameLength = load<i32>(lengths);
      if (nameLength == wanted && sameName(data, name.pointer, nameLength)) {
        return Bytes.view(data + <usize>nameLength + 1, load<i32>(lengths, 4));
      }
      data += <usize>nameLength + <usize>load<u32>(lengths, 4) + 2;
      lengths += 8;
    }
    return null;
  }


  @inline
  has(name: Bytes): bool {
    return this.get(name) != null;
  }

  /**
   * The same as {@link get}, with a call for this header alone where the map was not read yet: for a header that is mostly not there and where
   * no other is looked at. A missing one then costs a tenth of reading all pairs.
   */
  first(name: Bytes): Bytes | null {
    if (this.block != 0 && this.readAt == epoch) return this.get(name);
    if (proxy_get_header_map_value(this.mapType, name.pointer, <usize>name.length, RESULT, RESULT + 4) != 0) return null;
    return Bytes.view(resultPointer(), resultSize());
  }

  /** All pairs, in order. */
  iterate(): HeaderIterator {
    this.read();
    return HeaderIterator.over(this.block, this.count, null);
  }

  /** All values of `name`, in order. */
  values(name: Bytes): HeaderIterator {
    this.read();
    return HeaderIterator.over(this.block, this.count, name);
  }

  get size(): i32 {
    this.read();
    return <i32>this.count;
  }

  /** Replaces every value of `name` by one. A value with NUL, CR or LF is refused with {@link Status.BadArgument} (CVE-2023-27493). */
  set(name: Bytes, value: Bytes): Status {
    if (!isHeaderValue(value)) return Status.BadArgument;
    this.block = 0;
    return proxy_replace_header_map_value(this.mapType, name.pointer, <usize>name.length, value.pointer, <usize>value.length);
  }

  /** Adds a value beside those there. On a pseudo-header Envoy joins them by a comma: use {@link set} there. */
  add(name: Bytes, value: Bytes): Status {
    if (!isHeaderValue(value)) return Status.BadArgument;
    this.block = 0;
    return proxy_add_header_map_value(this.mapType, name.pointer, <usize>name.length, value.pointer, <usize>value.length);
  }

  remove(name: Bytes): Status {
    this.block = 0;
    return proxy_remove_header_map_value(this.mapType, name.pointer, <usize>name.length);
  }

  /**
   * Replaces the whole map. Envoy drops pseudo-headers and `x-forwarded-proto` when it does so, therefore `pairs` must hold them;
   * without the latter the route is not found.
   */
  replaceAll(pairs: HeaderPairs): Status {
    this.block = 0;
    return proxy_set_header_map_pairs(this.mapType, pairs.pointer, pairs.size);
  }


  @inline
  private read(): void {
    if (this.block == 0 || this.readAt != epoch) this.fetch();
  }

  private fetch(): void {
    this.readAt = epoch;
    if (proxy_get_header_map_pairs(this.mapType, RESULT, RESULT + 4) != 0 || resultSize() < 4) {
      this.block = EMPTY_BLOCK;
      this.count = 0;
      return;
    }
    this.block = resultPointer();
    this.count = load<u32>(this.block);
  }
}

const EMPTY_BLOCK: usize = memory.data(4);

/** Walks over pairs of a block. `next` first, then `name` and `value`, which are overwritten by the next step. Lives in the arena. */
@unmanaged
@final
export class HeaderIterator {
  private namePointer: usize;
  private nameLength: i32;
  private valuePointer: usize;
  private valueLength: i32;
  private lengths: usize;
  private data: usize;
  private remaining: u32;
  private wanted: usize;

  static over(block: usize, count: u32, name: Bytes | null): HeaderIterator {
    const iterator = changetype<HeaderIterator>(arena.allocate(offsetof<HeaderIterator>()));
    iterator.lengths = block + 4;
    iterator.data = block + 4 + ((<usize>count) << 3);
    iterator.remaining = count;
    iterator.wanted = changetype<usize>(name);
    return iterator;
  }

  next(): bool {
    while (this.remaining > 0) {
      this.remaining--;
      const nameLength = load<i32>(this.lengths);
      const valueLength = load<i32>(this.lengths, 4);
      const name = this.data;
      this.lengths += 8;
      this.data += <usize>nameLength + <usize>valueLength + 2;
      if (this.wanted != 0) {
        const wanted = changetype<Bytes>(this.wanted);
        if (nameLength != wanted.length || !sameName(name, wanted.pointer, nameLength)) continue;
      }
      this.namePointer = name;
      this.nameLength = nameLength;
      this.valuePointer = name + <usize>nameLength + 1;
      this.valueLength = valueLength;
      return true;
    }
    return false;
  }

  get name(): Bytes {
    return changetype<Bytes>(changetype<usize>(this) + offsetof<HeaderIterator>("namePointer"));
  }

  get value(): Bytes {
    return changetype<Bytes>(changetype<usize>(this) + offsetof<HeaderIterator>("valuePointer"));
  }
}

/** Equality of two names of one length: exact first, because Envoy's names and the filters' are lower case; folded where they differ. */
function sameName(left: usize, right: usize, length: i32): bool {
  let i: usize = 0;
  const end = <usize>length;
  for (; i + 8 <= end; i += 8) {
    if (load<u64>(left + i) != load<u64>(right + i)) return sameNameFolded(left, right, end);
  }
  for (; i < end; i++) {
    if (load<u8>(left + i) != load<u8>(right + i)) return sameNameFolded(left, right, end);
  }
  return true;
}

function sameNameFolded(left: usize, right: usize, end: usize): bool {
  for (let i: usize = 0; i < end; i++) {
    if (toLower(load<u8>(left + i)) != toLower(load<u8>(right + i))) return false;
  }
  return true;
}

export const requestHeaders = new HeaderMap(HeaderMapType.RequestHeaders);
export const requestTrailers = new HeaderMap(HeaderMapType.RequestTrailers);
export const responseHeaders = new HeaderMap(HeaderMapType.ResponseHeaders);
export const responseTrailers = new HeaderMap(HeaderMapType.ResponseTrailers);
