import { join } from "node:path";
import type { IssuerKeys, Manifest, MeshObject, Peer, Registration, SourceFile } from "../model/index.ts";
import { readManifests } from "../model/manifest/index.ts";
import { manifestOf } from "../model/objects/index.ts";
import { HEALTH, type HealthEntry } from "./health.ts";
import { ISSUERS } from "./issuers.ts";
import { KeptList } from "./kept-list.ts";
import type { StateOptions } from "./options.ts";
import { PEERS } from "./peers.ts";
import { REGISTRATIONS } from "./registrations.ts";
import { readStateFile, type StateDocument } from "./state-file.ts";
import { reasonOf, StateWriter } from "./state-writer.ts";

export type { StateOptions } from "./options.ts";
export { StateError, type StateFiles } from "./state-file.ts";

/**
 * The objects that were accepted last, kept in a directory, so that a restart with a broken directory of YAML serves what was good. What is kept are the documents' texts as they stood:
 * they are checked again when they are read, so a state never brings in what the service would refuse.
 */
export class State implements AsyncDisposable {
  readonly #path: string;
  readonly #options: StateOptions;
  readonly #writer: StateWriter;
  /** What proxies told of themselves, kept beside the objects. */
  readonly peers: KeptList<Peer>;
  /** What issuers of tokens told of their keys. */
  readonly issuers: KeptList<readonly [issuer: string, keys: IssuerKeys]>;
  /** Which proxies have registered, kept beside them. */
  readonly registrations: KeptList<Registration>;
  /** Which hosts are out for all. */
  readonly health: KeptList<HealthEntry>;

  constructor(directory: string, options: StateOptions) {
    this.#path = join(directory, "objects.json");
    this.#options = options;
    this.#writer = new StateWriter(this.#path, options);
    this.peers = new KeptList(join(directory, "proxies.json"), options, PEERS);
    this.issuers = new KeptList(join(directory, "issuers.json"), options, ISSUERS);
    this.registrations = new KeptList(join(directory, "registrations.json"), options, REGISTRATIONS);
    this.health = new KeptList(join(directory, "health.json"), options, HEALTH);
  }

  /** What was kept, file by file, to be applied before the sources start; empty where nothing was, or it is broken. */
  read(): readonly SourceFile[] {
    let documents: readonly StateDocument[] = [];
    try {
      documents = readStateFile(this.#path) ?? [];
    } catch (error) {
      this.#options.warn(`the state is not used: ${reasonOf(error)}`);
    }
    const files = Map.groupBy(documents, ({ file }) => file);
    return Array.from(files, ([file, ofFile]) => ({ file, manifests: ofFile.flatMap(manifestsOf), problems: [], broken: false }));
  }

  /** Keeps what counts now, soon; the objects are looked at when they are written. */
  keep(objects: () => Iterable<MeshObject>): void {
    this.#writer.keep(() => documentsOf(objects()));
  }

  /** Writes what is still to be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
    await this.peers[Symbol.asyncDispose]();
    await this.issuers[Symbol.asyncDispose]();
    await this.registrations[Symbol.asyncDispose]();
    await this.health[Symbol.asyncDispose]();
  }
}

/** The documents in which the objects stand, each once. */
function documentsOf(objects: Iterable<MeshObject>): StateDocument[] {
  const documents = new Map<string, { file: string; line: number; text: string; items: number[] }>();
  for (const object of objects) {
    const { source } = manifestOf(object);
    if (source === undefined) continue;
    const { file, line, text, item } = source;
    const key = `${file}\n${line}\n${text}`;
    const document = documents.get(key) ?? { file, line, text, items: [] };
    if (item !== undefined) document.items.push(item);
    documents.set(key, document);
  }
  const sorted = [...documents.values()].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
  return sorted.map(({ items, ...document }) => (items.length === 0 ? document : { ...document, items }));
}

function manifestsOf({ file, line, text, items }: StateDocument): readonly Manifest[] {
  const manifests = readManifests(file, text).manifests.filter(
    ({ source: { item } }) => item === undefined || items?.includes(item) === true,
  );
  for (const manifest of manifests) manifest.moveTo({ text, line });
  return manifests;
}
