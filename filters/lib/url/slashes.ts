import { Bytes } from "../bytes";
import { Buffer } from "./buffer";
import { queryStart } from "./path";
import { escapedValue } from "./percent";

const SLASH: u8 = 0x2f;
const BACKSLASH: u8 = 0x5c;
const PERCENT: u8 = 0x25;

/**
 * Envoy's `merge_slashes`: runs of `/` in the path become one. Only literal slashes count, not `%2F`. A path of slashes alone becomes
 * `//`, since Envoy joins what stands between them and then puts one at the front and one at the end.
 */
export function mergeSlashes(target: Bytes): Bytes {
  const end = queryStart(target);
  const first = doubleSlash(target, end);
  if (first < 0) return target;
  const output = Buffer.of(target.length);
  output.append(target.slice(0, first + 1));
  for (let i = first + 1; i < end; i++) {
    if (target[i] != SLASH || target[i - 1] != SLASH) output.push(target[i]);
  }
  if (output.length == 1) output.push(SLASH);
  output.append(target.slice(end));
  return output.view();
}

/** The path with `%2F` as `/` and `%5C` as `\`, in either case of the digits. */
export function unescapeSlashes(target: Bytes): Bytes {
  const end = queryStart(target);
  const path = target.slice(0, end);
  let at = escapedSlash(path, 0);
  if (at < 0) return target;
  const output = Buffer.of(target.length);
  let copied = 0;
  for (; at >= 0; at = escapedSlash(path, copied)) {
    output.append(path.slice(copied, at));
    output.push(<u8>escapedValue(path, at));
    copied = at + 3;
  }
  output.append(target.slice(copied));
  return output.view();
}

function doubleSlash(path: Bytes, end: i32): i32 {
  for (let i = 0; i + 1 < end; i++) {
    if (path[i] == SLASH && path[i + 1] == SLASH) return i;
  }
  return -1;
}

function escapedSlash(path: Bytes, from: i32): i32 {
  for (let i = path.indexOf(PERCENT, from); i >= 0; i = path.indexOf(PERCENT, i + 1)) {
    const value = escapedValue(path, i);
    if (value == SLASH || value == BACKSLASH) return i;
  }
  return -1;
}
