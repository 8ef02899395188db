import { arena, Bytes, copyBytes, sameBytes, toLower } from "../../lib/bytes";
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
import { epoch } from "./epoch";
import { HeaderPairs, isHeaderValue } from "./header-pairs";

/**
 * A header or trailer map of the current context. It is read from the host once, whole, when it is first looked at: one read of all
 * pairs costs less than three of single values.
 *
 * ```
 * block: u32 count | (u32 name length, u32 value length) * count | (name NUL value NUL) * count
 * ```
 *
 * Names are compared without regard to ASCII case; give them in lower case, as Envoy keeps them, for the faster way. After a change
 * the next look sees it; views taken before stay valid until the callback ends. A map that does not exist at this time (request
 * headers after they went on, say) is empty.
 */
@final
export class HeaderMap {
  private block: usize = 0;
  private readAt: u32 = 0;
  private count: u32 = 0;
  /**
   * One bit for each {@link bitOf} of the names in the block, all of them until a header was looked for that is not there: filters look for many such, the
   * smallest for none.
   */
  private names: u64 = ANY_NAME;
  /** A change that the host has made and the block has not yet; address 0 for none, length -1 of the value for a removal. */
  private changedName: usize = 0;
  private changedNameLength: i32 = 0;
  private changedValue: usize = 0;
  private changedValueLength: i32 = 0;

  constructor(private readonly mapType: HeaderMapType) {}

  /** The first value of `name`, or `null`. A decision about access looks at {@link values}: a name may stand several times (CVE-2020-25017). */
  get(name: Bytes): Bytes | null {
    if (this.block == 0 || this.readAt != epoch) this.fetch();
    const wanted = name.length;
    if (this.isChanged(name)) {
      return this.changedValueLength == REMOVED ? null : Bytes.view(this.changedValue, this.changedValueLength);
    }
    if ((this.names & bitOf(name.pointer, wanted)) == 0) return null;
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
    if (this.names == ANY_NAME) this.collectNames();
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
    if (this.block == 0 || this.readAt != epoch) this.fetch();
    else if (this.isChanged(name)) this.apply();
    return HeaderIterator.over(this.block, this.names & bitOf(name.pointer, name.length) ? this.count : 0, name);
  }

  get size(): i32 {
    this.read();
    return <i32>this.count;
  }

  /** Replaces every value of `name` by one. A value with NUL, CR or LF is refused with {@link Status.BadArgument} (CVE-2023-27493). */
  set(name: Bytes, value: Bytes): Status {
    if (!isHeaderValue(value)) return Status.BadArgument;
    return this.changed(
      name,
      value,
      proxy_replace_header_map_value(this.mapType, name.pointer, <usize>name.length, value.pointer, <usize>value.length),
    );
  }

  /** Adds a value beside those there. On a pseudo-header Envoy joins them by a comma: use {@link set} there. */
  add(name: Bytes, value: Bytes): Status {
    if (!isHeaderValue(value)) return Status.BadArgument;
    this.block = 0;
    return proxy_add_header_map_value(this.mapType, name.pointer, <usize>name.length, value.pointer, <usize>value.length);
  }

  remove(name: Bytes): Status {
    return this.changed(name, null, proxy_remove_header_map_value(this.mapType, name.pointer, <usize>name.length));
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
    else if (this.changedName != 0) this.apply();
  }

  /** Whether `name` is the one whose change the block has not yet. */
  @inline
  private isChanged(name: Bytes): bool {
    return this.changedName != 0 && this.changedNameLength == name.length && sameName(this.changedName, name.pointer, name.length);
  }

  /**
   * Remembers a change, so that the next look need not read everything again: another change, or a look at all pairs, makes it in a copy. To Envoy `host` is `:authority`,
   * and capitals are small letters: after these everything is read.
   */
  private changed(name: Bytes, value: Bytes | null, status: Status): Status {
    if (this.block == 0 || this.readAt != epoch || status != Status.Ok || !isPlainName(name)) {
      this.block = 0;
      return status;
    }
    if (this.changedName != 0) this.apply();
    this.changedName = name.pointer;
    this.changedNameLength = name.length;
    this.changedValue = value != null ? value.pointer : 0;
    this.changedValueLength = value != null ? value.length : REMOVED;
    return status;
  }

