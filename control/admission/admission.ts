import type { Mesh } from "../mesh/index.ts";
import { problemsInMesh } from "../mesh-problems.ts";
import {
  compareProblems,
  formatProblem,
  type Kind,
  type MeshObject,
  objectKey,
  type Problem,
  type Source,
  type SourceChange,
  type SourceFile,
} from "../model/index.ts";
import type { ObjectChange, ObjectStore } from "../model/objects/index.ts";
import { type Answer, type ChangeSet, newProblems } from "./change-set.ts";

/** `warn`: what is good of a change counts, and what is bad is told. `strict`: a change that brings a new error does not count at all. */
export type AdmissionMode = "strict" | "warn";

/** A change that waits until what is wrong with it is mended. */
export interface RefusedSet {
  /** `directory mesh/`. */
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly files: readonly string[];
  /** What it would break. */
  readonly problems: readonly Problem[];
}

export interface AdmissionOptions {
  readonly mode: AdmissionMode;
  readonly kinds: readonly Kind[];
  readonly store: ObjectStore;
  /** The mesh of the objects that count. */
  readonly mesh: () => Mesh;
  /** Why modules refuse objects that do not count yet, each by itself, and what they make together with those that do. */
  readonly prove: (mesh: Mesh, objects: readonly MeshObject[]) => Promise<readonly Problem[]>;
  /** Puts a change in force. */
  readonly apply: (change: ObjectChange, changedAt: number) => void;
  /** Hears of a set that is refused. */
  readonly refused: (set: RefusedSet) => void;
  readonly now: () => number;
}

/** What the sources have at the start is refused, and nothing was kept that could be served in its place. */
export class AdmissionError extends Error {
  override readonly name = "AdmissionError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(`the objects have errors, and with strict admission nothing is served of them:\n${problems.map(formatProblem).join("\n")}`);
    this.problems = problems;
  }
}

interface Held {
  readonly files: Map<string, SourceFile>;
  complete: boolean;
  set: RefusedSet;
}

interface Judged {
  readonly store: ObjectStore;
  readonly change: ObjectChange;
  readonly problems: readonly Problem[];
  readonly bad: boolean;
  /** What the objects have against each other then. */
  readonly inMesh: readonly Problem[];
}

/** By source. */
type Changes = readonly (readonly [source: string, change: SourceChange])[];

/** Under which name what was kept before a restart stands, until the sources have been read. */
const KEPT = "";

/**
 * Decides which changes of the sources and of the API count. Changes are taken one after the other; what is refused of a source is held, and tried again with what comes next.
 */
export class Admission {
  private readonly options: AdmissionOptions;
  private current: ObjectStore;
  private readonly held = new Map<string, Held>();
  /** What sources had at the start, as long as that is refused. */
  private opening: Map<string, SourceChange> | undefined;
  private openingProblems: RefusedSet | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private open = 0;
  /** How often a module refused what counted already. */
  private refusals = 0;
  /** Objects that modules take one by one and not together, with what is wrong. */
  private blamed: readonly Problem[] = [];
  private checked: { readonly mesh: Mesh; readonly problems: readonly Problem[] } | undefined;

  constructor(options: AdmissionOptions) {
    this.options = options;
    this.current = options.store;
  }

  get mode(): AdmissionMode {
    return this.options.mode;
  }

  /** The objects that count, and what is known of the files that they stand in. */
  get store(): ObjectStore {
    return this.current;
  }

  /** Changes that do not count until they are mended. */
  refused(): readonly RefusedSet[] {
    return [...(this.openingProblems === undefined ? [] : [this.openingProblems]), ...Array.from(this.held.values(), ({ set }) => set)];
  }

  /** Every problem: of what counts, and of what does not because of them. */
  problems(): readonly Problem[] {
    const all = [...this.known(), ...this.blamed, ...this.refused().flatMap(({ problems }) => problems)];
    return all.sort(compareProblems);
  }

