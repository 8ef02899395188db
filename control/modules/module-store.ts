import { unwatchFile, watchFile } from "node:fs";
import type { ModuleRequest, ModuleState } from "../model/index.ts";
import { ModuleCache } from "./cache.ts";
import { readModule, watchedFile } from "./read-module.ts";
import { sha256Of } from "./unpack.ts";

export interface ModuleStoreOptions {
  /** Hears of every change, with all states by the key of their request; a request that is not among them is still under way. */
  readonly changed: (states: ReadonlyMap<string, ModuleState>) => void;
  /** Hears what could not be read or kept, where something older goes on to count. Default: nobody. */
  readonly warn?: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  /** Where fetched modules are kept for a restart. Default: nowhere. */
  readonly folder?: string;
  /** Default: Node's. */
  readonly fetch?: typeof fetch;
  /** Milliseconds until what could not be fetched is tried again; twice as many each time, up to five minutes. Default: 1,000. */
  readonly retry?: number;
  /** Milliseconds that fetching may take: 30,000. */
  readonly timeout?: number;
  /** Milliseconds between two looks at files: 500. */
  readonly interval?: number;
}

interface Entry {
  readonly request: ModuleRequest;
  readonly ended: AbortController;
  state: ModuleState | undefined;
  loading: Promise<void>;
  timer: NodeJS.Timeout | undefined;
  failures: number;
}

const LONGEST_RETRY = 300_000;

/** Keeps the modules that requests ask for: those on disk are read again when they change, those that could not be fetched are tried again. */
export class ModuleStore implements AsyncDisposable {
  private readonly options: ModuleStoreOptions;
  private readonly cache: ModuleCache | undefined;
  private readonly entries = new Map<string, Entry>();

  constructor(options: ModuleStoreOptions) {
    this.options = options;
    this.cache = options.folder === undefined ? undefined : new ModuleCache(options.folder);
  }

  /** Which modules there should be from now on. What nobody asks for any more is forgotten. */
  want(requests: Iterable<ModuleRequest>): void {
    const wanted = new Map(Array.from(requests, (request) => [request.key, request]));
    let forgotten = false;
    for (const [key, entry] of this.entries) {
      if (wanted.has(key)) continue;
      this.entries.delete(key);
      this.end(entry);
      forgotten = true;
    }
    for (const [key, request] of wanted) if (!this.entries.has(key)) this.begin(request);
    if (forgotten) this.tell();
  }

  /** When every request has an answer, good or bad. */
  async settled(): Promise<void> {
    await Promise.all(Array.from(this.entries.values(), ({ loading }) => loading));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const entries = [...this.entries.values()];
    this.entries.clear();
    for (const entry of entries) this.end(entry);
    await Promise.all(entries.map(({ loading }) => loading));
  }

  private begin(request: ModuleRequest): void {
    const entry: Entry = {
      request,
      ended: new AbortController(),
      state: undefined,
      loading: Promise.resolve(),
      timer: undefined,
      failures: 0,
    };
    this.entries.set(request.key, entry);
    if (request.pull === "Never") return this.become(entry, { status: "failed", reason: "the object is refused" });
    entry.loading = this.load(entry);
    const file = watchedFile(request);
    if (file !== undefined) watchFile(file, { interval: this.options.interval ?? 500, persistent: false }, this.listener(entry));
  }

  private readonly listeners = new Map<Entry, () => void>();

  /** `unwatchFile` wants the very function. */
  private listener(entry: Entry): () => void {
    let listener = this.listeners.get(entry);
    if (listener === undefined) {
      listener = () => {
        entry.loading = entry.loading.then(() => this.load(entry));
      };
      this.listeners.set(entry, listener);
    }
    return listener;
  }

  private end(entry: Entry): void {
    entry.ended.abort();
    clearTimeout(entry.timer);
    const file = watchedFile(entry.request);
    if (file !== undefined) unwatchFile(file, this.listener(entry));
    this.listeners.delete(entry);
  }

  private async load(entry: Entry): Promise<void> {
    const { request, ended } = entry;
    if (ended.signal.aborted) return;
    const isLocal = watchedFile(request) !== undefined;
    const { fetch: fetching = fetch, timeout = 30_000 } = this.options;
    try {
      const kept = isLocal || request.pull === "Always" ? undefined : await this.cache?.find(request.key, request.sha256);
      const bytes = kept ?? (await readModule(request, fetching, AbortSignal.any([ended.signal, AbortSignal.timeout(timeout)])));
      entry.failures = 0;
      if (kept === undefined && !isLocal) await this.keep(request, bytes);
      this.become(entry, { status: "ready", bytes, sha256: sha256Of(bytes) });
    } catch (error) {
      if (ended.signal.aborted) return;
      const reason = `the module of ${request.url}: ${(error as Error).message}`;
      await this.failed(entry, reason);
      if (!isLocal) this.tryAgain(entry);
    }
  }

  /** What was good before stays, and what was kept of the same request is as good. */
  private async failed(entry: Entry, reason: string): Promise<void> {
    const { request, state } = entry;
    if (state?.status === "ready") {
      this.options.warn?.({ url: request.url, reason }, "a module cannot be had again; the one before stays");
      return;
    }
    const kept = await this.cache?.find(request.key, request.sha256);
    if (kept === undefined) return this.become(entry, { status: "failed", reason });
    this.options.warn?.({ url: request.url, reason }, "a module cannot be fetched; the one that was kept is used");
    this.become(entry, { status: "ready", bytes: kept, sha256: sha256Of(kept) });
  }

  private tryAgain(entry: Entry): void {
    const delay = Math.min((this.options.retry ?? 1_000) * 2 ** entry.failures, LONGEST_RETRY);
    entry.failures += 1;
    entry.timer = setTimeout(() => {
      entry.loading = this.load(entry);
    }, delay);
    entry.timer.unref();
  }

  private become(entry: Entry, state: ModuleState): void {
    const { request, ended, state: before } = entry;
    if (ended.signal.aborted || sameState(before, state)) return;
    entry.state = state;
    if (state.status === "failed") this.options.warn?.({ url: request.url }, state.reason);
    this.tell();
  }

  private tell(): void {
    this.options.changed(new Map([...this.entries].flatMap(([key, { state }]) => (state === undefined ? [] : [[key, state] as const]))));
  }

  private async keep({ key, url }: ModuleRequest, bytes: Uint8Array): Promise<void> {
    try {
      await this.cache?.keep(key, bytes);
    } catch (error) {
      this.options.warn?.({ url: url, reason: (error as Error).message }, "a module is not kept for a restart");
    }
  }
}

function sameState(a: ModuleState | undefined, b: ModuleState): boolean {
  if (a?.status !== b.status) return false;
  return a.status === "ready" && b.status === "ready"
    ? a.sha256 === b.sha256
    : a.status === "failed" && b.status === "failed" && a.reason === b.reason;
}
