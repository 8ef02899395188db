import { Bytes } from "../bytes";
import { Buffer } from "./buffer";
import { PathCharacter, pathCharacter } from "./character";
import { queryStart } from "./path";
import { mergeSlashes, unescapeSlashes } from "./slashes";
import { escapedValue, hexadecimalDigit } from "./percent";

const SLASH: u8 = 0x2f;
const BACKSLASH: u8 = 0x5c;
const DOT: u8 = 0x2e;
const PERCENT: u8 = 0x25;
const SEMICOLON: u8 = 0x3b;
/** An offset so far before every other that nothing is near it. */
const NOWHERE: i32 = -4;

/** What `path_with_escaped_slashes_action` of Envoy's HTTP connection manager does with `%2F` and `%5C` in a path. */
export const enum EscapedSlashes {
  /** KEEP_UNCHANGED: they stay. Envoy's and Istio's default. */
  Keep,
  /** REJECT_REQUEST: such a path is refused. */
  Reject,
  /** UNESCAPE_AND_FORWARD: they become `/` and `\` before all else. (UNESCAPE_AND_REDIRECT gives the same path.) */
  Unescape,
}

/**
 * The path as Envoy's HTTP connection manager would hand it on: first `path_with_escaped_slashes_action`, then `normalize_path`, then
 * `merge_slashes`, each on what stands before the first `?`. Null where Envoy answers 400. Returns `target` itself where nothing changes.
 */
export function canonicalPath(target: Bytes, normalize: bool, merge: bool, escapedSlashes: EscapedSlashes): Bytes | null {
  let path = target;
  if (escapedSlashes != EscapedSlashes.Keep) {
    path = unescapeSlashes(target);
    if (path != target && escapedSlashes == EscapedSlashes.Reject) return null;
  }
  if (normalize) {
    const normalized = normalizePath(path);
    if (normalized == null) return null;
    path = normalized;
  }
  return merge ? mergeSlashes(path) : path;
}

/**
 * Envoy's `normalize_path`, which is Chromium's path canonicaliser: dot segments are removed (also `%2e`), `\` becomes `/`, escapes of
 * unreserved characters are decoded except of `.` in a name, characters that may not stand in a path are escaped. `%2F`, `//`, `;` and
 * letter case are left alone, as is a `%` that begins no escape. Null for `%00`, for which Envoy answers 400.
 *
 * ```
 *   input   /a/./b/%2e%2E/%61%2fc\d?x=../y
 *   output  /a/a%2fc/d?x=../y
 * ```
 */
export function normalizePath(target: Bytes): Bytes | null {
  const end = queryStart(target);
  if (isNormal(target, end)) return target;
  // Every byte of the path can become three, and a slash can be put before it.
  const output = Buffer.of(end * 3 + 1 + target.length - end);
  const path = withoutDotParameters(target.slice(0, end));
  if (!writePath(path, path.length, output)) return null;
  output.append(target.slice(end));
  return output.view();
}

/** Whether the path needs no look at its segments: it begins with a slash, no segment begins with a dot and every byte may stay. */
function isNormal(path: Bytes, end: i32): bool {
  if (end == 0 || path[0] != SLASH) return false;
  for (let i = 0; i < end; i++) {
    const byte = path[i];
    if (pathCharacter(byte) >= PathCharacter.Escape || (byte == DOT && path[i - 1] == SLASH)) return false;
  }
  return true;
}

/**
 * The path without the matrix parameters of segments that are `.` or `..`, so that `/a/..;x/b` is `/a/../b` (CVE-2026-73511). As in Envoy
 * only literal dots count, and only `/` ends the parameter: `%2e%2e;` is the name of a segment. Envoy 1.39.3 and 1.40 do this, 1.36.4 leaves
 * such segments alone.
 */
function withoutDotParameters(path: Bytes): Bytes {
  let at = dotParameter(path, 0);
  if (at < 0) return path;
  const output = Buffer.of(path.length);
  let copied = 0;
  for (; at >= 0; at = dotParameter(path, copied)) {
    output.append(path.slice(copied, at));
    const slash = path.indexOf(SLASH, at);
    copied = slash < 0 ? path.length : slash;
  }
  output.append(path.slice(copied));
  return output.view();
}

