import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ControlService } from "./control-service.ts";
import { ClusterSchema } from "./envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "./envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { ProxyConfigSchema } from "./envoy-api/generated/mesh/v1alpha1/proxy_pb.ts";
import { typeUrl } from "./envoy-api/index.ts";

// An Envoy and who stands beside it have a stream each, with one node.

const ID = "sidecar~10.0.0.1~reviews.default~default.svc.cluster.local";
const CLUSTERS = typeUrl(ClusterSchema);
const ROOTS = typeUrl(ProxyConfigSchema);

type Metadata = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/** Opens a stream and gives the resources of each response, as text. */
function open(control: ControlService, type: string, metadata: Metadata): string[] {
  const responses: string[] = [];
  const sink = {
    send(body: Buffer, nonce: Buffer, sent: () => void) {
      const { resources } = fromBinary(DeltaDiscoveryResponseSchema, Buffer.concat([body, nonce]));
      responses.push(resources.map(({ resource }) => Buffer.from(resource?.value ?? []).toString()).join("\n"));
      sent();
    },
    end: () => undefined,
  };
  const request = create(DeltaDiscoveryRequestSchema, { node: { id: ID, metadata: { ...metadata } }, typeUrl: type });
  const stream = control.xds.open({ variant: "delta", service: undefined, peer: "127.0.0.1:1", credentials: undefined, sink });
  void stream.receive(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)));
  return responses;
}

test.each([
  ["the same node", "v1"],
  ["another node, as of a proxy that was started anew", "v2"],
])("streams that are let in at the same moment hear of every later change: %s", async (_, version) => {
  const admission = Promise.withResolvers<void>();
  await using control = await ControlService.start({
    sources: [],
    authorize: async () => {
      await admission.promise;
      return {};
    },
  });
  const first = open(control, ROOTS, { LABELS: { version: "v1" } });
  const second = open(control, ROOTS, { LABELS: { version } });
  admission.resolve();
  await expect.poll(() => [first.length, second.length]).toEqual([1, 1]);
  control.trust(["a new root"]);
  await expect
    .poll(() => [first.at(-1), second.at(-1)])
    .toEqual([expect.stringContaining("a new root"), expect.stringContaining("a new root")]);
});

test("a node whose fields come in another order is the same", async () => {
  await using control = await ControlService.start({ sources: [] });
  const first = open(control, CLUSTERS, { CLUSTER_ID: "a", LABELS: { app: "reviews", version: "v1" } });
  await expect.poll(() => first.length).toBe(1);
  const before = control.snapshotOf(ID);
  const second = open(control, CLUSTERS, { LABELS: { version: "v1", app: "reviews" }, CLUSTER_ID: "a" });
  await expect.poll(() => second.length).toBe(1);
  expect(control.snapshotOf(ID)).toBe(before);
});
