import { hash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { IdentityError } from "../identity-error.ts";

/** What a file holds, and the version in which it is written. A file of another version is left alone. */
export interface SealedFormat {
  readonly format: string;
  readonly version: number;
  /** Bytes at most. */
  readonly limit: number;
}

interface Header {
  readonly format: string;
  readonly version: number;
  readonly sha256: string;
}

/**
 * Replaces the file: what a crash leaves is the old one or the new one, and when this returns the new one is on the disk. One line says what it is and its checksum, the next is `value` as JSON.
 *
 * It blocks, on purpose: nothing that depends on what is written may happen before it is, and these files are small and rarely written.
 *
 * @throws IdentityError `state` where the file system does not take it: the disk is full, or read-only. The old file stays
 */
export function writeSealed(path: string, { format, version, limit }: SealedFormat, value: unknown): void {
  const body = JSON.stringify(value);
  const header: Header = { format, version, sha256: hash("sha256", body) };
  const content = Buffer.from(`${JSON.stringify(header)}\n${body}\n`);
  if (content.length > limit) throw new IdentityError("state", `${path} would have ${content.length} bytes; ${limit} are kept`);
  const beside = `${path}.new`;
  try {
    synced(openSync(beside, "w", 0o600), (file) => {
      for (let at = 0; at < content.length;) at += writeSync(file, content, at);
    });
    renameSync(beside, path);
    synced(openSync(dirname(path), "r"), () => undefined);
  } catch (error) {
    // A full disk is not made fuller.
    rmSync(beside, { force: true });
    throw new IdentityError("state", `${path} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * What was written; undefined where there is no file.
 *
 * @throws IdentityError `state` where it is damaged, of another version or something else, or others may read it; the message says what to do
 */
export function readSealed(path: string, { format, version, limit }: SealedFormat): unknown {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if ((stat.mode & 0o077) !== 0)
    throw new IdentityError(
      "state",
      `${path} may be read by others (mode ${(stat.mode & 0o777).toString(8)}); it holds secrets: chmod 600 it, and replace them where others had access to this machine`,
    );
  const wrong = (what: string) =>
    new IdentityError(
      "state",
      `${path} ${what}; bring it back from a backup, or move it away to begin anew, upon which what it held is void`,
    );
  if (stat.size > limit) throw wrong(`has ${stat.size} bytes, and at most ${limit} are read`);
  const content = readFileSync(path, "utf8");
  const end = content.indexOf("\n");
  const header = parse(content.slice(0, Math.max(end, 0))) as Partial<Header> | undefined;
  if (header?.format !== format) throw wrong(`is no ${format}`);
  if (header.version !== version) throw wrong(`is of version ${String(header.version)}, and ${version} is read`);
  const body = content.slice(end + 1, -1);
  if (header.sha256 !== hash("sha256", body)) throw wrong("is damaged: its checksum is another");
  return parse(body);
}

function synced(file: number, use: (file: number) => void): void {
  try {
    use(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
