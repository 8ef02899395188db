import type { JsonObject } from "@bufbuild/protobuf";
import type { Variant } from "../../../control/xds/server/index.ts";
import { percentile } from "../statistics.ts";
import { BenchClient, requestsFor } from "./client.ts";
import type { MeshEdit } from "./mesh-files.ts";
import { nodeId } from "./prepared-mesh.ts";
import type { Subject } from "./subject.ts";
import { BY_NAME, ENDPOINT, FILTER, ROUTE, TYPES } from "./types.ts";

/** One change, seen by every proxy. */
export interface Convergence {
  /** Milliseconds from the change to the ACK of 99 of 100 proxies. */
  readonly p99: number;
  /** Seconds of the subject's CPU. */
  readonly cpu: number;
  /** Bytes that a proxy was sent. */
  readonly bytes: number;
}

/** What the proxies subscribe to by name, by type. */
export type Subscriptions = Readonly<Record<string, readonly string[]>>;

/** What an edit changes. */
const CHANGED: Readonly<Record<MeshEdit, string>> = { weight: ROUTE, match: ROUTE, endpoint: ENDPOINT, policy: FILTER };
/** Longer than any answer takes; then something is lost. */
const PATIENCE = 120_000;

/** Proxies that accept everything, with a stream each. */
export class ConnectedProxies implements Disposable {
  private readonly clients: BenchClient[] = [];
  private readonly subject: Subject;
  private answered: (proxy: number, typeUrl: string) => void = () => {};
  private lost: (reason: string) => void = () => {};

  private constructor(subject: Subject) {
    this.subject = subject;
  }

  /**
   * Connects all at once; resolves when each has everything of every type. `first.p99` is the time until the last had it.
   *
   * @param metadata of their nodes
   */
  static async connect(
    subject: Subject,
    names: Subscriptions,
    count: number,
    variant: Variant,
    metadata: JsonObject = {},
  ): Promise<{ readonly proxies: ConnectedProxies; readonly first: Convergence }> {
    const proxies = new ConnectedProxies(subject);
    const before = subject.process.cpu;
    const begin = performance.now();
    const missing = new Set<string>();
    const done = new Promise<void>((resolve, reject) => {
      proxies.lost = (reason) => reject(new Error(reason));
      proxies.answered = (proxy, typeUrl) => {
        missing.delete(`${proxy} ${typeUrl}`);
        if (missing.size === 0) resolve();
      };
    });
    for (let index = 0; index < count; index++) {
      for (const typeUrl of [...TYPES, ...BY_NAME.filter((each) => each in names)]) missing.add(`${index} ${typeUrl}`);
      const client = new BenchClient(subject.port, requestsFor(nodeId(index), names, variant, metadata), {
        answered: (typeUrl) => proxies.answered(index, typeUrl),
        lost: (reason) => proxies.lost(`proxy ${index}: ${reason}`),
      });
      proxies.clients.push(client);
    }
    try {
      await within(done, () => `${missing.size} first answers are missing`);
    } catch (error) {
      proxies[Symbol.dispose]();
      throw error;
    }
    const first = { p99: performance.now() - begin, cpu: subject.process.cpu - before, bytes: proxies.received / count };
    return { proxies, first };
  }

  /** Carries out an edit and waits until every proxy has accepted what became of it. */
  async edit(edit: MeshEdit, index: number, generation: number): Promise<Convergence> {
    const { process } = this.subject;
    const times: number[] = [];
    const waiting = new Set(this.clients.keys());
    const before = { cpu: process.cpu, received: this.received };
    const done = new Promise<void>((resolve, reject) => {
      this.lost = (reason) => reject(new Error(reason));
      this.answered = (proxy, typeUrl) => {
        if (typeUrl !== CHANGED[edit] || !waiting.delete(proxy)) return;
        times.push(performance.now());
        if (waiting.size === 0) resolve();
      };
    });
    const changedAt = await this.subject.change(edit, index, generation);
    await within(done, () => `${waiting.size} of ${this.clients.length} proxies did not hear of a new ${edit}`);
    // The last ACK has to be read too.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const spent = times.map((time) => time - changedAt);
    const bytes = (this.received - before.received) / this.clients.length;
    return { p99: percentile(Float64Array.from(spent), 0.99), cpu: process.cpu - before.cpu, bytes };
  }

  [Symbol.dispose](): void {
    for (const client of this.clients) client[Symbol.dispose]();
  }

  private get received(): number {
    return this.clients.reduce((sum, { received }) => sum + received, 0);
  }
}

async function within(done: Promise<void>, what: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(what())), PATIENCE);
  });
  await Promise.race([done, late]).finally(() => clearTimeout(timer));
}
