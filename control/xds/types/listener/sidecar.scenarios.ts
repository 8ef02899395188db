import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { typeUrl } from "../../../envoy-api/index.ts";
import { ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { BLACK_HOLE_CLUSTER, inboundCluster, outboundCluster } from "../cluster-name.ts";
import { clusterOf, httpRequest, passthrough, routesTo, RunningProxy } from "../testing/running-proxy.ts";
import { serviceOf, viewOf } from "../testing/view.ts";
import { filterType } from "../filter/index.ts";
import { listenerType } from "./index.ts";

const CLUSTER = typeUrl(ClusterSchema);

describe("a sidecar", () => {
  let upstream: Upstream;
  let proxy: RunningProxy;

  beforeAll(async () => {
    upstream = await startUpstream({ script: ({ path }) => ({ body: `reviews ${path}` }) });
    const reviews = serviceOf("reviews", { 9080: "http" });
    const me = serviceOf("client", { 8080: "http" });
    const view = viewOf({
      services: [reviews],
      inbound: { ports: me.ports.map((port) => ({ service: me, port, targetPort: port.number })) },
    });
    const cluster = outboundCluster(reviews.host, 9080);
    proxy = await RunningProxy.start({
      view,
      types: [listenerType, filterType()],
      others: [
        routesTo("9080", reviews.host, cluster),
        {
          [CLUSTER]: [
            clusterOf(cluster, upstream.port),
            clusterOf(inboundCluster(8080), upstream.port),
            clusterOf(BLACK_HOLE_CLUSTER),
            passthrough,
          ],
        },
      ],
    });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  test("has listeners that Envoy takes", () => {
    expect(proxy.refusals()).toEqual([]);
  });

  test("sends HTTP to the service that the host names", async () => {
    const answer = await proxy.redirected("outbound", "10.96.0.1:9080", httpRequest("reviews.default.svc.cluster.local"));
    expect(answer).toContain("reviews /");
  });

  test("sends what is for nobody in the mesh where it was meant to go", async () => {
    const answer = await proxy.redirected("outbound", `127.0.0.1:${upstream.port}`, httpRequest("example.com", "/out"));
    expect(answer).toContain("reviews /out");
  });

  test("takes requests to the workload's port", async () => {
    const answer = await proxy.redirected("inbound", "10.0.0.1:8080", httpRequest("client", "/in"));
    expect(answer).toContain("reviews /in");
  });
});
