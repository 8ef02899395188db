// The control service of the benchmark, a process of its own, so that its CPU and memory are nobody else's.

import { XdsServer } from "../../../control/xds/server/index.ts";
import { XdsListener } from "../../../control/xds/transport/index.ts";
import { Ledger, onOrder, send } from "./reports.ts";
import { BenchSnapshot, resourceName, RULES } from "./resources.ts";

const ledger = new Ledger();
/** How many responses a stream has accepted that no change caused. */
const answers = new Map<number, number>();
/** Streams that have asked for every type and lack nothing. */
const settled = new Set<number>();
let snapshot = BenchSnapshot.of(0);
let generation = 1;

const server: XdsServer = new XdsServer({
  types: RULES,
  onConnect: ({ peer }) => ({ id: peer, group }),
  observer: {
    sent: ({ bytes }) => ledger.sent(bytes),
    settled: ({ stream }) => void ((answers.get(stream) ?? 0) >= RULES.length && settled.add(stream)),
    accepted({ sinceChange, stream }) {
      if (sinceChange === undefined) answers.set(stream, (answers.get(stream) ?? 0) + 1);
      else ledger.converged(sinceChange);
    },
  },
});
const group = server.group(snapshot);

onOrder((order) => {
  if (order.order === "start") {
    snapshot = BenchSnapshot.of(order.services);
    group.push(snapshot, []);
    void XdsListener.start(server, { port: 0 }).then(({ port }) => send({ report: "listening", port }));
  } else if (order.order === "settle") void ledger.settle(() => settled.size >= order.streams);
  else {
    const { typeUrl, index } = order;
    settled.clear();
    snapshot = snapshot.change(typeUrl, index, ++generation);
    group.push(snapshot, [{ typeUrl, names: [resourceName(typeUrl, index)] }]);
  }
});
