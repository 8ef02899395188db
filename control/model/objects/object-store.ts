import type { Manifest } from "../manifest.ts";
import { type MeshObject, objectKey } from "../object.ts";
import type { FieldPath } from "../place.ts";
import { Code, compareProblems, type Problem } from "../problem.ts";
import type { SourceChange, SourceFile } from "../source.ts";
import type { Kinds } from "./kinds.ts";
import { isStandIn, manifestOf, moveObject, type ObjectRead, readObject, refusedRead } from "./read-object.ts";

/** What a change of the sources did to the objects. */
export interface ObjectChange {
  /** New objects and those that are another than before; never one that is as it was. */
  readonly upserted: readonly MeshObject[];
  readonly removed: readonly MeshObject[];
  /** Every problem of the files that changed, or whose standing did; empty where all is good now. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
}

/** One document and what it was read as. */
interface Entry {
  readonly manifest: Manifest;
  readonly read: ObjectRead;
  /** Where the document began when it was read. */
  readonly line: number;
}

interface FileState {
  /** Which source has it. */
  readonly source: string;
  /** Of the last time that all of it could be read: what is mended is the same as before. */
  readonly whole: readonly Entry[];
  /** What is in the file now, as far as it could be read. */
  readonly entries: readonly Entry[];
  /** What counts of it, by key: its good objects, and of those that are refused now what was good before. */
  readonly objects: ReadonlyMap<string, MeshObject>;
  /** Of the source. */
  readonly fileProblems: readonly Problem[];
}

/**
 * The objects of all sources: a bad one never replaces a good one and never stops the others. What counts is a function of the files, and of what was good in them before:
 *
 * - A file with a document that is no YAML keeps all objects that it had: it may be half-written. The first time, its other documents count.
 * - An object with an error keeps its last good version, and so does one that may be what a document without a legible name is about. One that protects workloads and has no good version
 *   is stood in for by what denies all that it would have governed (`Kind.standIn`).
 * - Of objects with the same key, the first by the order of the files counts.
 */
export class ObjectStore {
  readonly #kinds: Kinds;
  readonly #files = new Map<string, FileState>();
  /** The files that have an object of a key, in order; almost always one. */
  readonly #holders = new Map<string, string[]>();
  readonly #objects = new Map<string, MeshObject>();
  /** Of objects that may still turn out to be refused, what was good before: undefined for new ones. */
  #unconfirmed = new WeakMap<MeshObject, MeshObject | undefined>();

  constructor(kinds: Kinds) {
    this.#kinds = kinds;
  }

