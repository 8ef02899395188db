import { type IssuerKeys, readJwksUri } from "../model/index.ts";
import type { StateOptions } from "./index.ts";
import { readStateFile } from "./state-file.ts";
import { reasonOf, StateWriter } from "./state-writer.ts";

/** Where issuers of tokens said that their keys are, kept over a restart: else good tokens would be refused until the issuers are heard again. */
export class IssuerState implements AsyncDisposable {
  readonly #path: string;
  readonly #options: StateOptions;
  readonly #writer: StateWriter;

  constructor(path: string, options: StateOptions) {
    this.#path = path;
    this.#options = options;
    this.#writer = new StateWriter(path, options);
  }

  /** What was kept; nothing where nothing was, or it is broken. */
  read(): ReadonlyMap<string, IssuerKeys> {
    const said = new Map<string, IssuerKeys>();
    try {
      for (const { file: issuer, text } of readStateFile(this.#path) ?? []) {
        const uri = readJwksUri(text);
        if (typeof uri !== "string") said.set(issuer, { uri, problem: undefined });
      }
    } catch (error) {
      this.#options.warn(`what issuers told of their keys is not known any more: ${reasonOf(error)}`);
    }
    return said;
  }

  /** Keeps what issuers told, soon. */
  keep(said: ReadonlyMap<string, IssuerKeys>): void {
    this.#writer.keep(() =>
      [...said].flatMap(([issuer, { uri }]) => (uri === undefined ? [] : [{ file: issuer, line: 1, text: uri.uri }])),
    );
  }

  /** Writes what is still to be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }
}