  /** Makes the change in a new block: all entries of the name go, and as in Envoy the new one stands last, a pseudo-header last of its like. */
  private apply(): void {
    const name = this.changedName;
    const nameLength = this.changedNameLength;
    const valueLength = this.changedValueLength;
    this.changedName = 0;
    const count = this.count;
    let lengths = this.block + 4;
    let from = lengths + ((<usize>count) << 3);
    let kept: u32 = valueLength == REMOVED ? 0 : 1;
    let end = from;
    for (let i: u32 = 0; i < count; i++, lengths += 8) {
      const length = load<i32>(lengths);
      if (length != nameLength || !sameName(end, name, length)) kept++;
      end += <usize>length + <usize>load<u32>(lengths, 4) + 2;
    }
    const made = arena.allocate(4 + ((<usize>kept) << 3) + (end - from) + <usize>(nameLength + valueLength + 2));
    let madeLengths = made + 4;
    let to = madeLengths + ((<usize>kept) << 3);
    let missing = valueLength != REMOVED;
    const pseudo = load<u8>(name) == COLON;
    lengths = this.block + 4;
    for (let i: u32 = 0; i <= count; i++, lengths += 8) {
      if (missing && (i == count || (pseudo && load<u8>(from) != COLON))) {
        missing = false;
        store<i32>(madeLengths, nameLength);
        store<i32>(madeLengths, valueLength, 4);
        madeLengths += 8;
        copyBytes(to, name, <usize>nameLength);
        copyBytes(to + <usize>nameLength + 1, this.changedValue, <usize>valueLength);
        to += <usize>(nameLength + valueLength + 2);
      }
      if (i == count) break;
      const length = load<i32>(lengths);
      const size = <usize>length + <usize>load<u32>(lengths, 4) + 2;
      if (length != nameLength || !sameName(from, name, length)) {
        store<u64>(madeLengths, load<u64>(lengths));
        madeLengths += 8;
        copyBytes(to, from, size);
        to += size;
      }
      from += size;
    }
    this.block = made;
    this.count = kept;
    if (valueLength != REMOVED) this.names |= bitOf(name, nameLength);
  }

  private fetch(): void {
    this.readAt = epoch;
    this.changedName = 0;
    this.names = ANY_NAME;
    if (proxy_get_header_map_pairs(this.mapType, RESULT, RESULT + 4) != 0 || resultSize() < 4) {
      this.block = EMPTY_BLOCK;
      this.count = 0;
      return;
    }
    this.block = resultPointer();
    this.count = load<u32>(this.block);
  }

  private collectNames(): void {
    let lengths = this.block + 4;
    let data = lengths + ((<usize>this.count) << 3);
    let names: u64 = 0;
    for (let i: u32 = 0; i < this.count; i++, lengths += 8) {
      const length = load<i32>(lengths);
      names |= bitOf(data, length);
      data += <usize>length + <usize>load<u32>(lengths, 4) + 2;
    }
    this.names = names;
  }
}

const ANY_NAME: u64 = u64.MAX_VALUE;
const EMPTY_BLOCK: usize = memory.data(4);
const REMOVED: i32 = -1;
const COLON: u8 = 0x3a;
const HOST: u32 = 0x74736f68;

/** A bit for a name, the same whatever its case: from its length and its last letter. */
// @ts-ignore: decorator
@inline
function bitOf(name: usize, length: i32): u64 {
  const last: u8 = length > 0 ? load<u8>(name + <usize>length - 1) & 31 : 0;
  const place = (length * 11 + last) & 63;
  return (<u64>1) << (<u64>place);
}

function isPlainName(name: Bytes): bool {
  for (let i = 0; i < name.length; i++) {
    if (toLower(name[i]) != name[i]) return false;
  }
  return name.length > 0 && (name.length != 4 || load<u32>(name.pointer) != HOST);
}

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
  return sameBytes(left, right, <usize>length) || sameNameFolded(left, right, <usize>length);
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
