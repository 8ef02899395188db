import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ControlService } from "./control-service.ts";
import { ClusterSchema } from "./envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { DeltaDiscoveryRequestSchema } from "./envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { typeUrl } from "./envoy-api/index.ts";
import { RawCall } from "./xds/transport/testing/grpc-client.ts";
import { XdsListener } from "./xds/transport/index.ts";

const ID = "sidecar~10.0.0.1~reviews.default~default.svc.cluster.local";
const CLUSTERS = typeUrl(ClusterSchema);

/** Who connects with an id, and has proved to be an account: `authorize` lets in nobody else. */
class Proxy extends RawCall {
  constructor(port: number, account: string, labels: Readonly<Record<string, string>> = {}) {
    super(port);
    const [namespace = "", name = ""] = account.split("/");
    const node = { id: ID, metadata: { NAMESPACE: namespace, SERVICE_ACCOUNT: name, LABELS: labels } };
    this.send(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { node, typeUrl: CLUSTERS })));
  }
}

test("who claims the id of another account's proxy changes nothing for that, and gets what its own account gets", async () => {
  await using service = await ControlService.start({ sources: [] });
  await using xds = await XdsListener.start(service.xds, { port: 0 });
  using victim = new Proxy(xds.port, "default/reviews");
  await victim.next();
  const before = service.snapshotOf(ID);
  using other = new Proxy(xds.port, "evil/reviews");
  await other.next();
  using neighbour = new Proxy(xds.port, "default/ratings");
  await neighbour.next();
  expect(service.snapshotOf(ID)).toBe(before);
  expect(service.proxies().map(({ id, namespace, serviceAccount }) => [id, `${namespace}/${serviceAccount}`])).toEqual([
    [ID, "default/reviews"],
    [`${ID} (evil/reviews)`, "evil/reviews"],
    [`${ID} (default/ratings)`, "default/ratings"],
  ]);
  expect(service.status().map(({ proxy }) => proxy)).toEqual(service.proxies().map(({ id }) => id));
});

test("the same account with other labels is the same proxy after a restart", async () => {
  await using service = await ControlService.start({ sources: [] });
  await using xds = await XdsListener.start(service.xds, { port: 0 });
  using before = new Proxy(xds.port, "default/reviews", { version: "v1" });
  await before.next();
  using after = new Proxy(xds.port, "default/reviews", { version: "v2" });
  await after.next();
  expect(service.proxies()).toMatchObject([{ id: ID, labels: { version: "v2" } }]);
});
