import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Question } from "../testing/ask.ts";
import { EchoMesh, to, virtualService, type Workload } from "../testing/echo-mesh.ts";

/** A list of destinations, and how many of 200 requests each workload gets: a number, or a range. */
type Row = readonly [
  what: string,
  route: readonly object[],
  shares: Partial<Record<Workload, number | readonly [least: number, most: number]>>,
];

// Of 200 requests that are to go to one by half, fewer than 60 or more than 140 do in one run of a hundred million.
const HALF = [60, 140] as const;

const SHARES: readonly Row[] = [
  ["one, whatever its weight", [to("reviews/v2", { weight: 0 })], { "reviews-v2": 200 }],
  ["one of two, where the other's weight is 0", [to("reviews/v1", { weight: 0 }), to("reviews/v2", { weight: 1 })], { "reviews-v2": 200 }],
  ["two by half", [to("reviews/v1", { weight: 50 }), to("reviews/v2", { weight: 50 })], { "reviews-v1": HALF, "reviews-v2": HALF }],
  [
    "two by half, by weights that are not 100 together",
    [to("reviews/v1", { weight: 7 }), to("reviews/v2", { weight: 7 })],
    { "reviews-v1": HALF, "reviews-v2": HALF },
  ],
  // 20 are expected; fewer than 1 or more than 60 come in one run of a hundred million.
  [
    "nine to one",
    [to("reviews/v1", { weight: 90 }), to("reviews/v2", { weight: 10 })],
    { "reviews-v1": [140, 199], "reviews-v2": [1, 60] },
  ],
  [
    "three, of several services",
    [to("reviews/v1", { weight: 40 }), to("ratings:9080", { weight: 40 }), to("shadow/v2", { weight: 20 })],
    { "reviews-v1": [35, 130], "admin-v1": [35, 130], "shadow-v2": [8, 90] },
  ],
];

describe("a destination is", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    const one = (name: string, destination: string, more: object = {}) =>
      virtualService(name, [`${name}.test`], [{ route: [to(destination)] }], more);
    mesh = await EchoMesh.start({
      objects: [
        ...SHARES.map(([, route], index) => virtualService(`shares-${index}`, [`shares-${index}.test`], [{ route }])),
        one("short", "reviews/v1"),
        one("full", "reviews.default.svc.cluster.local/v1"),
        one("subset", "reviews/v2"),
        one("first-port", "ratings:80"),
        one("second-port", "ratings:9080"),
        one("same-port", "ratings"),
        one("undefined-subset", "reviews/v3"),
        one("empty-subset", "reviews/none"),
        one("empty-service", "nobody"),
        one("unknown-service", "unknown"),
        one("unknown-port", "ratings:1234"),
        one("other-namespace", "reviews", { namespace: "other" }),
        one("hidden-service", "hidden.test"),
        {
          apiVersion: "networking.istio.io/v1",
          kind: "ServiceEntry",
          metadata: { name: "hidden", namespace: "other" },
          spec: {
            hosts: ["hidden.test"],
            exportTo: ["."],
            ports: [{ number: 80, name: "http", protocol: "HTTP" }],
            resolution: "STATIC",
            endpoints: [{ address: "127.0.0.1" }],
          },
        },
        virtualService(
          "only-port",
          ["ratings"],
          [{ match: [{ uri: { prefix: "/reviews" } }], route: [to("reviews/v1")] }, { route: [to("ratings")] }],
        ),
      ],
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each(SHARES.map(([what, , shares], index) => [what, index, shares] as const))("%s", async (_what, index, shares) => {
    const counts: Record<string, number> = {};
    for (let left = 200; left > 0; left -= 20) {
      for (const { seen } of await Promise.all(Array.from({ length: 20 }, () => mesh.ask(`shares-${index}.test`)))) {
        const by = seen?.by ?? "nobody";
        counts[by] = (counts[by] ?? 0) + 1;
      }
    }
    expect(Object.keys(counts).toSorted()).toEqual(Object.keys(shares).toSorted());
    for (const [name, share] of Object.entries(shares)) {
      const [least, most] = typeof share === "number" ? [share, share] : share;
      expect(counts[name]).toBeGreaterThanOrEqual(least);
      expect(counts[name]).toBeLessThanOrEqual(most);
    }
  });

  test.each<readonly [what: string, host: string, by: Workload, question: Question]>([
    ["a service by its short name", "short.test", "reviews-v1", {}],
    ["a service by its full name", "full.test", "reviews-v1", {}],
    ["a subset", "subset.test", "reviews-v2", {}],
    ["a port of the service", "first-port.test", "ratings-v1", {}],
    ["another port of the service", "second-port.test", "admin-v1", {}],
    ["of several ports the one on which the request came", "same-port.test", "ratings-v1", {}],
    ["the same on another port", "ratings:9080", "admin-v1", {}],
    ["the only port of a service, whatever the request's", "ratings:9080", "reviews-v1", { path: "/reviews" }],
  ])("%s", async (_what, host, by, question) => {
    expect((await mesh.ask(host, question)).seen?.by).toBe(by);
  });

  test.each([
    ["an undefined subset: without a body", "undefined-subset.test", ""],
    ["an empty subset", "empty-subset.test", "no healthy upstream"],
    ["a service without workloads", "empty-service.test", "no healthy upstream"],
    ["a service that is not there: without a body", "unknown-service.test", ""],
    ["a port that is not there: without a body", "unknown-port.test", ""],
    ["a service that another namespace keeps to itself: without a body", "hidden-service.test", ""],
    ["a short name in another namespace, where it is another's", "other-namespace.test", ""],
  ])("503 for %s", async (_what, host, body) => {
    expect(await mesh.ask(host)).toMatchObject({ status: 503, body });
  });
});
