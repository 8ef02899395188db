import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import type { ChainSpec, ExchangeRequest } from "../../harness/target/index.ts";
import { scenario as alone } from "../../harness/vitest.ts";
import { compileFilter } from "../testing/assembly.ts";
import { scenario } from "../testing/scenario.ts";
import { pick, seriesOf } from "./testing/series.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));

const telemetry =
  (configuration: unknown = {}, chain: Omit<ChainSpec, "filters"> = {}) =>
  async (): Promise<ChainSpec> => ({ ...chain, filters: [{ name: "telemetry", module: await compileFilter(entry), configuration }] });

/** The labels that nothing is known of: no node metadata, no certificates, no metadata of the cluster. */
const UNKNOWN = {
  reporter: "source",
  source_workload: "unknown",
  source_canonical_service: "unknown",
  source_canonical_revision: "latest",
  source_workload_namespace: "unknown",
  source_principal: "unknown",
  source_app: "unknown",
  source_version: "unknown",
  source_cluster: "unknown",
  destination_workload: "unknown",
  destination_workload_namespace: "unknown",
  destination_principal: "unknown",
  destination_app: "unknown",
  destination_version: "unknown",
  destination_service: "localhost",
  destination_canonical_service: "unknown",
  destination_canonical_revision: "latest",
  destination_service_name: "localhost",
  destination_service_namespace: "unknown",
  destination_cluster: "unknown",
};

const ANSWER = {
  request_protocol: "http",
  response_code: "200",
  grpc_response_status: "",
  response_flags: "-",
  connection_security_policy: "unknown",
};

describe("requests", () => {
  scenario("are counted, with Istio's labels in Istio's order", { chain: telemetry(), container: true }, async (run) => {
    await run.send({ path: "/" });
    await run.send({ path: "/other" });
    const metrics = await run.metrics();
    expect(seriesOf(metrics)).toEqual([{ name: "istio_requests_total", labels: { ...UNKNOWN, ...ANSWER }, value: 2 }]);
    expect(Object.keys(metrics).map((name) => name.split("=.=", 1)[0])).toContain("reporter");
    expect(Object.keys(seriesOf(metrics)[0]?.labels ?? {})).toEqual(Object.keys({ ...UNKNOWN, ...ANSWER }));
    expect(metrics).toMatchObject({ "telemetry.series": 1, "telemetry.overflow": 0, "telemetry.peer_rejected": 0 });
  });

  // Inside mesh a filter always has one.
  alone("no configuration at all is the default of everything", { chain: telemetry("") }, async (run) => {
    await run.send({ path: "/" });
    expect(pick(await run.metrics(), "istio_requests_total", "reporter")).toEqual([[1, "source"]]);
  });

  scenario("are told apart by their answers", { chain: telemetry() }, async (run) => {
    for (const status of [200, 404, 503, 404]) await run.send({ path: "/", response: { status } });
    const counted = pick(await run.metrics(), "istio_requests_total", "response_code", "response_flags");
    expect(counted.toSorted()).toEqual([
      [1, "200", "-"],
      [1, "503", "-"],
      [2, "404", "-"],
    ]);
  });

  const failing = {
    routes: [
      { match: { prefix: "/none" }, clusterHeader: "x-cluster" },
      { match: { prefix: "/some" }, cluster: "some", timeout: 0.2 },
    ],
    clusters: ["some"],
  };
  scenario("have the flags of what went wrong", { chain: telemetry({}, failing) }, async (run) => {
    await run.send({ path: "/none", headers: [["x-cluster", "none"]] });
    await run.send({ path: "/some", response: { reset: "before-headers" } });
    await run.send({ path: "/some", response: { delay: 5_000 } });
    await run.send({ path: "/nowhere" });
    const counted = pick(await run.metrics(), "istio_requests_total", "response_code", "response_flags");
    expect(counted.toSorted()).toEqual([
      [1, "404", "NR"],
      [1, "503", "NC"],
      [1, "503", "UC"],
      [1, "504", "UT"],
    ]);
  });

  scenario("of gRPC have its status", { chain: telemetry() }, async (run) => {
    const grpc = (trailers: ReadonlyArray<readonly [string, string]>): ExchangeRequest => ({
      path: "/a/b",
      protocol: "grpc",
      body: "x",
      response: { body: "y", trailers },
    });
    await run.send(grpc([["grpc-status", "0"]]));
    await run.send(grpc([["grpc-status", "14"]]));
    await run.send({ path: "/", headers: [["content-type", "application/grpc-web"]] });
    const counted = pick(await run.metrics(), "istio_requests_total", "request_protocol", "response_code", "grpc_response_status");
    expect(counted.toSorted()).toEqual([
      [1, "grpc", "200", "0"],
      [1, "grpc", "200", "14"],
      [1, "http", "200", ""],
    ]);
  });

  scenario("that the codec refuses are counted too", { chain: telemetry() }, async (run) => {
    await run.send({ path: "/", headers: Array.from({ length: 101 }, (_, i) => [`x-${i}`, "v"]) });
    expect(pick(await run.metrics(), "istio_requests_total", "response_code")).toEqual([[1, "431"]]);
  });
});

