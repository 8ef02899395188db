// The floor of the benchmark: a server on the same library that keeps no state, and writes bytes that were prepared before.

import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { delta } from "../../../control/xds/server/delta.ts";
import { readRequest } from "../../../control/xds/server/request.ts";
import type { Resource } from "../../../control/xds/server/index.ts";
import { nonceField } from "../../../control/xds/server/response.ts";
import { Ledger, onOrder, send } from "./reports.ts";
import { BenchSnapshot, resourceName, RULES } from "./resources.ts";

const ledger = new Ledger();
const calls = new Set<ServerDuplexStream<Buffer, Buffer>>();
const prepared = new Map<string, Buffer>();
let snapshot = BenchSnapshot.of(0);
let generation = 1;
let changedAt: number | undefined;
let accepted = 0;

function encode(typeUrl: string, resources: readonly Resource[]): Buffer {
  const contents = { resources, removed: [], version: "1" };
  const { bytes } = delta.encode(typeUrl, { contents, all: resources, changedAt: undefined, additions: false }, "");
  return Buffer.concat([bytes, nonceField("1")]);
}

function write(call: ServerDuplexStream<Buffer, Buffer>, bytes: Buffer): void {
  ledger.sent(bytes.length);
  call.write(bytes);
}

function handle(call: ServerDuplexStream<Buffer, Buffer>): void {
  calls.add(call);
  call.on("data", (bytes: Buffer) => {
    const { typeUrl, nonce } = readRequest("delta", bytes);
    if (nonce === "") write(call, prepared.get(typeUrl) ?? Buffer.alloc(0));
    else {
      accepted++;
      if (changedAt !== undefined) ledger.converged(Date.now() - changedAt);
    }
  });
  call.on("cancelled", () => calls.delete(call));
}

onOrder((order) => {
  if (order.order === "start") {
    snapshot = BenchSnapshot.of(order.services);
    for (const { typeUrl } of RULES) {
      const view = snapshot.resources(typeUrl);
      const all = [...view.names()].flatMap((name) => view.get(name) ?? []);
      prepared.set(typeUrl, encode(typeUrl, all));
    }
    const grpc = new Server({ "grpc.enable_channelz": 0 });
    const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
    grpc.register(
      path,
      handle,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      "bidi",
    );
    grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error !== null) throw error;
      send({ report: "listening", port });
    });
  } else if (order.order === "settle") {
    const expected = order.streams * (changedAt === undefined ? RULES.length : 1);
    void ledger.settle(() => accepted >= expected);
  } else {
    const { typeUrl, index } = order;
    snapshot = snapshot.change(typeUrl, index, ++generation);
    const resource = snapshot.resources(typeUrl).get(resourceName(typeUrl, index));
    const bytes = encode(typeUrl, resource === undefined ? [] : [resource]);
    changedAt = Date.now();
    accepted = 0;
    for (const call of calls) write(call, bytes);
  }
});
