import { readMesh, translate } from "../../../control/offline.ts";
import { readProxy } from "../../../control/model/index.ts";
import { DirectorySource } from "../../../control/sources/directory/index.ts";
import { percentile } from "../statistics.ts";
import { BenchClient, requestsFor } from "./client.ts";
import type { MeshEdit, MeshFiles } from "./mesh-files.ts";
import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SCOPE } from "./resources.ts";
import type { ServiceProcess } from "./service-process.ts";

/** One edit of a file, seen by every proxy. */
export interface Convergence {
  /** Milliseconds from the change of the file to the ACK of 99 of 100 proxies. */
  readonly p99: number;
  /** Seconds of the service's CPU. */
  readonly cpu: number;
}

/** What an edit changes. */
const CHANGED: Readonly<Record<MeshEdit, string>> = { weight: ROUTE, match: ROUTE, endpoint: ENDPOINT };
/** Longer than any answer takes; then something is lost. */
const PATIENCE = 120_000;

/** Proxies that accept everything, with a stream each. */
export class ConnectedProxies implements Disposable {
  private readonly clients: BenchClient[] = [];
  private readonly service: ServiceProcess;
  private answered: (proxy: number, typeUrl: string) => void = () => {};
  private lost: (reason: string) => void = () => {};

  private constructor(service: ServiceProcess) {
    this.service = service;
  }

  /** Connects all at once; resolves with the time until each has everything of every type. */
  static async connect(
    service: ServiceProcess,
    files: MeshFiles,
    count: number,
  ): Promise<{ readonly proxies: ConnectedProxies; readonly first: number; readonly cpu: number }> {
    const names = await namesFor(files.folder);
    const proxies = new ConnectedProxies(service);
    const before = service.cpu;
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
      for (const typeUrl of [CLUSTER, ENDPOINT, LISTENER, SCOPE, ROUTE]) missing.add(`${index} ${typeUrl}`);
      const requests = requestsFor(nodeId(index), names);
      proxies.clients.push(
        new BenchClient(service.port, requests, {
          answered: (typeUrl) => proxies.answered(index, typeUrl),
          lost: (reason) => proxies.lost(`proxy ${index}: ${reason}`),
        }),
      );
    }
    await within(done, () => `${missing.size} first answers are missing`);
    return { proxies, first: performance.now() - begin, cpu: service.cpu - before };
  }

  /** Edits a file and waits until every proxy has accepted what became of it. */
  async edit(files: MeshFiles, edit: MeshEdit, index: number, generation: number): Promise<Convergence> {
    const times: number[] = [];
    const waiting = new Set(this.clients.keys());
    const before = this.service.cpu;
    const done = new Promise<void>((resolve, reject) => {
      this.lost = (reason) => reject(new Error(reason));
      this.answered = (proxy, typeUrl) => {
        if (typeUrl !== CHANGED[edit] || !waiting.delete(proxy)) return;
        times.push(performance.now());
        if (waiting.size === 0) resolve();
      };
    });
    const changedAt = await files.change(edit, index, generation);
    await within(done, () => `${waiting.size} of ${this.clients.length} proxies did not hear of a new ${edit}`);
    // The last ACK has to be read too.
    await new Promise((resolve) => setTimeout(resolve, 20));
    return {
      p99: percentile(
        Float64Array.from(times, (time) => time - changedAt),
        0.99,
      ),
      cpu: this.service.cpu - before,
    };
  }

  [Symbol.dispose](): void {
    for (const client of this.clients) client[Symbol.dispose]();
  }
}

function nodeId(index: number): string {
  return `sidecar~10.200.${index >> 8}.${index & 255}~client-${index}.default~default.svc.cluster.local`;
}

/** Names that Envoy would ask for after it read its clusters and scopes. */
async function namesFor(folder: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const { mesh, problems } = await readMesh([new DirectorySource([folder])]);
  const error = problems.find(({ level }) => level === "error");
  if (error !== undefined) throw new Error(`${error.file}:${error.line}: ${error.message}`);
  const proxy = readProxy({ id: nodeId(0), metadata: {} });
  if (typeof proxy === "string") throw new Error(proxy);
  const snapshot = translate(mesh, proxy);
  return Object.fromEntries([ENDPOINT, ROUTE].map((typeUrl) => [typeUrl, [...snapshot.resources(typeUrl).names()]]));
}

async function within(done: Promise<void>, what: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(what())), PATIENCE);
  });
  await Promise.race([done, late]).finally(() => clearTimeout(timer));
}
