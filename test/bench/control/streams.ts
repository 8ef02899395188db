import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Variant } from "../../../control/xds/server/index.ts";
import { percentile } from "../statistics.ts";
import { BenchClient, firstRequests } from "./client.ts";
import type { Order, Report } from "./reports.ts";

export interface Convergence {
  /** Milliseconds from the change to the ACK of 99 of 100 streams. */
  readonly p99: number;
  /** Seconds of the service's CPU. */
  readonly cpu: number;
  /** Sent to all together. */
  readonly bytes: number;
}

/** A control service in a process of its own, and clients that hold streams to it. */
export class BenchMesh implements Disposable {
  private readonly child: ChildProcess;
  private readonly clients: readonly BenchClient[];
  /** From the first connection until everybody had everything. */
  readonly first: { readonly milliseconds: number; readonly cpu: number; readonly bytes: number; readonly resident: number };

  private constructor(child: ChildProcess, clients: readonly BenchClient[], first: BenchMesh["first"]) {
    this.child = child;
    this.clients = clients;
    this.first = first;
  }

  /** @param program `serve.ts` or `floor.ts` */
  static async start(program: string, variant: Variant, streams: number, services: number): Promise<BenchMesh> {
    const child = fork(fileURLToPath(new URL(program, import.meta.url)));
    const listening = await order(child, { order: "start", services }, "listening");
    const requests = firstRequests(variant, services);
    const begin = performance.now();
    const clients = Array.from(
      { length: streams },
      () =>
        new BenchClient(listening.port, requests, {
          answered() {},
          lost(reason) {
            throw new Error(reason);
          },
        }),
    );
    const { cpu, bytes, resident } = await order(child, { order: "settle", streams }, "settled");
    return new BenchMesh(child, clients, { milliseconds: performance.now() - begin, cpu, bytes, resident });
  }

  /** Changes one resource and waits for the last ACK. */
  async change(typeUrl: string, index: number): Promise<Convergence & { readonly resident: number }> {
    this.child.send({ order: "change", typeUrl, index } satisfies Order);
    const { convergence, cpu, bytes, resident } = await order(this.child, { order: "settle", streams: this.clients.length }, "settled");
    return { p99: percentile(Float64Array.from(convergence), 0.99), cpu, bytes, resident };
  }

  [Symbol.dispose](): void {
    for (const client of this.clients) client[Symbol.dispose]();
    this.child.kill();
  }
}

function order<Kind extends Report["report"]>(
  child: ChildProcess,
  message: Order,
  expected: Kind,
): Promise<Extract<Report, { report: Kind }>> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`the control service of the benchmark ended with ${code}`));
    child.once("exit", onExit);
    child.once("message", (answer: Report) => {
      child.off("exit", onExit);
      if (answer.report === expected) resolve(answer as Extract<Report, { report: Kind }>);
      else reject(new Error(`${answer.report} instead of ${expected}`));
    });
    child.send(message);
  });
}
