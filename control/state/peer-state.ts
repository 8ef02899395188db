import { isMapping } from "../model/fields/index.ts";
import type { Peer } from "../model/index.ts";
import type { StateOptions } from "./index.ts";
import { readStateFile } from "./state-file.ts";
import { reasonOf, StateWriter } from "./state-writer.ts";

/**
 * Which workloads have a proxy with a certificate, kept over a restart: else clients would be told to speak plain text to those whose proxies are not back yet.
 */
export class PeerState implements AsyncDisposable {
  readonly #path: string;
  readonly #options: StateOptions;
  readonly #writer: StateWriter;

  constructor(path: string, options: StateOptions) {
    this.#path = path;
    this.#options = options;
    this.#writer = new StateWriter(path, options);
  }

  /** What was kept; nothing where nothing was, or it is broken. */
  read(): readonly Peer[] {
    try {
      return (readStateFile(this.#path) ?? []).flatMap(({ text }) => peerOf(JSON.parse(text)) ?? []);
    } catch (error) {
      this.#options.warn(`what proxies told is not known any more: ${reasonOf(error)}`);
      return [];
    }
  }

  /** Keeps what proxies told, soon. */
  keep(peers: () => readonly Peer[]): void {
    this.#writer.keep(() => peers().map((peer) => ({ file: peer.id, line: 1, text: JSON.stringify(peer) })));
  }

  /** Writes what is still to be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }
}

function peerOf(value: unknown): Peer | undefined {
  if (!isMapping(value)) return undefined;
  // What was kept before there were others than redirected ones says nothing of it.
  const { id, namespace, serviceAccount, labels, addresses, identity, redirected = true } = value;
  const isText = (each: unknown): each is string => typeof each === "string";
  if (!isText(id) || !isText(namespace) || !isText(serviceAccount) || typeof identity !== "boolean") return undefined;
  if (typeof redirected !== "boolean") return undefined;
  if (!Array.isArray(addresses) || !addresses.every(isText) || !isMapping(labels) || !Object.values(labels).every(isText)) return undefined;
  return { id, namespace, serviceAccount, labels: labels as Record<string, string>, addresses, identity, redirected };
}
