import type { StateOptions } from "./options.ts";
import { type StateDocument, writeStateFile } from "./state-file.ts";

/** Writes one file of the state: soon, not too often, and again where it could not. */
export class StateWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #options: StateOptions;
  #pending: (() => readonly StateDocument[]) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #nextWrite = 0;
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(path: string, options: StateOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Keeps what counts now; it is looked at when it is written. */
  keep(documents: () => readonly StateDocument[]): void {
    this.#pending = documents;
    this.#plan();
  }

  /** Writes what is still to be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
    clearTimeout(this.#timer);
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#writing !== undefined || this.#pending === undefined) return;
    const write = () => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        this.#plan();
      });
    };
    this.#timer = setTimeout(write, Math.max(0, this.#nextWrite - performance.now()));
  }

  async #write(): Promise<void> {
    const documents = this.#pending;
    if (documents === undefined) return;
    this.#pending = undefined;
    const { interval = 1_000, retry = 10_000, files } = this.#options;
    const start = performance.now();
    try {
      await writeStateFile(this.#path, documents(), files);
      this.#succeeded();
    } catch (error) {
      this.#failed(error);
      // The disk may have room again before something changes.
      this.#pending ??= documents;
    }
    const now = performance.now();
    this.#nextWrite = now + Math.max(this.#failing ? retry : interval, 20 * (now - start));
  }

  #succeeded(): void {
    if (this.#failing) this.#options.info?.("the state is kept again");
    this.#failing = false;
  }

  #failed(error: unknown): void {
    // Once, not at every change while the disk is full.
    if (!this.#failing) this.#options.warn(`the state cannot be kept, and the service goes on without: ${reasonOf(error)}`);
    this.#failing = true;
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
