import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "vitest";
import { ControlService } from "./control-service.ts";
import { typeUrl } from "./envoy-api/index.ts";
import { ClusterSchema } from "./envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { RouteConfigurationSchema } from "./envoy-api/generated/envoy/config/route/v3/route_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "./envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { MemorySource } from "./sources/memory/index.ts";

const CLUSTER = typeUrl(ClusterSchema);
const ROUTE = typeUrl(RouteConfigurationSchema);
const ID = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";

const MESH = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: copies }
spec: { selector: { app: copies }, ports: [{ name: http, port: 9080 }] }
`;

const MIRROR = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews } }], mirror: { host: copies } }] }
`;

const REVIEWS = "outbound|9080||reviews.default.svc.cluster.local";
const COPIES = "outbound|9080||copies.default.svc.cluster.local";
const FIXED = ["BlackHoleCluster", "InboundPassthroughCluster", "PassthroughCluster"];

const services: ControlService[] = [];
afterEach(async () => {
  for (const service of services.splice(0)) await service[Symbol.asyncDispose]();
});

async function serve(
  options: { readonly onDemand?: boolean } = {},
): Promise<{ readonly service: ControlService; readonly source: MemorySource }> {
  const source = new MemorySource({ "mesh.yaml": MESH });
  const service = await ControlService.start({ sources: [source], ...options });
  services.push(service);
  return { service, source };
}

interface Received {
  readonly names: readonly string[];
  readonly removed: readonly string[];
}

/** A proxy on a stream of its own; `ask` gives what came since the last call, each part of it sorted. */
function proxy({ xds }: ControlService, variant: "delta" | "sotw", metadata: Record<string, string> = {}) {
  const names: string[] = [];
  const removed: string[] = [];
  const stream = xds.open({
    variant,
    service: undefined,
    peer: "test",
    credentials: undefined,
    sink: {
      send(body, nonce, sent) {
        const bytes = Buffer.concat([body, nonce]);
        if (variant === "delta") {
          const response = fromBinary(DeltaDiscoveryResponseSchema, bytes);
          names.push(...response.resources.map(({ name }) => name));
          removed.push(...response.removedResources);
        } else
          names.push(...fromBinary(DiscoveryResponseSchema, bytes).resources.map(({ value }) => fromBinary(ClusterSchema, value).name));
        setImmediate(sent);
      },
      end: () => undefined,
    },
  });
  const node = { id: ID, metadata };
  const received = async (): Promise<Received> => {
    await expect.poll(() => names.length + removed.length).toBeGreaterThan(0);
    return { names: names.splice(0).sort(), removed: removed.splice(0).sort() };
  };
  return {
    received,
    async ask(url: string, ...subscribe: readonly string[]): Promise<Received> {
      const bytes =
        variant === "delta"
          ? toBinary(
              DeltaDiscoveryRequestSchema,
              create(DeltaDiscoveryRequestSchema, { node, typeUrl: url, resourceNamesSubscribe: [...subscribe] }),
            )
          : toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { node, typeUrl: url, resourceNames: [...subscribe] }));
      await stream.receive(Buffer.from(bytes));
      return await received();
    },
  };
}

const EVERYTHING = { names: [...FIXED, COPIES, REVIEWS].sort(), removed: [] };

test("a proxy on demand gets clusters of services when it asks for them by name", async () => {
  const { service } = await serve();
  const client = proxy(service, "delta", { MESHWRIGHT_ON_DEMAND: "true" });
  expect(await client.ask(CLUSTER)).toEqual({ names: FIXED, removed: [] });
  expect(await client.ask(CLUSTER, REVIEWS)).toEqual({ names: [REVIEWS], removed: [] });
  expect(await client.ask(CLUSTER, "outbound|1||nobody")).toEqual({ names: [], removed: ["outbound|1||nobody"] });
});

test("it is never told that routes do not exist: a request would wait for them", async () => {
  const { service } = await serve();
  const client = proxy(service, "delta", { MESHWRIGHT_ON_DEMAND: "true" });
  expect(await client.ask(ROUTE, "9080|nobody")).toEqual({ names: ["9080|nobody"], removed: [] });
  expect(await proxy(service, "delta").ask(ROUTE, "9080|nobody")).toEqual({ names: [], removed: ["9080|nobody"] });
});

test("it has what requests are mirrored to as long as they are", async () => {
  const { service, source } = await serve();
  const client = proxy(service, "delta", { MESHWRIGHT_ON_DEMAND: "true" });
  await client.ask(CLUSTER);
  source.apply({ "mirror.yaml": MIRROR });
  expect(await client.received()).toEqual({ names: [COPIES], removed: [] });
  source.apply({ "mirror.yaml": undefined });
  expect(await client.received()).toEqual({ names: [], removed: [COPIES] });
});

test.each<[what: string, onDemand: boolean | undefined, variant: "delta" | "sotw", metadata: Record<string, string>, all: boolean]>([
  ["nobody says anything", undefined, "delta", {}, true],
  ["the service says so", true, "delta", {}, false],
  ["the proxy says otherwise", true, "delta", { MESHWRIGHT_ON_DEMAND: "false" }, true],
  ["the proxy gets the state of the world", true, "sotw", { MESHWRIGHT_ON_DEMAND: "true" }, true],
])("where %s", async (_what, onDemand, variant, metadata, all) => {
  const { service } = await serve(onDemand === undefined ? {} : { onDemand });
  expect(await proxy(service, variant, metadata).ask(CLUSTER)).toEqual(all ? EVERYTHING : { names: FIXED, removed: [] });
});
