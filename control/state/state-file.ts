import { hash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "../../harness/make-folder.ts";

/** What is kept of one document that was accepted. */
export interface StateDocument {
  readonly file: string;
  /** Line of the file on which the text began. */
  readonly line: number;
  readonly text: string;
  /** Of a `List`, which entries were accepted. */
  readonly items?: readonly number[];
}

/** The first line of the file; the second and last is the documents as JSON. */
interface Header {
  readonly format: string;
  readonly version: number;
  readonly sha256: string;
}

const FORMAT = "meshwright state";
/** What a later version cannot read it leaves alone. */
const VERSION = 1;
/** Bytes of state that are written and read: some hundred thousand objects. */
export const STATE_LIMIT = 512 * 1024 * 1024;

/** What is asked of the file system. */
export interface StateFiles {
  readonly makeFolder: typeof makeFolder;
  readonly open: typeof open;
  readonly rename: typeof rename;
  readonly rm: typeof rm;
}

const NODE_FILES: StateFiles = { makeFolder, open, rename, rm };

/** Why a state file is not used. */
export class StateError extends Error {
  override readonly name = "StateError";
}

/**
 * Replaces the file as a whole: what a crash leaves is the old one or the new one. The bytes are on the disk before the name is. Makes the directory where it is missing.
 *
 * @throws Error of the file system: the disk is full, or read-only. The old file stays
 */
export async function writeStateFile(path: string, documents: readonly StateDocument[], files: StateFiles = NODE_FILES): Promise<void> {
  const body = JSON.stringify(documents);
  if (body.length > STATE_LIMIT) throw new StateError(`the objects are ${body.length} bytes of state; ${STATE_LIMIT} are kept`);
  const header: Header = { format: FORMAT, version: VERSION, sha256: hash("sha256", body) };
  const beside = `${path}.new`;
  const directory = dirname(path);
  files.makeFolder(directory, 0o700);
  try {
    await flushed(files, beside, "w", (file) => file.writeFile(`${JSON.stringify(header)}\n${body}\n`));
    await files.rename(beside, path);
  } catch (error) {
    // A full disk is not made fuller.
    await files.rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
  await flushed(files, directory, "r");
}

/** What is done with a file is on the disk when this resolves. */
async function flushed(files: StateFiles, path: string, flags: string, work?: (file: FileHandle) => Promise<void>): Promise<void> {
  await using file = await files.open(path, flags, 0o600);
  await work?.(file);
  await file.sync();
}

/**
 * The documents of a state file; undefined where there is none.
 *
 * @throws StateError where it is no state file of this version, or damaged
 */
export function readStateFile(path: string): readonly StateDocument[] | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (stat.size > STATE_LIMIT + 1024) throw new StateError(`${path} has ${stat.size} bytes; ${STATE_LIMIT} are read`);
  const content = readFileSync(path, "utf8");
  const end = content.indexOf("\n");
  const header = parse<Partial<Header>>(content.slice(0, Math.max(end, 0)));
  if (header?.format !== FORMAT) throw new StateError(`${path} is no state of meshwright`);
  if (header.version !== VERSION) throw new StateError(`${path} is of version ${String(header.version)}; ${VERSION} is read`);
  const body = content.slice(end + 1, -1);
  if (header.sha256 !== hash("sha256", body)) throw new StateError(`${path} is damaged: its checksum is another`);
  return parse<StateDocument[]>(body);
}

function parse<T>(json: string): T | undefined {
  try {
    return JSON.parse(json) as T;
  } catch {
    return undefined;
  }
}
