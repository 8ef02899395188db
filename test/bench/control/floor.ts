// The floor of the benchmark: a server on the same library that keeps no state, and writes bytes that were prepared before, from where they lie. It is told what as `PreparedLine`s.

import { createInterface } from "node:readline";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { delta } from "../../../control/xds/server/delta.ts";
import type { Resource } from "../../../control/xds/server/index.ts";
import { readRequest } from "../../../control/xds/server/request.ts";
import { nonceField } from "../../../control/xds/server/response.ts";
import { type Message, serialize, shareBodies } from "../../../control/xds/transport/message.ts";
import type { PreparedLine } from "./prepared-process.ts";

type Call = ServerDuplexStream<Buffer, Message>;

const NOTHING: Message = { body: Buffer.alloc(0), nonce: Buffer.alloc(0) };

const calls = new Set<Call>();
const prepared = new Map<string, Message>();

function encode(typeUrl: string, resources: readonly Resource[]): Message {
  const contents = { resources, removed: [], version: "1" };
  const { bytes } = delta.encode(typeUrl, { contents, all: resources, changedAt: undefined, additions: false }, "");
  return { body: bytes, nonce: nonceField("1") };
}

function handle(call: Call): void {
  calls.add(call);
  call.on("data", (bytes: Buffer) => {
    const { typeUrl, nonce } = readRequest("delta", bytes);
    if (nonce === "") call.write(prepared.get(typeUrl) ?? NOTHING);
  });
  call.on("cancelled", () => calls.delete(call));
}

function listen(): void {
  const grpc = new Server({ "grpc.enable_channelz": 0, interceptors: [shareBodies] });
  const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
  grpc.register(path, handle, serialize, (bytes: Buffer) => bytes, "bidi");
  grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    console.log(port);
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { resources } = JSON.parse(line) as PreparedLine;
  const isFirst = prepared.size === 0;
  for (const [typeUrl, list] of Object.entries(resources)) {
    const bytes = encode(
      typeUrl,
      list.map(({ name, version, value }) => ({ name, version, value: Buffer.from(value, "base64") })),
    );
    if (isFirst) prepared.set(typeUrl, bytes);
    else for (const call of calls) call.write(bytes);
  }
  if (isFirst) listen();
}
process.exit();
