import { isMapping } from "../model/fields/index.ts";
import type { Registration } from "../model/index.ts";
import type { StateOptions } from "./index.ts";
import { readStateFile } from "./state-file.ts";
import { reasonOf, StateWriter } from "./state-writer.ts";

/** Which proxies have registered, kept over a restart: else their workloads would get no requests until they are back. */
export class RegistrationState implements AsyncDisposable {
  readonly #path: string;
  readonly #options: StateOptions;
  readonly #writer: StateWriter;

  constructor(path: string, options: StateOptions) {
    this.#path = path;
    this.#options = options;
    this.#writer = new StateWriter(path, options);
  }

  /** What was kept; nothing where nothing was, or it is broken. */
  read(): readonly Registration[] {
    try {
      return (readStateFile(this.#path) ?? []).flatMap(({ text }) => registrationOf(JSON.parse(text)) ?? []);
    } catch (error) {
      this.#options.warn(`which proxies have registered is not known any more: ${reasonOf(error)}`);
      return [];
    }
  }

  /** Keeps those that there are, soon. */
  keep(registrations: () => readonly Registration[]): void {
    this.#writer.keep(() => registrations().map((each) => ({ file: each.id, line: 1, text: JSON.stringify(each) })));
  }

  /** Writes what is still to be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }
}

function registrationOf(value: unknown): Registration | undefined {
  if (!isMapping(value)) return undefined;
  const { id, namespace, group, serviceAccount, address, network, locality, labels, identity, healthy, entry } = value;
  const isText = (each: unknown): each is string => typeof each === "string";
  if (!isText(id) || !isText(namespace) || !isText(group) || !isText(serviceAccount) || !isText(address)) return undefined;
  if (!isText(network) || !isText(locality) || !isMapping(labels) || !Object.values(labels).every(isText)) return undefined;
  return {
    id,
    namespace,
    group,
    serviceAccount,
    address,
    network,
    locality,
    labels: labels as Record<string, string>,
    identity: identity === true,
    healthy: typeof healthy === "boolean" ? healthy : undefined,
    entry: isText(entry) ? entry : undefined,
  };
}