/** The index of the first `;` that follows `/.` or `/..` from the slash at or after `from` on, or -1. */
function dotParameter(path: Bytes, from: i32): i32 {
  for (let i = path.indexOf(SLASH, from); i >= 0; i = path.indexOf(SLASH, i + 1)) {
    let at = i + 1;
    while (at < path.length && at < i + 3 && path[at] == DOT) at++;
    if (at > i + 1 && at < path.length && path[at] == SEMICOLON) return at;
  }
  return -1;
}

/** Writes the canonical form of the first `end` bytes; false where they hold an escaped NUL. */
function writePath(path: Bytes, end: i32, output: Buffer): bool {
  if (end == 0 || !isSlash(path[0])) output.push(SLASH);
  // Where the output holds the last `%` that began no escape in the input.
  let lonePercent = NOWHERE;
  let i = 0;
  while (i < end) {
    const byte = path[i];
    const dot = dotLength(path, i, end);
    if (dot > 0) {
      i = writeDot(path, i + dot, end, output);
      if (lonePercent >= output.length) lonePercent = NOWHERE;
      continue;
    }
    if (byte == BACKSLASH) {
      output.push(SLASH);
    } else if (byte != PERCENT) {
      writeByte(byte, output);
    } else if (i + 2 < end && escapedValue(path, i) >= 0) {
      if (!writeEscape(path, i, end, output, lonePercent)) return false;
      i += 2;
    } else {
      lonePercent = output.length;
      output.push(PERCENT);
    }
    i++;
  }
  return true;
}

/**
 * Decides on a dot that ends at `next`: part of a name, `.` or `..` as a segment. Returns where to go on. Only a dot right behind a
 * slash of the output can be a segment; `..` at the root stays there.
 */
function writeDot(path: Bytes, next: i32, end: i32, output: Buffer): i32 {
  if (output.at(output.length - 1) == SLASH) {
    if (next == end) return next;
    if (isSlash(path[next])) return next + 1;
    const second = dotLength(path, next, end);
    const after = next + second;
    if (second > 0 && (after == end || isSlash(path[after]))) {
      removeSegment(output);
      return min(after + 1, end);
    }
  }
  output.push(DOT);
  return next;
}

/** Takes the last segment off an output that ends with a slash. */
function removeSegment(output: Buffer): void {
  let length = output.length - 1;
  while (length > 0 && output.at(length - 1) != SLASH) length--;
  output.truncate(max(length, 1));
}

/** Writes the whole escape at `index`, decoded where its character needs none; false where it is `%00`. */
function writeEscape(path: Bytes, index: i32, end: i32, output: Buffer, lonePercent: i32): bool {
  const value = <u8>escapedValue(path, index);
  const kind = pathCharacter(value);
  if (kind == PathCharacter.Invalid) return false;
  if (kind != PathCharacter.Unescape) {
    output.append(path.slice(index, index + 3));
    return true;
  }
  output.push(value);
  const behind = output.length - lonePercent;
  if (behind <= 3) {
    const following: u8 = index + 3 < end ? path[index + 3] : 0;
    const first = output.at(lonePercent + 1);
    const second = behind == 3 ? value : following;
    if (hexadecimalDigit(first) >= 0 && hexadecimalDigit(second) >= 0) escapePercent(output, lonePercent);
  }
  return true;
}

/**
 * Makes the `%` at `index` a `%25`. `%%300` is no escape, but once its `%30` is decoded it reads `%00`: whoever decodes the result
 * again would see a character that was never there.
 */
function escapePercent(output: Buffer, index: i32): void {
  const tail = output.view().slice(index + 1);
  const copy = Buffer.of(tail.length);
  copy.append(tail);
  output.truncate(index + 1);
  output.push(0x32);
  output.push(0x35);
  output.append(copy.view());
}

function writeByte(byte: u8, output: Buffer): void {
  if (pathCharacter(byte) < PathCharacter.Escape) {
    output.push(byte);
    return;
  }
  output.push(PERCENT);
  output.push(hexadecimal(byte >> 4));
  output.push(hexadecimal(byte & 15));
}

/** The length of the dot at `index`, literal or as `%2e`; 0 where there is none. */
function dotLength(path: Bytes, index: i32, end: i32): i32 {
  const byte = path[index];
  if (byte == DOT) return 1;
  return byte == PERCENT && index + 2 < end && escapedValue(path, index) == DOT ? 3 : 0;
}

function isSlash(byte: u8): bool {
  return byte == SLASH || byte == BACKSLASH;
}

function hexadecimal(digit: u8): u8 {
  return digit < 10 ? digit + 0x30 : digit - 10 + 0x41;
}