const PRODUCTPAGE = {
  id: "sidecar~10.0.0.1~productpage-v1-7f44c4d57c-ksf9b.default~default.svc.cluster.local",
  metadata: {
    NAME: "productpage-v1-7f44c4d57c-ksf9b",
    NAMESPACE: "default",
    WORKLOAD_NAME: "productpage-v1",
    OWNER: "kubernetes://apis/apps/v1/namespaces/default/deployments/productpage-v1",
    CLUSTER_ID: "Kubernetes",
    LABELS: {
      app: "productpage",
      version: "v1",
      "service.istio.io/canonical-name": "productpage-service",
      "service.istio.io/canonical-revision": "v1-revision",
    },
  },
};
const REVIEWS = "outbound|9080||reviews.default.svc.cluster.local";
const toReviews = {
  routes: [{ match: { prefix: "/" }, cluster: REVIEWS }],
  clusterMetadata: {
    [REVIEWS]: { istio: { services: [{ host: "reviews.default.svc.cluster.local", name: "reviews", namespace: "default" }] } },
  },
};

describe("the own workload", () => {
  scenario("is the source of what it sends", { chain: telemetry({}, { node: PRODUCTPAGE, trafficDirection: "OUTBOUND" }) }, async (run) => {
    await run.send({ path: "/" });
    expect(seriesOf(await run.metrics())[0]?.labels).toEqual({
      ...UNKNOWN,
      ...ANSWER,
      source_workload: "productpage-v1",
      source_canonical_service: "productpage-service",
      source_canonical_revision: "v1-revision",
      source_workload_namespace: "default",
      source_app: "productpage",
      source_version: "v1",
      source_cluster: "Kubernetes",
    });
  });

  scenario(
    "is the destination of what comes to it, by the listener's direction",
    { chain: telemetry({}, { node: PRODUCTPAGE, trafficDirection: "INBOUND" }) },
    async (run) => {
      await run.send({ path: "/", authority: "productpage:9080" });
      expect(seriesOf(await run.metrics())[0]?.labels).toEqual({
        ...UNKNOWN,
        ...ANSWER,
        reporter: "destination",
        destination_workload: "productpage-v1",
        destination_canonical_service: "productpage-service",
        destination_canonical_revision: "v1-revision",
        destination_workload_namespace: "default",
        destination_app: "productpage",
        destination_version: "v1",
        destination_cluster: "Kubernetes",
        destination_service: "productpage:9080",
        destination_service_name: "productpage:9080",
        destination_service_namespace: "default",
        connection_security_policy: "none",
      });
    },
  );

  scenario(
    "is the service where nothing else says one",
    { chain: telemetry({ mode: "inbound", disableHostHeaderFallback: true }, { node: PRODUCTPAGE }) },
    async (run) => {
      await run.send({ path: "/" });
      expect(pick(await run.metrics(), "istio_requests_total", "destination_service", "destination_service_name")).toEqual([
        [1, "productpage-service", "productpage-service"],
      ]);
    },
  );
});

