// The control service of the benchmark, a process of its own, so that its CPU and memory are nobody else's.

import { XdsServer } from "../../../control/xds/server/index.ts";
import { XdsListener } from "../../../control/xds/transport/index.ts";
import { BenchSnapshot, resourceName, RULES } from "./resources.ts";

/** To the process. */
export type Order =
  | { readonly order: "start"; readonly services: number }
  /** Waits until so many streams have accepted everything; then says what it took since the last report. */
  | { readonly order: "settle"; readonly streams: number }
  | { readonly order: "change"; readonly typeUrl: string; readonly index: number };

/** From the process. */
export type Report =
  | { readonly report: "listening"; readonly port: number }
  | {
      readonly report: "settled";
      /** Milliseconds from the change to the ACK, of every stream. */
      readonly convergence: readonly number[];
      /** Seconds of CPU, bytes sent and responses since the last report. */
      readonly cpu: number;
      readonly bytes: number;
      readonly responses: number;
      /** Bytes resident. */
      readonly resident: number;
    };

let convergence: number[] = [];
let bytes = 0;
let responses = 0;
let cpu = process.cpuUsage();
let snapshot = BenchSnapshot.of(0);
let generation = 1;

/** How many types a stream has accepted, before any change. */
const stages = new Map<number, number>();

const server: XdsServer = new XdsServer({
  types: RULES,
  onConnect: ({ peer }) => ({ id: peer, group }),
  observer: {
    sent(event) {
      bytes += event.bytes;
      responses++;
    },
    settled({ stream }) {
      if (stages.get(stream) === RULES.length) settled.add(stream);
    },
    accepted({ sinceChange, stream }) {
      if (sinceChange === undefined) stages.set(stream, (stages.get(stream) ?? 0) + 1);
      if (sinceChange !== undefined) convergence.push(sinceChange);
    },
  },
});
const group = server.group(snapshot);

function report(message: Report): void {
  process.send?.(message);
}

/** Streams that have asked for every type and lack nothing. */
const settled = new Set<number>();

async function settle(streams: number): Promise<void> {
  while (settled.size < streams) await new Promise((resolve) => setTimeout(resolve, 1));
  const used = process.cpuUsage(cpu);
  report({ report: "settled", convergence, cpu: (used.user + used.system) / 1e6, bytes, responses, resident: process.memoryUsage.rss() });
  convergence = [];
  bytes = responses = 0;
  cpu = process.cpuUsage();
}

process.on("message", (message) => {
  const order = message as Order;
  if (order.order === "start") {
    snapshot = BenchSnapshot.of(order.services);
    group.push(snapshot, []);
    void XdsListener.start(server, { port: 0 }).then(({ port }) => report({ report: "listening", port }));
  } else if (order.order === "settle") void settle(order.streams);
  else {
    const { typeUrl, index } = order;
    settled.clear();
    snapshot = snapshot.change(typeUrl, index, ++generation);
    group.push(snapshot, [{ typeUrl, names: [resourceName(typeUrl, index)] }]);
  }
});
process.on("disconnect", () => process.exit());
