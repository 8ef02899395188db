import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import type { ChainSpec, ExchangeRequest, HeaderList } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { scenario } from "../testing/scenario.ts";
import { metadataHeader } from "./testing/metadata.ts";
import { pick } from "./testing/series.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));
const HEADER = "x-envoy-peer-metadata";
const ID = "x-envoy-peer-metadata-id";

const REVIEWS = {
  NAME: "reviews-v1-545db77b95-kczqw",
  NAMESPACE: "default",
  WORKLOAD_NAME: "reviews-v1",
  OWNER: "kubernetes://apis/apps/v1/namespaces/default/deployments/reviews-v1",
  CLUSTER_ID: "Kubernetes",
  LABELS: { app: "reviews", version: "v1", "service.istio.io/canonical-name": "reviews", "service.istio.io/canonical-revision": "v1" },
};
const OWN = { id: "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local", metadata: { ...REVIEWS, OTHER: "is not told" } };
const OWN_HEADER = metadataHeader(REVIEWS);

const WEB = {
  WORKLOAD_NAME: "web-v2",
  NAMESPACE: "shop",
  CLUSTER_ID: "east",
  LABELS: { app: "web", version: "v2", "service.istio.io/canonical-name": "web", "service.istio.io/canonical-revision": "v2" },
};
const FROM_WEB: HeaderList = [
  [HEADER, metadataHeader(WEB)],
  [ID, "sidecar~10.0.0.2~web-v2.shop~shop.svc.cluster.local"],
];
const AS_WEB: Partial<ExchangeRequest> = { scheme: "https", source: { principal: "spiffe://cluster.local/ns/shop/sa/web" } };

const telemetry =
  (configuration: object, chain: Omit<ChainSpec, "filters"> = {}) =>
  async (): Promise<ChainSpec> => ({
    node: OWN,
    ...chain,
    filters: [{ name: "telemetry", module: await compileFilter(entry), configuration }],
  });

const FIELDS = ["workload", "workload_namespace", "canonical_service", "canonical_revision", "app", "version", "cluster"];
const source = FIELDS.map((field) => `source_${field}`);
const destination = FIELDS.map((field) => `destination_${field}`);
const WEB_LABELS = ["web-v2", "shop", "web", "v2", "web", "v2", "east"];
const UNKNOWN_LABELS = ["unknown", "unknown", "unknown", "latest", "unknown", "unknown", "unknown"];

const counted = async (run: { metrics(): Promise<Readonly<Record<string, number>>> }, labels: readonly string[]) =>
  pick(await run.metrics(), "istio_requests_total", ...labels);

