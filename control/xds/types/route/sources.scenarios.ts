import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { YamlProxy } from "../testing/yaml-view.ts";
import { EchoMesh, to, virtualService } from "../testing/echo-mesh.ts";

const sidecar = (namespace: string, labels: Readonly<Record<string, string>> = {}): YamlProxy => ({
  nodeId: `sidecar~10.0.0.1~client-1.${namespace}~${namespace}.svc.cluster.local`,
  metadata: { LABELS: labels },
});
const GATEWAY: YamlProxy = {
  nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local",
  metadata: { LABELS: { app: "ingress", tier: "edge" } },
};

/** One route for those that a match names, one for the rest. */
const split = (match: object) => [{ match: [match], route: [to("reviews/v2")] }, { route: [to("reviews/v1")] }];

/** Whose requests each host's match takes: by the proxies below, in their order. */
const PROXIES = [sidecar("default"), sidecar("default", { app: "web", version: "v1" }), sidecar("other", { app: "web" }), GATEWAY];
const BOTH = ["mesh", "edge"];
const HOSTS: Readonly<Record<string, readonly [http: unknown, gateways: readonly string[], takes: readonly (string | undefined)[]]>> = {
  labels: [split({ sourceLabels: { app: "web" } }), BOTH, ["v1", "v2", "v2", "v1"]],
  "several-labels": [split({ sourceLabels: { app: "web", version: "v1" } }), BOTH, ["v1", "v2", "v1", "v1"]],
  "gateway-labels": [split({ sourceLabels: { tier: "edge" } }), BOTH, ["v1", "v1", "v1", "v2"]],
  namespace: [split({ sourceNamespace: "other" }), BOTH, ["v1", "v1", "v2", "v1"]],
  "namespace-and-labels": [split({ sourceNamespace: "default", sourceLabels: { app: "web" } }), BOTH, ["v1", "v2", "v1", "v1"]],
  "mesh-alone": [split({ gateways: ["mesh"] }), BOTH, ["v2", "v2", "v2", "v1"]],
  "gateway-alone": [split({ gateways: ["edge"] }), BOTH, ["v1", "v1", "v1", "v2"]],
  "gateway-in-full": [split({ gateways: ["default/edge"] }), BOTH, ["v1", "v1", "v1", "v2"]],
  "gateway-list-empty": [split({ gateways: [] }), BOTH, ["v2", "v2", "v2", "v2"]],
  // "The gateway match is independent of sourceLabels" (HTTPMatchRequest.gateways).
  "gateways-beat-labels": [
    split({ gateways: ["mesh"], sourceLabels: { app: "web" }, sourceNamespace: "other" }),
    BOTH,
    ["v2", "v2", "v2", "v1"],
  ],
  "one-of-several": [
    [
      { match: [{ sourceLabels: { app: "none" } }, { sourceNamespace: "other" }], route: [to("reviews/v2")] },
      { route: [to("reviews/v1")] },
    ],
    BOTH,
    ["v1", "v1", "v2", "v1"],
  ],
  "bound-to-mesh": [split({ uri: { prefix: "/" } }), ["mesh"], ["v2", "v2", "v2", undefined]],
  "bound-to-gateway": [split({ uri: { prefix: "/" } }), ["edge"], [undefined, undefined, undefined, "v2"]],
  // A match binds an object to nothing that `gateways` of the object does not name.
  "match-beyond-binding": [split({ gateways: ["edge"] }), ["mesh"], ["v1", "v1", "v1", undefined]],
};

const OBJECTS = (port: number) => [
  {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name: "edge" },
    spec: { selector: { app: "ingress" }, servers: [{ port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*.test"] }] },
  },
  ...Object.entries(HOSTS).map(([name, [http, gateways]]) => virtualService(name, [`${name}.test`], http, { gateways })),
  virtualService("gateway-port", ["gateway-port.test"], split({ port }), { gateways: ["edge"] }),
  virtualService("other-port", ["other-port.test"], split({ port: 80 }), { gateways: ["edge"] }),
  virtualService("private", ["private.test"], [{ route: [to("reviews/v2")] }], { exportTo: ["."] }),
  virtualService("for-other", ["for-other.test"], [{ route: [to("reviews/v2")] }], { exportTo: ["other"] }),
  virtualService("for-all", ["for-all.test"], [{ route: [to("reviews/v2")] }], { exportTo: ["*"] }),
];

describe("who asks", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    mesh = await EchoMesh.start({ objects: OBJECTS, ...sidecar("default") });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each(PROXIES.map((proxy, index) => [proxy.nodeId, index, proxy] as const))(
    "%s (%i) gets the routes that are for it",
    async (_id, index, proxy) => {
      await mesh.update(proxy);
      const told = await Promise.all(
        Object.keys(HOSTS).map(async (name) => {
          const { seen } = proxy === GATEWAY ? await mesh.askGateway(`${name}.test`) : await mesh.ask(`${name}.test`);
          return [name, seen?.by.replace("reviews-", "")];
        }),
      );
      expect(told).toEqual(Object.entries(HOSTS).map(([name, [, , takes]]) => [name, takes[index]]));
    },
  );

  test("the port is that of the gateway's listener", async () => {
    await mesh.update(GATEWAY);
    expect((await mesh.askGateway("gateway-port.test")).seen?.by).toBe("reviews-v2");
    expect((await mesh.askGateway("other-port.test")).seen?.by).toBe("reviews-v1");
  });

  test("exportTo names the namespaces in which an object holds", async () => {
    const seen = async () =>
      Promise.all(["private", "for-other", "for-all"].map(async (name) => (await mesh.ask(`${name}.test`)).seen?.by));
    await mesh.update(sidecar("default"));
    expect(await seen()).toEqual(["reviews-v2", undefined, "reviews-v2"]);
    await mesh.update(sidecar("other"));
    expect(await seen()).toEqual([undefined, "reviews-v2", "reviews-v2"]);
  });
});
