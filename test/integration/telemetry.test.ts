import { once } from "node:events";
import { connect } from "node:http2";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compileFilter } from "../../filters/testing/assembly.ts";
import { metadataHeader } from "../../filters/telemetry/testing/metadata.ts";
import { envoyTarget, type StartedEnvoy } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { readPage, type Page, type Sample } from "./telemetry/prometheus.ts";
import { HOST, PRODUCTPAGE, principalOf, REVIEWS, startBothWays, startMesh } from "./telemetry/sidecars.ts";

// What Prometheus reads of two real sidecars that speak mutual TLS, with the stats_tags of the filter's examples.

const HEADER = "x-envoy-peer-metadata";

beforeAll(() => compileFilter(join(import.meta.dirname, "../../filters/telemetry/index.ts")));

/** Workers hand histograms over when they come to it, so the page is asked for again until it has `requests` in all. */
async function scrape(envoy: StartedEnvoy, requests = 0): Promise<Page> {
  for (let attempt = 0; ; attempt++) {
    const page = readPage(await envoy.admin.text("GET", "/stats/prometheus"));
    const counts = page.samples.filter(({ name }) => name === "istio_response_bytes_count").map(({ value }) => value);
    if (attempt === 100 || counts.reduce((sum, value) => sum + value, 0) >= requests) return page;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const url = (envoy: StartedEnvoy, path = "/") => `http://127.0.0.1:${envoy.address("main").port}${path}`;
const named = ({ samples }: Page, name: string): readonly Sample[] => samples.filter((sample) => sample.name === name);

const WORKLOADS = {
  source_workload: "productpage-v1",
  source_canonical_service: "productpage",
  source_canonical_revision: "v1",
  source_workload_namespace: "front",
  source_principal: principalOf(PRODUCTPAGE),
  source_app: "productpage",
  source_version: "v1",
  source_cluster: "Kubernetes",
  destination_workload: "reviews-v1",
  destination_workload_namespace: "back",
  destination_principal: principalOf(REVIEWS),
  destination_app: "reviews",
  destination_version: "v1",
  destination_service: HOST,
  destination_canonical_service: "reviews",
  destination_canonical_revision: "v1",
  destination_service_name: "reviews",
  destination_service_namespace: "back",
  destination_cluster: "Kubernetes",
};
const OK = { request_protocol: "http", response_code: "200", grpc_response_status: "", response_flags: "-" };

test("both sides of a request have all of Istio's labels, and agree on who spoke to whom", async (context) => {
  await requireTarget(envoyTarget, context);
  await using mesh = await startMesh({ script: () => ({ body: "hello", headers: [[HEADER, "the application's"]] }) });
  for (let i = 0; i < 3; i++) {
    const response = await fetch(url(mesh.productpage), { headers: { [HEADER]: metadataHeader({ WORKLOAD_NAME: "forged" }) } });
    expect(await response.text()).toBe("hello");
    expect(response.headers.has(HEADER)).toBe(false);
    expect(response.headers.has(`${HEADER}-id`)).toBe(false);
  }
  for (const { headers } of mesh.application.requests) expect(headers.filter(([name]) => name.startsWith(HEADER))).toEqual([]);

  for (const [envoy, labels] of [
    [mesh.productpage, { reporter: "source", connection_security_policy: "unknown" }],
    [mesh.reviews, { reporter: "destination", connection_security_policy: "mutual_tls" }],
  ] as const) {
    const page = await scrape(envoy, 3);
    const all = { ...WORKLOADS, ...OK, ...labels };
    expect(named(page, "istio_requests_total")).toEqual([{ name: "istio_requests_total", labels: all, value: 3 }]);
    expect(page.types.get("istio_requests_total")).toBe("counter");
    for (const histogram of ["istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"]) {
      expect(page.types.get(histogram)).toBe("histogram");
      expect(named(page, `${histogram}_count`)).toEqual([{ name: `${histogram}_count`, labels: all, value: 3 }]);
      expect(named(page, `${histogram}_bucket`).find(({ labels: { le } }) => le === "+Inf")?.value).toBe(3);
    }
    expect(page.samples.filter(({ name }) => name.includes("messages_total"))).toEqual([]);
    expect(named(page, "telemetry_peer_rejected").map(({ value }) => value)).toEqual([0]);
  }
});

test("in plain text nobody proves anything, and nothing that anybody says is believed", async (context) => {
  await requireTarget(envoyTarget, context);
  await using mesh = await startMesh({ script: () => ({}), tls: false });
  await fetch(url(mesh.productpage));
  const [sent] = named(await scrape(mesh.productpage), "istio_requests_total");
  const [received] = named(await scrape(mesh.reviews), "istio_requests_total");
  expect(sent?.labels).toMatchObject({
    source_workload: "productpage-v1",
    destination_workload: "unknown",
    destination_principal: "unknown",
  });
  expect(received?.labels).toMatchObject({
    source_workload: "unknown",
    destination_workload: "reviews-v1",
    connection_security_policy: "none",
  });
});

test("two listeners that share a configuration, and so a root, each report on their own side", async (context) => {
  await requireTarget(envoyTarget, context);
  await using sidecar = await startBothWays();
  for (const name of ["inbound", "outbound", "inbound", "outbound", "inbound"])
    await fetch(`http://127.0.0.1:${sidecar.address(name).port}/`);
  const counted = named(await scrape(sidecar), "istio_requests_total").map(({ labels, value }) => [labels["reporter"], value]);
  expect(counted.toSorted()).toEqual([
    ["destination", 3],
    ["source", 2],
  ]);
});

test("messages of gRPC are counted on both sides", async (context) => {
  await requireTarget(envoyTarget, context);
  await using mesh = await startMesh({ script: () => ({ messages: ["one", "two"] }) });
  const session = connect(url(mesh.productpage));
  const stream = session.request({ ":method": "POST", ":path": "/a.B/C", "content-type": "application/grpc", te: "trailers" });
  const message = Buffer.from([0, 0, 0, 0, 2, 104, 105]);
  stream.end(Buffer.concat([message, message, message]));
  stream.resume();
  await once(stream, "close");
  session.close();
  const labels = ["source_workload", "destination_workload", "destination_service"] as const;
  for (const envoy of [mesh.productpage, mesh.reviews]) {
    const page = await scrape(envoy);
    for (const [name, value] of [
      ["istio_request_messages_total", 3],
      ["istio_response_messages_total", 2],
    ] as const) {
      const [sample, ...others] = named(page, name);
      expect(others).toEqual([]);
      expect([sample?.value, ...labels.map((label) => sample?.labels[label])]).toEqual([value, "productpage-v1", "reviews-v1", HOST]);
      expect(Object.keys(sample?.labels ?? {})).not.toContain("response_code");
    }
    expect(named(page, "istio_requests_total")[0]?.labels).toMatchObject({
      request_protocol: "grpc",
      response_code: "200",
      grpc_response_status: "0",
    });
  }
});

describe("what clients and configurations bring", () => {
  test("a label of one's own needs an entry of stats_tags, and the example's has one", async (context) => {
    await requireTarget(envoyTarget, context);
    const outbound = {
      metrics: [
        {
          overrides: [
            {
              match: { metric: "REQUEST_COUNT" },
              tagOverrides: { request_method: { value: "request.method" }, source_app: { operation: "REMOVE" } },
            },
          ],
        },
      ],
    };
    await using mesh = await startMesh({ script: () => ({}), outbound });
    await fetch(url(mesh.productpage), { method: "PUT" });
    const { source_app: _, ...left } = WORKLOADS;
    const [sample] = named(await scrape(mesh.productpage), "istio_requests_total");
    expect(sample?.labels).toEqual({ ...left, ...OK, reporter: "source", connection_security_policy: "unknown", request_method: "PUT" });
  });

  test("no header makes a page that cannot be read", async (context) => {
    await requireTarget(envoyTarget, context);
    const outbound = {
      disableHostHeaderFallback: false,
      metrics: [{ overrides: [{ tagOverrides: { request_method: { value: "request.headers['x']" } } }] }],
    };
    await using mesh = await startMesh({ script: () => ({}), outbound });
    const values = [
      '"quoted"',
      "back\\slash",
      "a;.;response_code=.=999;.;",
      "=.=",
      "\xff\xfe",
      "\xc3\xa9",
      "{}",
      ".",
      "..a..",
      "..a",
      "a\tb",
      "y".repeat(1_000),
    ];
    for (const value of values) await fetch(url(mesh.productpage), { headers: { x: value } });
    const found = named(await scrape(mesh.productpage), "istio_requests_total").map(({ labels }) => [
      labels["request_method"],
      labels["response_code"],
    ]);
    const expected = [
      '"quoted"',
      "back\\slash",
      "a_._response_code=.=999_._",
      "=.=",
      "__",
      "\u00e9",
      "{}",
      "",
      "..a",
      "a_b",
      "y".repeat(256),
    ];
    expect(found.toSorted()).toEqual(expected.map((value) => [value, "200"]).toSorted());
  });

  test("beyond maxSeries one series takes them all", async (context) => {
    await requireTarget(envoyTarget, context);
    await using mesh = await startMesh({ script: ({ path }) => ({ status: 200 + Number(path.slice(1)) }), outbound: { maxSeries: 5 } });
    for (let i = 0; i < 20; i++) await fetch(url(mesh.productpage, `/${i + (i >= 4 ? 3 : 0)}`));
    const samples = named(await scrape(mesh.productpage), "istio_requests_total");
    expect(samples).toHaveLength(6);
    const overflow = samples.find(({ labels }) => labels["response_code"] === "overflow");
    expect(overflow).toMatchObject({ value: 15, labels: { source_workload: "productpage-v1", destination_workload: "overflow" } });
  });
});