describe("inbound", () => {
  scenario(
    "takes the metadata of a client that proves its namespace, and answers with its own",
    { chain: telemetry({ mode: "inbound" }) },
    async (run) => {
      const result = await run.send({ path: "/", ...AS_WEB, headers: FROM_WEB });
      expect(result).toSendHeader(HEADER);
      expect(result).toSendHeader(ID);
      expect(result).toReturnHeader(HEADER, OWN_HEADER);
      expect(result).toReturnHeader(ID, OWN.id);
      expect(await counted(run, source)).toEqual([[1, ...WEB_LABELS]]);
      expect(await run.metrics()).toMatchObject({ "telemetry.peer_rejected": 0 });
    },
  );

  scenario("answers a client that names only itself", { chain: telemetry({ mode: "inbound" }) }, async (run) => {
    const result = await run.send({ path: "/", ...AS_WEB, headers: [[ID, "somebody"]] });
    expect(result).toReturnHeader(HEADER, OWN_HEADER);
    expect(await counted(run, source)).toEqual([[1, "unknown", "shop", ...UNKNOWN_LABELS.slice(2)]]);
  });

  scenario("does not answer others", { chain: telemetry({ mode: "inbound" }) }, async (run) => {
    const result = await run.send({ path: "/" });
    expect(result).toReturnHeader(HEADER);
    expect(result).toReturnHeader(ID);
  });

  scenario("answers in the application's place", { chain: telemetry({ mode: "inbound" }) }, async (run) => {
    const result = await run.send({ path: "/", ...AS_WEB, headers: FROM_WEB, response: { headers: FROM_WEB } });
    expect(result).toReturnHeader(HEADER, OWN_HEADER);
    expect(result).toReturnHeader(ID, OWN.id);
  });

  scenario("does not believe a client of another namespace", { chain: telemetry({ mode: "inbound" }) }, async (run) => {
    const result = await run.send({
      path: "/",
      scheme: "https",
      source: { principal: "spiffe://cluster.local/ns/evil/sa/web" },
      headers: FROM_WEB,
    });
    expect(result).toSendHeader(HEADER);
    expect(await counted(run, source)).toEqual([[1, "unknown", "evil", ...UNKNOWN_LABELS.slice(2)]]);
    expect(await run.metrics()).toMatchObject({ "telemetry.peer_rejected": 1 });
  });

  for (const [title, how] of [
    ["in plain text", {}],
    ["over TLS without a certificate", { scheme: "https" }],
    ["whose certificate names no namespace", { scheme: "https", source: { principal: "spiffe://cluster.local/web" } }],
  ] as const) {
    scenario(`does not believe a client ${title}`, { chain: telemetry({ mode: "inbound" }) }, async (run) => {
      await run.send({ path: "/", ...how, headers: FROM_WEB });
      expect(await counted(run, source)).toEqual([[1, ...UNKNOWN_LABELS]]);
      expect(await run.metrics()).toMatchObject({ "telemetry.peer_rejected": 1 });
    });
  }

  scenario(
    "trust ALWAYS: believes everybody",
    { chain: telemetry({ mode: "inbound", peerMetadata: { trust: "ALWAYS" } }) },
    async (run) => {
      await run.send({ path: "/", headers: FROM_WEB });
      expect(await counted(run, source)).toEqual([[1, ...WEB_LABELS]]);
    },
  );

  scenario(
    "trust NEVER: believes nobody, and still takes the headers away and answers",
    { chain: telemetry({ mode: "inbound", peerMetadata: { trust: "NEVER" } }) },
    async (run) => {
      const result = await run.send({ path: "/", ...AS_WEB, headers: FROM_WEB });
      expect(result).toSendHeader(HEADER);
      expect(result).toReturnHeader(HEADER, OWN_HEADER);
      expect(await counted(run, source)).toEqual([[1, "unknown", "shop", ...UNKNOWN_LABELS.slice(2)]]);
    },
  );

  scenario(
    "exchange false: neither takes nor answers, and still takes the headers away",
    { chain: telemetry({ mode: "inbound", peerMetadata: { exchange: false, trust: "ALWAYS" } }) },
    async (run) => {
      const result = await run.send({ path: "/", ...AS_WEB, headers: FROM_WEB, response: { headers: FROM_WEB } });
      expect(result).toSendHeader(HEADER);
      expect(result).toSendHeader(ID);
      expect(result).toReturnHeader(HEADER);
      expect(result).toReturnHeader(ID);
      expect(await counted(run, source)).toEqual([[1, "unknown", "shop", ...UNKNOWN_LABELS.slice(2)]]);
    },
  );

  scenario(
    "a header that cannot be read says nothing, and every one of several goes",
    { chain: telemetry({ mode: "inbound", peerMetadata: { trust: "ALWAYS" } }) },
    async (run) => {
      const result = await run.send({
        path: "/",
        headers: [
          [HEADER, "%%%"],
          [HEADER, metadataHeader(WEB)],
          [ID, "a"],
          [ID, "b"],
        ],
      });
      expect(result).toSendHeader(HEADER);
      expect(result).toSendHeader(ID);
      expect(await counted(run, source)).toEqual([[1, ...UNKNOWN_LABELS]]);
      expect(await run.metrics()).toMatchObject({ "telemetry.peer_rejected": 1 });
    },
  );

  scenario(
    "what one request brought does not stay for the next",
    { chain: telemetry({ mode: "inbound", peerMetadata: { trust: "ALWAYS" } }) },
    async (run) => {
      await run.send({ path: "/", headers: FROM_WEB });
      const result = await run.send({ path: "/" });
      expect(result).toReturnHeader(HEADER);
      expect((await counted(run, source)).toSorted()).toEqual([
        [1, ...UNKNOWN_LABELS],
        [1, ...WEB_LABELS],
      ]);
    },
  );
});

