import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EchoMesh, to, virtualService } from "../testing/echo-mesh.ts";

const at = (created: string, object: object): object => {
  const { metadata, ...rest } = object as { readonly metadata: object };
  return { ...rest, metadata: { ...metadata, creationTimestamp: created } };
};
const only = (name: string, hosts: readonly string[], destination: string, more: object = {}) =>
  virtualService(name, hosts, [{ route: [to(destination)] }], more);

describe("the hosts of a VirtualService in the mesh", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    mesh = await EchoMesh.start({
      objects: [
        only("service", ["reviews"], "reviews/v2"),
        only("no-service", ["unserved"], "reviews/v2"),
        only("capitals", ["Capitals.Test"], "reviews/v2"),
        only("wide", ["*.wild.test"], "reviews/v1"),
        only("narrow", ["*.a.wild.test"], "reviews/v2"),
        only("exact", ["b.a.wild.test"], "ratings:80"),
        only("several", ["one.test", "two.test"], "reviews/v2"),
        only("address", ["10.1.2.3"], "reviews/v2"),
        at(
          "2026-01-02T00:00:00Z",
          virtualService(
            "young",
            ["aged.test"],
            [{ match: [{ uri: { prefix: "/young" } }], route: [to("ratings:80")] }, { route: [to("reviews/v1")] }],
          ),
        ),
        at("2026-01-01T00:00:00Z", only("z-old", ["aged.test"], "reviews/v2")),
        at("2026-01-01T00:00:00Z", only("b", ["same-age.test"], "reviews/v1")),
        at("2026-01-01T00:00:00Z", only("a", ["same-age.test"], "reviews/v2")),
        virtualService("unmatched", ["unmatched.test"], [{ match: [{ uri: { prefix: "/a" } }], route: [to("reviews/v2")] }]),
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "istio", namespace: "istio-system" },
          data: { mesh: JSON.stringify({ outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } }) },
        },
      ],
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each([
    ["a service's short name", "reviews", "reviews-v2"],
    ["with its namespace", "reviews.default", "reviews-v2"],
    ["with its end", "reviews.default.svc", "reviews-v2"],
    ["its full name", "reviews.default.svc.cluster.local", "reviews-v2"],
    ["its full name with a dot", "reviews.default.svc.cluster.local.", "reviews-v2"],
    ["with a port", "reviews:80", "reviews-v2"],
    ["with any port", "reviews:1234", "reviews-v2"],
    ["in capitals", "REVIEWS.default.SVC.cluster.local", "reviews-v2"],
    ["the full name of a host that is no service", "unserved.default.svc.cluster.local", "reviews-v2"],
    ["its short name, which it has not", "unserved", 502],
    ["a host that was written in capitals", "capitals.test", "reviews-v2"],
    ["the same in capitals", "CAPITALS.test", "reviews-v2"],
    ["a host within a wildcard", "a.wild.test", "reviews-v1"],
    ["at any depth", "c.b.wild.test", "reviews-v1"],
    ["within the narrower wildcard", "c.a.wild.test", "reviews-v2"],
    ["a host that stands there itself", "b.a.wild.test", "ratings-v1"],
    ["the same in capitals and with a port", "B.A.wild.test:8080", "ratings-v1"],
    ["a wildcard without its first part", "wild.test", 502],
    ["the first of several", "one.test", "reviews-v2"],
    ["the second of several", "two.test", "reviews-v2"],
    ["an address", "10.1.2.3", "reviews-v2"],
    ["the oldest of two", "aged.test", "reviews-v2"],
    ["of two of one age the first by name", "same-age.test", "reviews-v2"],
    ["a host that nobody has", "nobody.test", 502],
  ])("%s: %s", async (_what, host, expected) => {
    const { status, seen } = await mesh.ask("reviews", { host });
    expect(seen?.by ?? status).toBe(expected);
  });

  test("nothing is merged of two objects", async () => {
    expect((await mesh.ask("aged.test", { path: "/young" })).seen?.by).toBe("reviews-v2");
  });

  test("a host without a route for a request answers 404, whatever others have", async () => {
    expect((await mesh.ask("unmatched.test", { path: "/a" })).seen?.by).toBe("reviews-v2");
    expect((await mesh.ask("unmatched.test", { path: "/b" })).status).toBe(404);
    expect((await mesh.ask("UNMATCHED.test", { path: "/b" })).status).toBe(404);
  });
});

describe("the hosts of a VirtualService on a gateway", () => {
  let mesh: EchoMesh;
  const gateways = ["edge"];

  beforeAll(async () => {
    mesh = await EchoMesh.start({
      nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local",
      metadata: { LABELS: { app: "ingress" } },
      objects: (port) => [
        {
          apiVersion: "networking.istio.io/v1",
          kind: "Gateway",
          metadata: { name: "edge" },
          spec: {
            selector: { app: "ingress" },
            servers: [{ port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*.shop.test", "exact.test"] }],
          },
        },
        at(
          "2026-01-01T00:00:00Z",
          virtualService(
            "old",
            ["merged.shop.test"],
            [{ match: [{ uri: { prefix: "/a" } }], route: [to("reviews/v1")] }, { route: [to("reviews/v2")] }],
            { gateways },
          ),
        ),
        at(
          "2026-01-02T00:00:00Z",
          virtualService(
            "young",
            ["merged.shop.test"],
            [
              { match: [{ uri: { prefix: "/a/b" } }], route: [to("shadow/v1")] },
              { match: [{ uri: { prefix: "/c" } }], route: [to("ratings:80")] },
              { route: [to("shadow/v2")] },
            ],
            { gateways },
          ),
        ),
        // Both have `*.shop.test` in common with the server, so they are merged there.
        at("2026-01-01T00:00:00Z", only("wide", ["*.shop.test"], "reviews/v1", { gateways })),
        virtualService("unmatched", ["unmatched.shop.test"], [{ match: [{ uri: { prefix: "/a" } }], route: [to("reviews/v2")] }], {
          gateways,
        }),
        at("2026-01-02T00:00:00Z", only("any", ["*"], "reviews/v2", { gateways })),
        only("beyond", ["beyond.test"], "reviews/v2", { gateways }),
      ],
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each([
    ["the older object's route comes first", "merged.shop.test", "/a/b", "reviews-v1"],
    ["then the younger one's", "merged.shop.test", "/c", "ratings-v1"],
    ["what takes everything comes last, the older one's first", "merged.shop.test", "/d", "reviews-v2"],
    ["in capitals and with a port", "MERGED.shop.test:8080", "/c", "ratings-v1"],
    ["within the wildcard of the server and of the object", "other.shop.test", "/", "reviews-v1"],
    ["a host of the server alone, by the object for all", "exact.test", "/", "reviews-v2"],
    ["a host that has no route for it, whatever wildcards have", "unmatched.shop.test", "/b", 404],
    ["the same in capitals", "UNMATCHED.shop.test", "/b", 404],
    ["a host that no server has", "beyond.test", "/", 404],
    ["a host that nobody has", "nobody.test", "/", 404],
  ])("%s: %s%s", async (_what, host, path, expected) => {
    const { status, seen } = await mesh.askGateway(host, { path });
    expect(seen?.by ?? status).toBe(expected);
  });
});