  /** Another store with all that is in this one, to see what would become of a change. */
  fork(): ObjectStore {
    const other = new ObjectStore(this.#kinds);
    other.#unconfirmed = this.#unconfirmed;
    for (const [file, state] of this.#files) other.#files.set(file, state);
    for (const [key, holders] of this.#holders) other.#holders.set(key, [...holders]);
    for (const [key, object] of this.#objects) other.#objects.set(key, object);
    return other;
  }

  /** Everything that counts, by key. */
  get objects(): ReadonlyMap<string, MeshObject> {
    return this.#objects;
  }

  /** Every problem there is, by file and place. */
  problems(): Problem[] {
    return [...this.#files.keys()].flatMap((file) => this.#problemsOf(file)).sort(compareProblems);
  }

  /** Applies a change of a source, whole; `source` tells several apart that have one store. */
  apply({ files, complete }: SourceChange, source = ""): ObjectChange {
    const touched = new Set<string>();
    const affected = new Set<string>();
    const changed = new Map(files.map((file) => [file.file, file]));
    if (complete) for (const file of this.#gone(changed, source)) changed.set(file, { file, manifests: [], problems: [], broken: false });
    for (const file of changed.values()) {
      affected.add(file.file);
      this.#read(file, source, touched, affected);
    }
    return this.#changed(touched, affected);
  }

  /** What was found good once more, after it was read. */
  confirm(objects: Iterable<MeshObject>): void {
    for (const object of objects) this.#unconfirmed.delete(object);
  }

  /**
   * Refuses an object that looked good when it was read, as if that had been found out then: what was good before counts again, else what stands in for it, else nothing. Does nothing where it
   * counts no more.
   */
  refuse(object: MeshObject, path: FieldPath, message: string): ObjectChange {
    const key = objectKey(object);
    const manifest = manifestOf(object);
    const touched = new Set([key]);
    const affected = new Set<string>();
    for (const file of isStandIn(object) ? [] : [...(this.#holders.get(key) ?? [])]) {
      const state = this.#files.get(file);
      if (state?.objects.get(key) !== object) continue;
      affected.add(file);
      const problem: Problem = { ...object.place(path), level: "error", code: Code.RefusedByModule, path, message };
      const refused = (entry: Entry): Entry => (entry.manifest === manifest ? refusedEntry(entry, problem, this.#kinds) : entry);
      const entries = state.entries.map(refused);
      const standIn = entries.find((entry) => entry.manifest === manifest)?.read.standIn;
      const counts = this.#unconfirmed.get(object) ?? standIn;
      const objects = new Map(state.objects);
      if (counts === undefined) objects.delete(key);
      else objects.set(key, counts);
      this.#files.set(file, { ...state, entries, whole: state.whole.map(refused), objects });
      if (counts === undefined) this.#drop(key, file, affected);
    }
    return this.#changed(touched, affected);
  }

  /** What became of the objects with these keys. */
  #changed(touched: ReadonlySet<string>, affected: Set<string>): ObjectChange {
    const upserted: MeshObject[] = [];
    const removed: MeshObject[] = [];
    for (const key of touched) {
      const before = this.#objects.get(key);
      const after = this.#winner(key, affected);
      if (before === after) continue;
      if (after === undefined) this.#objects.delete(key);
      else this.#objects.set(key, after);
      if (after !== undefined) upserted.push(after);
      else if (before !== undefined) removed.push(before);
    }
    const problems = new Map<string, readonly Problem[]>();
    for (const file of [...affected].sort()) problems.set(file, this.#problemsOf(file));
    return { upserted, removed, problems };
  }

  /** Files that a complete change does not have, but for what stands below something that could not be read. */
  #gone(changed: ReadonlyMap<string, SourceFile>, source: string): string[] {
    const unreadable = [...changed.values()]
      .filter(({ manifests }) => manifests === undefined)
      .map(({ file }) => (file === "." ? "" : `${file.replace(/\/$/, "")}/`));
    const gone = [...this.#files].filter(([file, state]) => state.source === source && !changed.has(file));
    return gone.map(([file]) => file).filter((file) => !unreadable.some((folder) => file.startsWith(folder)));
  }

  #read({ file, manifests, problems, broken }: SourceFile, source: string, touched: Set<string>, affected: Set<string>): void {
    const before = this.#files.get(file);
    const known = new Map([...(before?.whole ?? []), ...(before?.entries ?? [])].map((entry) => [entry.manifest, entry]));
    const entries = manifests?.map((manifest) => known.get(manifest) ?? readEntry(manifest, this.#kinds)) ?? before?.entries ?? [];
    const objects = manifests === undefined ? (before?.objects ?? new Map<string, MeshObject>()) : counting(entries, before, broken);
    for (const key of before?.objects.keys() ?? []) {
      touched.add(key);
      if (!objects.has(key)) this.#drop(key, file, affected);
    }
    for (const key of objects.keys()) {
      touched.add(key);
      if (before?.objects.has(key) !== true) this.#hold(key, file);
      this.#remember(objects.get(key), before?.objects.get(key));
    }
    const whole = broken || manifests === undefined ? (before?.whole ?? []) : entries;
    if (manifests?.length === 0 && problems.length === 0 && objects.size === 0) this.#files.delete(file);
    else this.#files.set(file, { source, whole, entries, objects, fileProblems: problems });
  }

  /** Keeps what was good until it is known that what came in its place is. */
  #remember(after: MeshObject | undefined, before: MeshObject | undefined): void {
    if (after === undefined || after === before) return;
    const good = before === undefined || isStandIn(before) ? undefined : before;
    this.#unconfirmed.set(after, good !== undefined && this.#unconfirmed.has(good) ? this.#unconfirmed.get(good) : good);
  }

  #hold(key: string, file: string): void {
    const holders = this.#holders.get(key);
    if (holders === undefined) this.#holders.set(key, [file]);
    else holders.push(file);
  }

  #drop(key: string, file: string, affected: Set<string>): void {
    for (const each of this.#holders.get(key) ?? []) affected.add(each);
    const holders = this.#holders.get(key)?.filter((each) => each !== file) ?? [];
    if (holders.length === 0) this.#holders.delete(key);
    else this.#holders.set(key, holders);
  }

  /** The object that counts; where several files have one, all of them are told of it. */
  #winner(key: string, affected: Set<string>): MeshObject | undefined {
    const holders = this.#holders.get(key);
    if (holders === undefined) return undefined;
    if (holders.length > 1) {
      holders.sort();
      for (const file of holders) affected.add(file);
    }
    const found = holders.map((file) => this.#files.get(file)?.objects.get(key)).filter((object) => object !== undefined);
    return found.find((object) => !isStandIn(object)) ?? found[0];
  }

  #problemsOf(file: string): Problem[] {
    const state = this.#files.get(file);
    if (state === undefined) return [];
    const problems = [...state.fileProblems];
    const seen = new Map<string, Manifest>();
    for (const { manifest, read, line } of state.entries) {
      problems.push(...(manifest.problems ?? []));
      // The document may have moved since it was read.
      const moved = (manifest.source?.line ?? 0) - line;
      problems.push(...(moved === 0 ? read.problems : read.problems.map((problem) => ({ ...problem, line: problem.line + moved }))));
      if (read.standIn !== undefined) problems.push(consequence(read.standIn, this.#objects.get(objectKey(read.standIn)), manifest));
      if (read.object === undefined) continue;
      const key = objectKey(read.object);
      const earlier = seen.get(key) ?? this.#earlier(key, file);
      if (earlier === undefined) seen.set(key, manifest);
      else problems.push(duplicate(read.object, manifest, earlier));
    }
    return problems;
  }

  #earlier(key: string, file: string): Pick<Manifest, "place"> | undefined {
    const [first] = this.#holders.get(key) ?? [];
    if (first === undefined || first === file) return undefined;
    return this.#files.get(first)?.objects.get(key);
  }
}

/** What counts of a file, by key. */
function counting(entries: readonly Entry[], before: FileState | undefined, broken: boolean): ReadonlyMap<string, MeshObject> {
  if (broken && before !== undefined && before.objects.size > 0) return before.objects;
  const objects = new Map<string, MeshObject>();
  let illegible = false;
  for (const { read } of entries) {
    const { object, standIn, key, passedOver } = read;
    if (key === undefined) {
      illegible ||= !passedOver;
      continue;
    }
    if (objects.has(key)) continue;
    const earlier = before?.objects.get(key);
    const good = earlier === undefined || isStandIn(earlier) ? undefined : earlier;
    const counting = object ?? good ?? standIn;
    const counts = earlier === undefined || counting === undefined ? counting : theSame(earlier, counting);
    if (counts !== undefined) objects.set(key, counts);
  }
  if (illegible) for (const [key, object] of before?.objects ?? []) if (!objects.has(key)) objects.set(key, object);
  return objects;
}

/** The earlier of two where nothing but comments and line ends differ, so that nothing is done about it. */
function theSame(earlier: MeshObject, later: MeshObject): MeshObject {
  if (earlier === later || isStandIn(earlier) !== isStandIn(later)) return later;
  const manifest = manifestOf(later);
  // The order of keys counts: headers are added in it.
  if (JSON.stringify(manifestOf(earlier).value) !== JSON.stringify(manifest.value)) return later;
  moveObject(earlier, manifest);
  return earlier;
}

/** An entry whose object is refused. Its problems are told by the line on which it was read. */
function refusedEntry({ manifest, read, line }: Entry, problem: Problem, kinds: Kinds): Entry {
  const moved = (manifest.source?.line ?? 0) - line;
  return { manifest, read: refusedRead(read, manifest, { ...problem, line: problem.line - moved }, kinds), line };
}

function readEntry(manifest: Manifest, kinds: Kinds): Entry {
  return { manifest, read: readObject(manifest, kinds), line: manifest.source?.line ?? 0 };
}

/** What an error in an object that protects workloads means for them. */
function consequence(standIn: MeshObject, counts: MeshObject | undefined, manifest: Manifest): Problem {
  const path = ["metadata", "name"];
  const name = `${standIn.kind} ${standIn.metadata.namespace}/${standIn.metadata.name}`;
  if (counts !== undefined && !isStandIn(counts))
    return {
      ...manifest.place(path),
      level: "warning",
      code: Code.Denied,
      path,
      message: `${name} has errors; its last good version stays in force`,
    };
  const message = `${name} has errors and no good version, so all that it may have been meant to protect is denied until they are mended`;
  return { ...manifest.place(path), level: "error", code: Code.Denied, path, message };
}

function duplicate({ kind, metadata }: MeshObject, manifest: Manifest, earlier: Pick<Manifest, "place">): Problem {
  const { file, line, column } = earlier.place(["metadata", "name"]);
  const path = ["metadata", "name"];
  const message = `${kind} ${metadata.namespace}/${metadata.name} is defined at ${file}:${line}:${column} too, and that one counts; rename or remove one`;
  return { ...manifest.place(path), level: "error", code: Code.Duplicate, path, message };
}