for (const mode of ["outbound", "gateway"] as const) {
  describe(mode, () => {
    scenario(
      "says who asks, over whatever the client says, and the client does not see who answers",
      { chain: telemetry({ mode }) },
      async (run) => {
        const result = await run.send({ path: "/", headers: FROM_WEB, response: { headers: FROM_WEB } });
        expect(result).toSendHeader(HEADER, OWN_HEADER);
        expect(result).toSendHeader(ID, OWN.id);
        expect(result).toReturnHeader(HEADER);
        expect(result).toReturnHeader(ID);
        // The upstream is in plain text here: it proves nothing.
        expect(await counted(run, destination)).toEqual([[1, ...UNKNOWN_LABELS]]);
        expect(await run.metrics()).toMatchObject({ "telemetry.peer_rejected": 1 });
      },
    );

    scenario(
      "trust ALWAYS: believes the answer, and what the client says never",
      { chain: telemetry({ mode, peerMetadata: { trust: "ALWAYS" } }) },
      async (run) => {
        await run.send({ path: "/", headers: [[HEADER, metadataHeader({ WORKLOAD_NAME: "forged" })]], response: { headers: FROM_WEB } });
        expect(await counted(run, [...source, ...destination])).toEqual([
          [1, "reviews-v1", "default", "reviews", "v1", "reviews", "v1", "Kubernetes", ...WEB_LABELS],
        ]);
      },
    );

    scenario(
      "exchange false: says nothing, and takes away what both say",
      { chain: telemetry({ mode, peerMetadata: { exchange: false, trust: "ALWAYS" } }) },
      async (run) => {
        const result = await run.send({ path: "/", headers: FROM_WEB, response: { headers: FROM_WEB } });
        expect(result).toSendHeader(HEADER);
        expect(result).toSendHeader(ID);
        expect(result).toReturnHeader(HEADER);
        expect(await counted(run, destination)).toEqual([[1, ...UNKNOWN_LABELS]]);
      },
    );

    const external = { clusterMetadata: { upstream: { istio: { external: true } } } };
    scenario(
      "tells a cluster outside of the mesh nothing, and believes nothing that it says",
      { chain: telemetry({ mode, peerMetadata: { trust: "ALWAYS" } }, external) },
      async (run) => {
        const result = await run.send({ path: "/", headers: FROM_WEB, response: { headers: FROM_WEB } });
        expect(result).toSendHeader(HEADER);
        expect(result).toSendHeader(ID);
        expect(result).toReturnHeader(HEADER);
        expect(result).toReturnHeader(ID);
        expect(await counted(run, destination)).toEqual([[1, ...UNKNOWN_LABELS]]);
      },
    );

    scenario(
      "tells PassthroughCluster nothing",
      { chain: telemetry({ mode }, { routes: [{ match: { prefix: "/" }, cluster: "PassthroughCluster" }] }) },
      async (run) => {
        expect(await run.send({ path: "/", headers: FROM_WEB })).toSendHeader(HEADER);
      },
    );

    scenario(
      "without node metadata has nothing to say, and lets nobody else say it",
      { chain: telemetry({ mode }, { node: {} }) },
      async (run) => {
        const result = await run.send({ path: "/", headers: FROM_WEB });
        expect(result).toSendHeader(HEADER);
        expect(result).toSendHeader(ID);
      },
    );
  });
}
