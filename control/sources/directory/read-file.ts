import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { hash } from "node:crypto";
import { Limit } from "../../model/manifest/index.ts";

/** The bytes of a file, with what tells whether it changed since. */
export interface FileContent {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly stamp: Stamp;
  /** False where somebody wrote into it while it was read. */
  readonly steady: boolean;
}

export interface Stamp {
  readonly identity: string;
  /** When it was written, in milliseconds since 1970. */
  readonly written: number;
}

/**
 * Reads a regular file.
 *
 * @throws Error of the file system, and where it is no regular file: a pipe would block for ever
 */
export function readFile(path: string): FileContent {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const before = fstatSync(file, { bigint: true });
    if (!before.isFile()) throw new Error("is no regular file");
    // One byte more than is read of any file, which then says so.
    const bytes = new Uint8Array(Math.min(Number(before.size), Limit.file + 1));
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, length);
    const after = fstatSync(file, { bigint: true });
    const stamp = stampOf(after);
    const content = bytes.subarray(0, length);
    return {
      bytes: content,
      digest: hash("sha1", content),
      stamp,
      steady: stampOf(before).identity === stamp.identity && length === bytes.length,
    };
  } finally {
    closeSync(file);
  }
}

interface BigStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigStat): Stamp {
  return { identity: `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`, written: Number(mtimeNs / 1_000_000n) };
}

/**
 * Whether a file that has just been written may be no more than its beginning. Editors and shells empty a file and write it anew, in pieces of some KiB;
 * what is whole ends with a line, and has no fewer documents than before.
 */
export function looksUnfinished(
  bytes: Uint8Array,
  { broken, manifests }: { readonly broken: boolean; readonly manifests: readonly unknown[] },
  before: number,
): boolean {
  const last = bytes.at(-1);
  return (
    broken ||
    manifests.length < before ||
    (last !== undefined && last !== LF && last !== CLOSING_BRACE) ||
    (bytes.length > 0 && bytes.length % PIECE === 0)
  );
}

const LF = 0x0a;
/** JSON needs no line end to be whole. */
const CLOSING_BRACE = 0x7d;
const PIECE = 4096;
