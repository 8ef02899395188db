import { arena, Bytes } from "../bytes";
import * as url from ".";

// Flat functions for the tests of this folder.

/** Bytes as one number for `ByteCalls.text`: pointer above, length below, all ones for null. */
function pack(bytes: Bytes | null): u64 {
  return bytes == null ? u64.MAX_VALUE : ((<u64>bytes.pointer) << 32) | (<u64>bytes.length);
}

function view(pointer: usize, length: i32): Bytes {
  arena.reset();
  return Bytes.view(pointer, length);
}

export function path(pointer: usize, length: i32): u64 {
  return pack(url.PathParts.split(view(pointer, length)).path);
}

export function pathAlone(pointer: usize, length: i32): u64 {
  return pack(url.removeQueryAndFragment(view(pointer, length)));
}

export function query(pointer: usize, length: i32): u64 {
  return pack(url.PathParts.split(view(pointer, length)).query);
}

export function fragment(pointer: usize, length: i32): u64 {
  return pack(url.PathParts.split(view(pointer, length)).fragment);
}

export function queryParameter(pointer: usize, length: i32, name: usize, nameLength: i32): u64 {
  return pack(url.queryParameter(view(pointer, length), Bytes.view(name, nameLength)));
}

/** The value of the parameter called `name` for the time `index`. */
export function queryValue(pointer: usize, length: i32, name: usize, nameLength: i32, index: i32): u64 {
  const parameters = url.QueryParameters.of(view(pointer, length));
  while (parameters.nextOf(Bytes.view(name, nameLength))) {
    if (index-- == 0) return pack(parameters.value);
  }
  return pack(null);
}

export function queryName(pointer: usize, length: i32, index: i32): u64 {
  const parameters = url.QueryParameters.of(view(pointer, length));
  while (parameters.next()) {
    if (index-- == 0) return pack(parameters.name);
  }
  return pack(null);
}

export function cookie(pointer: usize, length: i32, name: usize, nameLength: i32): u64 {
  return pack(url.cookie(view(pointer, length), Bytes.view(name, nameLength)));
}

export function cookieName(pointer: usize, length: i32, index: i32): u64 {
  const cookies = url.Cookies.of(view(pointer, length));
  while (cookies.next()) {
    if (index-- == 0) return pack(cookies.name);
  }
  return pack(null);
}

export function percentDecode(pointer: usize, length: i32): u64 {
  return pack(url.percentDecode(view(pointer, length)));
}

export function badEscape(pointer: usize, length: i32): i32 {
  return url.badEscape(view(pointer, length));
}

export function canonicalPath(pointer: usize, length: i32, normalize: bool, merge: bool, escapedSlashes: i32): u64 {
  return pack(url.canonicalPath(view(pointer, length), normalize, merge, <url.EscapedSlashes>escapedSlashes));
}

export function host(pointer: usize, length: i32): u64 {
  return pack(url.Authority.parse(view(pointer, length)).host);
}

export function hostOf(pointer: usize, length: i32): u64 {
  return pack(url.hostOf(view(pointer, length)));
}

export function port(pointer: usize, length: i32): i32 {
  return url.Authority.parse(view(pointer, length)).port;
}

export function withoutBrackets(pointer: usize, length: i32): u64 {
  return pack(url.withoutBrackets(view(pointer, length)));
}

export function sameHost(pointer: usize, length: i32, other: usize, otherLength: i32): bool {
  return url.sameHost(view(pointer, length), Bytes.view(other, otherLength));
}

export function defaultPort(pointer: usize, length: i32): i32 {
  return url.defaultPort(view(pointer, length));
}

export function isScheme(pointer: usize, length: i32, name: usize, nameLength: i32): bool {
  return url.isScheme(view(pointer, length), Bytes.view(name, nameLength));
}

export function isValidScheme(pointer: usize, length: i32): bool {
  return url.isValidScheme(view(pointer, length));
}