  /**
   * Takes what was kept before a restart, and on it what the sources have now.
   *
   * @throws AdmissionError where that is refused, and nothing was kept
   */
  async begin(
    kept: readonly SourceFile[],
    first: ReadonlyMap<string, SourceChange>,
    sources: ReadonlyMap<string, Pick<Source, "owns">>,
  ): Promise<void> {
    const store = this.current;
    // What such a source has by now counts, and not what it had when everything was kept.
    const judged = [...first].filter(
      ([name, { files }]) =>
        this.mode === "strict" && sources.get(name)?.owns !== undefined && files.every(({ manifests }) => manifests !== undefined),
    );
    const isOwned = (file: string) => judged.some(([name]) => sources.get(name)?.owns?.(file) === true);
    store.apply({ files: kept.filter(({ file }) => !isOwned(file)), complete: false }, KEPT);
    for (const [name, change] of judged) store.apply(change, name);
    store.confirm(store.objects.values());
    if (this.mode === "warn") {
      applyFirst(store, first);
      this.options.apply(
        { upserted: [...store.objects.values()], removed: [], problems: new Map([["", store.problems()]]) },
        this.options.now(),
      );
      return;
    }
    this.options.apply({ upserted: [...store.objects.values()], removed: [], problems: new Map() }, this.options.now());
    this.opening = new Map([...first].filter(([name]) => !judged.some(([other]) => other === name)));
    await this.retry(this.options.now());
    if (this.openingProblems !== undefined && store.objects.size === 0) throw new AdmissionError(this.openingProblems.problems);
  }

  /** Takes a change of a source, at once (`warn`) or as soon as it is known to be good (`strict`). */
  take(change: SourceChange, source: string): void {
    const changedAt = this.options.now();
    if (this.mode === "warn" && this.open === 0) {
      this.options.apply(this.current.apply(change, source), changedAt);
      return;
    }
    void this.inTurn(async () => {
      if (this.mode === "warn") {
        this.options.apply(this.current.apply(change, source), changedAt);
        return;
      }
      if (this.opening !== undefined) this.opening.set(source, merged(this.opening.get(source), change));
      else this.hold(source, change);
      await this.retry(changedAt);
    });
  }

  /** Takes a change that somebody waits for, whole or not at all. */
  submit({ source, stage, dryRun = false }: ChangeSet): Promise<Answer> {
    return this.inTurn(async () => {
      const { change, keep } = stage();
      const judged = await this.judge([[source, change]]);
      const {
        change: { upserted, removed },
        problems,
        bad,
      } = judged;
      if (!bad && !dryRun) {
        await keep?.();
        this.adopt(judged, this.options.now());
        await this.retry(this.options.now());
      }
      return { taken: !bad, upserted, removed, problems };
    });
  }

  /** Takes back an object that a module refuses. */
  refuse(object: MeshObject, problem: Pick<Problem, "path" | "message">): void {
    this.refusals += 1;
    this.options.apply(this.current.refuse(object, problem.path, problem.message), this.options.now());
  }

  /** Tells that modules refuse objects together, until it is told otherwise. */
  blame(problems: readonly Problem[]): void {
    this.blamed = problems;
  }

  /** Resolves when everything that was handed in has been decided. */
  async idle(): Promise<void> {
    while (this.open > 0) await this.queue;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.open += 1;
    const done = this.queue.then(work).finally(() => {
      this.open -= 1;
    });
    this.queue = done.catch(() => undefined);
    return done;
  }

  private hold(source: string, change: SourceChange): void {
    const held = this.held.get(source) ?? {
      files: new Map<string, SourceFile>(),
      complete: false,
      set: { source, since: 0, files: [], problems: [] },
    };
    if (change.complete) held.files.clear();
    held.complete ||= change.complete;
    for (const file of change.files) held.files.set(file.file, file);
    this.held.set(source, held);
  }