describe("the destination's service", () => {
  const labels = ["destination_service", "destination_service_name"];

  scenario("is what the cluster's metadata says", { chain: telemetry({}, toReviews) }, async (run) => {
    await run.send({ path: "/", authority: "anything" });
    expect(pick(await run.metrics(), "istio_requests_total", ...labels)).toEqual([[1, "reviews.default.svc.cluster.local", "reviews"]]);
  });

  const unnamed = {
    ...toReviews,
    clusterMetadata: { [REVIEWS]: { istio: { services: [{ host: "reviews.default.svc.cluster.local" }] } } },
  };
  scenario("without a name is the first label of its host", { chain: telemetry({}, unnamed) }, async (run) => {
    await run.send({ path: "/" });
    expect(pick(await run.metrics(), "istio_requests_total", ...labels)).toEqual([[1, "reviews.default.svc.cluster.local", "reviews"]]);
  });

  const named = [
    "PassthroughCluster",
    "BlackHoleCluster",
    "InboundPassthroughCluster",
    "InboundPassthroughClusterIpv4",
    "InboundPassthroughClusterIpv6",
  ];
  const toNamed = { routes: named.map((cluster) => ({ match: { prefix: `/${cluster}/` }, cluster })) };
  scenario(
    "has the name of the cluster where it is one of Istio's for unknown services",
    { chain: telemetry({}, toNamed) },
    async (run) => {
      for (const cluster of named) await run.send({ path: `/${cluster}/`, authority: "example.com" });
      const counted = pick(await run.metrics(), "istio_requests_total", ...labels);
      expect(counted.toSorted()).toEqual(named.map((cluster) => [1, "example.com", cluster]).toSorted());
    },
  );

  const blocked = { routes: [{ name: "block_all", match: { prefix: "/" }, directResponse: { status: 502 } }] };
  scenario("has the name BlackHoleCluster where the route blocks", { chain: telemetry({}, blocked) }, async (run) => {
    await run.send({ path: "/", authority: "example.com" });
    expect(pick(await run.metrics(), "istio_requests_total", "response_code", ...labels)).toEqual([
      [1, "502", "example.com", "BlackHoleCluster"],
    ]);
  });
});

describe("the destination's workload", () => {
  const labels = ["workload", "workload_namespace", "canonical_service", "canonical_revision", "cluster", "app", "service_namespace"].map(
    (name) => `destination_${name}`,
  );
  const endpoint = (workload: string) => telemetry({}, { ...toReviews, endpointMetadata: { [REVIEWS]: { istio: { workload } } } });

  scenario("is what the endpoint's metadata says", { chain: endpoint("reviews-v1;shop;reviews;v1;Kubernetes") }, async (run) => {
    await run.send({ path: "/" });
    expect(pick(await run.metrics(), "istio_requests_total", ...labels)).toEqual([
      [1, "reviews-v1", "shop", "reviews", "v1", "Kubernetes", "unknown", "shop"],
    ]);
  });

  scenario("is unknown where the metadata has another form", { chain: endpoint("reviews-v1;shop") }, async (run) => {
    await run.send({ path: "/" });
    expect(pick(await run.metrics(), "istio_requests_total", ...labels)).toEqual([
      [1, "unknown", "unknown", "unknown", "latest", "unknown", "unknown", "unknown"],
    ]);
  });
});

describe("principals", () => {
  const labels = ["source_principal", "destination_principal", "source_workload_namespace", "connection_security_policy"];
  const inbound = telemetry({ mode: "inbound" });

  scenario("of both sides are those of their certificates", { chain: inbound }, async (run) => {
    await run.send({ path: "/", scheme: "https", source: { principal: "spiffe://cluster.local/ns/shop/sa/web" } });
    expect(pick(await run.metrics(), "istio_requests_total", ...labels)).toEqual([
      [1, "spiffe://cluster.local/ns/shop/sa/web", "spiffe://cluster.local/ns/default/sa/default", "shop", "mutual_tls"],
    ]);
  });

  scenario("of a client without a certificate are unknown, and TLS of one side is not mutual", { chain: inbound }, async (run) => {
    await run.send({ path: "/", scheme: "https" });
    expect(pick(await run.metrics(), "istio_requests_total", ...labels)).toEqual([
      [1, "unknown", "spiffe://cluster.local/ns/default/sa/default", "unknown", "none"],
    ]);
  });
});

