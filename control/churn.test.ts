import { setImmediate as turn } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Snapshots } from "./configuration/snapshots.ts";
import { ResourceSet } from "./configuration/resource-set.ts";
import { ControlService } from "./control-service.ts";
import { DeltaDiscoveryRequestSchema } from "./envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { MemorySource } from "./sources/memory/index.ts";
import type { Sink } from "./xds/server/index.ts";
import { ProxyGroup } from "./xds/server/group.ts";
import { XdsStream } from "./xds/server/stream.ts";
import { Watch } from "./xds/server/watch.ts";

const SERVICES = 20;
const PROXIES = 30;
const TYPES = ["cluster.v3.Cluster", "endpoint.v3.ClusterLoadAssignment", "listener.v3.Listener", "route.v3.RouteConfiguration"];
/** What there is of for each proxy. */
const PER_PROXY = { XdsStream, Watch, ProxyGroup, ResourceSet, Snapshots };

function service(index: number, port: number): string {
  return `{apiVersion: v1, kind: Service, metadata: {name: s${index}}, spec: {clusterIP: 10.0.0.${index + 1}, ports: [{name: http, port: ${port}}]}}`;
}

/** Connects a proxy that asks for something of every type, waits until it was sent something of each, and gives what ends it. */
async function connect({ xds }: ControlService, id: string): Promise<() => void> {
  let sent = 0;
  const sink: Sink = {
    send(_, __, done) {
      sent += 1;
      done();
    },
    end: () => undefined,
  };
  const stream = xds.open({ variant: "delta", service: undefined, peer: "127.0.0.1:1", credentials: undefined, sink });
  const names = Array.from({ length: SERVICES }, (_, index) => `outbound|80||s${index}.default.svc.cluster.local`);
  for (const type of TYPES) {
    const resourceNamesSubscribe = type.startsWith("endpoint") || type.startsWith("route") ? names : [];
    const request = { node: { id }, typeUrl: `type.googleapis.com/envoy.config.${type}`, resourceNamesSubscribe };
    await stream.receive(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request))));
  }
  while (sent < TYPES.length) await turn();
  return () => stream.close();
}

/** Proxies of several namespaces connect, something changes, and all go. */
async function wave(control: ControlService, number: number, change: () => void): Promise<void> {
  const ends: (() => void)[] = [];
  for (let index = 0; index < PROXIES; index++) {
    const namespace = `n${(number * PROXIES + index) % 3}`;
    ends.push(await connect(control, `sidecar~10.1.${number}.${index}~p-${index}.${namespace}~${namespace}.svc.cluster.local`));
  }
  change();
  await turn();
  expect(control.proxies()).toHaveLength(PROXIES);
  for (const end of ends) end();
  await turn();
  expect(control.proxies()).toEqual([]);
}

test("proxies that come and go leave nothing behind, whatever changes meanwhile", { timeout: 120_000 }, async () => {
  const files = Object.fromEntries(Array.from({ length: SERVICES }, (_, index) => [`${index}.yaml`, service(index, 80)]));
  const source = new MemorySource(files);
  await using control = await ControlService.start({ sources: [source] });
  for (let number = 0; number < 2; number++) {
    await wave(control, number, () => source.apply({ "0.yaml": service(0, 81 + number) }));
    const left = Object.entries(PER_PROXY).map(([name, type]) => [name, queryObjects(type, { format: "count" })]);
    expect(Object.fromEntries(left)).toEqual(Object.fromEntries(Object.keys(PER_PROXY).map((name) => [name, 0])));
  }
});