  /** Tries what is held: what was wrong may be mended by now, there or elsewhere. */
  private async retry(changedAt: number): Promise<void> {
    if (this.opening !== undefined) {
      const judged = await this.judge([...this.opening], applyOpening);
      if (judged.bad) {
        const problems = errorsOf(judged.problems);
        const files = new Set(problems.map(({ file }) => file));
        const blamed = [...this.opening].filter(([, change]) => change.files.some(({ file }) => files.has(file)));
        const source = (blamed.length === 0 ? [...this.opening] : blamed).map(([name]) => name).join(", ");
        const before = this.openingProblems;
        this.openingProblems = { source, since: before?.since ?? Date.now(), files: [...files], problems };
        this.tell(before, this.openingProblems);
        return;
      }
      this.opening = undefined;
      this.openingProblems = undefined;
      this.adopt(judged, changedAt);
    }
    for (let again = true; again;) {
      again = false;
      for (const [source, held] of this.held) {
        const change = { files: [...held.files.values()], complete: held.complete };
        const judged = await this.judge([[source, change]]);
        if (!judged.bad) {
          this.held.delete(source);
          this.adopt(judged, changedAt);
          again ||= this.held.size > 0;
          continue;
        }
        const before = held.set.problems.length === 0 ? undefined : held.set;
        held.set = { source, since: before?.since ?? Date.now(), files: [...held.files.keys()], problems: errorsOf(judged.problems) };
        this.tell(before, held.set);
      }
    }
  }

  private tell(before: RefusedSet | undefined, after: RefusedSet): void {
    if (before === undefined || newProblems(before.problems, after.problems).length > 0) this.options.refused(after);
  }

  private adopt({ store, change, inMesh }: Judged, changedAt: number): void {
    this.current = store;
    this.options.apply(change, changedAt);
    this.checked = { mesh: this.options.mesh(), problems: inMesh };
  }

  /** What would become of changes. */
  private async judge(changes: Changes, applied: (store: ObjectStore, changes: Changes) => ObjectChange = applyAll): Promise<Judged> {
    for (;;) {
      const before = this.known();
      const { refusals, current } = this;
      const store = current.fork();
      const change = applied(store, changes);
      const { upserted, removed } = change;
      const { mesh } = this.options.mesh().apply({ upserted, removed: removed.map(objectKey) });
      const refused = await this.options.prove(mesh, upserted);
      // A module may have refused something else meanwhile.
      if (this.refusals !== refusals) continue;
      const files = new Set(changes.flatMap(([, { files: all }]) => all.map(({ file }) => file)));
      const own = newProblems(before, [...store.problems(), ...refused]);
      const inMesh = problemsInMesh(mesh, this.options.kinds);
      const newInMesh = newProblems(before, inMesh);
      const isStrict = this.mode === "strict";
      const isBad = [...own.filter(({ file }) => isStrict || files.has(file)), ...(isStrict ? newInMesh : [])].some(
        ({ level }) => level === "error",
      );
      return { store, change, problems: [...own, ...newInMesh].sort(compareProblems), bad: isBad, inMesh };
    }
  }

  private known(): readonly Problem[] {
    const mesh = this.options.mesh();
    if (this.checked?.mesh !== mesh) this.checked = { mesh, problems: problemsInMesh(mesh, this.options.kinds) };
    return [...this.current.problems(), ...this.checked.problems];
  }
}

function applyAll(store: ObjectStore, changes: Changes): ObjectChange {
  const all = changes.map(([source, change]) => store.apply(change, source));
  return {
    upserted: all.flatMap(({ upserted }) => upserted),
    removed: all.flatMap(({ removed }) => removed),
    problems: new Map(all.flatMap(({ problems }) => [...problems])),
  };
}

function applyOpening(store: ObjectStore, changes: Changes): ObjectChange {
  const before = new Map(store.objects);
  applyFirst(store, new Map(changes));
  const removed = [...before].filter(([key]) => !store.objects.has(key)).map(([, object]) => object);
  const upserted = [...store.objects].filter(([key, object]) => before.get(key) !== object).map(([, object]) => object);
  return { upserted, removed, problems: new Map([["", store.problems()]]) };
}

/** What was good before a restart counts where the sources are broken now: it is there already, and all of the sources' first changes come after it, as one. */
function applyFirst(store: ObjectStore, first: ReadonlyMap<string, SourceChange>): void {
  store.apply({ files: [...first.values()].flatMap(({ files }) => files), complete: true }, KEPT);
  for (const [name, { files }] of first) store.apply({ files, complete: false }, name);
}

function merged(before: SourceChange | undefined, { files, complete }: SourceChange): SourceChange {
  if (before === undefined || complete) return { files, complete };
  const all = new Map([...before.files, ...files].map((file) => [file.file, file]));
  return { files: [...all.values()], complete: before.complete };
}

function errorsOf(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter(({ level }) => level === "error");
}