describe("messages of gRPC", () => {
  const frame = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, 0, text.length]), Buffer.from(text)]).toString("latin1");

  scenario("are counted where the grpc_stats filter stands before this one", { chain: telemetry({}, { grpcStats: true }) }, async (run) => {
    await run.send({ path: "/a/b", protocol: "grpc", chunks: [frame("one") + frame("two"), frame("three")], response: { body: "answer" } });
    await run.send({ path: "/" });
    const metrics = await run.metrics();
    expect(seriesOf(metrics).filter(({ name }) => name.includes("messages"))).toEqual([
      { name: "istio_request_messages_total", labels: UNKNOWN, value: 3 },
      { name: "istio_response_messages_total", labels: UNKNOWN, value: 1 },
    ]);
  });
});

describe("mode", () => {
  scenario(
    "inbound: reports as the destination, by its host where it knows no better",
    { chain: telemetry({ mode: "inbound" }) },
    async (run) => {
      await run.send({ path: "/", authority: "reviews:9080" });
      const labels = ["reporter", "connection_security_policy", "destination_service", "destination_service_name"];
      expect(pick(await run.metrics(), "istio_requests_total", ...labels)).toEqual([
        [1, "destination", "none", "reviews:9080", "reviews:9080"],
      ]);
    },
  );

  scenario("outbound: reports as the source", { chain: telemetry({ mode: "outbound" }) }, async (run) => {
    await run.send({ path: "/", authority: "reviews:9080" });
    const labels = ["reporter", "connection_security_policy", "destination_service"];
    expect(pick(await run.metrics(), "istio_requests_total", ...labels)).toEqual([[1, "source", "unknown", "reviews:9080"]]);
  });

  scenario("gateway: reports as the source, and believes no host", { chain: telemetry({ mode: "gateway" }) }, async (run) => {
    await run.send({ path: "/", authority: "anything.example.com" });
    expect(pick(await run.metrics(), "istio_requests_total", "reporter", "destination_service", "destination_service_name")).toEqual([
      [1, "source", "unknown", "unknown"],
    ]);
  });
});

describe("disableHostHeaderFallback", () => {
  scenario("true: the host is no service", { chain: telemetry({ disableHostHeaderFallback: true }) }, async (run) => {
    await run.send({ path: "/", authority: "reviews" });
    expect(pick(await run.metrics(), "istio_requests_total", "destination_service")).toEqual([[1, "unknown"]]);
  });

  scenario("false: it is, at a gateway too", { chain: telemetry({ mode: "gateway", disableHostHeaderFallback: false }) }, async (run) => {
    await run.send({ path: "/", authority: "reviews" });
    expect(pick(await run.metrics(), "istio_requests_total", "destination_service")).toEqual([[1, "reviews"]]);
  });
});

describe("maxSeries", () => {
  scenario("what comes beyond is counted in one series that says so", { chain: telemetry({ maxSeries: 2 }) }, async (run) => {
    for (const authority of ["a", "b", "c", "d", "a", "c"]) await run.send({ path: "/", authority });
    const metrics = await run.metrics();
    expect(
      pick(metrics, "istio_requests_total", "reporter", "destination_service", "response_code", "request_protocol").toSorted(),
    ).toEqual([
      [1, "source", "b", "200", "http"],
      [2, "source", "a", "200", "http"],
      [3, "source", "overflow", "overflow", "overflow"],
    ]);
    expect(metrics).toMatchObject({ "telemetry.series": 2, "telemetry.overflow": 3 });
  });
});

describe("values that names and Prometheus cannot carry", () => {
  scenario(
    "are replaced",
    { chain: telemetry({ metrics: [{ overrides: [{ tagOverrides: { x: { value: "request.headers['x']" } } }] }] }) },
    async (run) => {
      await run.send({ path: "/", headers: [["x", "a;.;b=.=c;"]] });
      await run.send({ path: "/", headers: [["x", "y".repeat(300)]] });
      const values = seriesOf(await run.metrics()).map(({ labels }) => labels["x"]);
      expect(values.toSorted()).toEqual(["a_._b=.=c_", "y".repeat(256)]);
    },
  );
});
