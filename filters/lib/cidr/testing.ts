import { arena, Bytes } from "../bytes";
import { Address, Range, RangeSet, SocketAddress } from ".";

// Flat functions for the tests of this folder. The set stays until `clear`.

let set = new RangeSet();

function view(pointer: usize, length: i32): Bytes {
  arena.reset();
  return Bytes.view(pointer, length);
}

/** The version, 0 for no address. */
export function version(pointer: usize, length: i32): i32 {
  const address = Address.parse(view(pointer, length));
  return address == null ? 0 : address.version;
}

/** 64 bits of the address: the upper ones where `high` is true. */
export function bits(pointer: usize, length: i32, high: bool): u64 {
  const address = Address.parse(view(pointer, length));
  if (address == null) return 0;
  return high ? address.high : address.low;
}

/** The port, -1 for no socket address. */
export function port(pointer: usize, length: i32): i32 {
  const socket = SocketAddress.parse(view(pointer, length));
  return socket == null ? -1 : socket.port;
}

/** Whether `text` is a socket address with the address `other`. */
export function hasAddress(pointer: usize, length: i32, other: usize, otherLength: i32): bool {
  const socket = SocketAddress.parse(view(pointer, length));
  const address = Address.parse(Bytes.view(other, otherLength));
  return socket != null && address != null && socket.address.equals(address);
}

/** The prefix length, -1 for no range. */
export function prefixLength(pointer: usize, length: i32): i32 {
  const range = Range.parse(view(pointer, length));
  return range == null ? -1 : range.prefixLength;
}

export function rangeContains(pointer: usize, length: i32, other: usize, otherLength: i32): bool {
  const range = Range.parse(view(pointer, length));
  const address = Address.parse(Bytes.view(other, otherLength));
  return range != null && address != null && range.contains(address);
}

export function clear(): void {
  set = new RangeSet();
}

export function add(pointer: usize, length: i32): bool {
  return set.add(view(pointer, length));
}

/** How many intervals there are. */
export function build(): i32 {
  set.build();
  return set.size;
}

export function setContains(pointer: usize, length: i32): bool {
  const address = Address.parse(view(pointer, length));
  return address != null && set.contains(address);
}
