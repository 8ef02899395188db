import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RecordedRequest } from "../../../../harness/upstreams/index.ts";
import { EchoMesh, to, virtualService, type Workload } from "../testing/echo-mesh.ts";

const mirror = { host: "shadow", subset: "v1" };
const second = { host: "shadow", subset: "v2" };
const port = { host: "ratings", port: { number: 9080 } };

/** What a route says of mirrors, and how many of 100 requests each gets a copy of: a number, or a range. */
const ROWS: Readonly<Record<string, readonly [rule: object, copies: Partial<Record<Workload, number | readonly [number, number]>>]>> = {
  none: [{}, {}],
  all: [{ mirror }, { "shadow-v1": 100 }],
  "all-by-percentage": [{ mirror, mirrorPercentage: { value: 100 } }, { "shadow-v1": 100 }],
  "none-by-percentage": [{ mirror, mirrorPercentage: { value: 0 } }, {}],
  "none-by-empty-percentage": [{ mirror, mirrorPercentage: {} }, {}],
  "all-by-older-percentage": [{ mirror, mirrorPercent: 100 }, { "shadow-v1": 100 }],
  "none-by-older-percentage": [{ mirror, mirrorPercent: 0 }, {}],
  "newer-beats-older": [{ mirror, mirrorPercent: 100, mirrorPercentage: { value: 0 } }, {}],
  // Of 100 by half, fewer than 20 or more than 80 come in one run of a hundred million.
  half: [{ mirror, mirrorPercentage: { value: 50 } }, { "shadow-v1": [20, 80] }],
  port: [{ mirror: port }, { "admin-v1": 100 }],
  unknown: [{ mirror: { host: "unknown" } }, {}],
  several: [
    {
      mirrors: [
        { destination: mirror },
        { destination: second, percentage: { value: 50 } },
        { destination: port, percentage: { value: 0 } },
      ],
    },
    { "shadow-v1": 100, "shadow-v2": [20, 80] },
  ],
};

const SHADOWS: readonly Workload[] = ["shadow-v1", "shadow-v2", "ratings-v1", "admin-v1"];

describe("copies of requests", () => {
  let mesh: EchoMesh;
  let before: Readonly<Record<string, number>>;

  beforeAll(async () => {
    mesh = await EchoMesh.start({
      objects: [
        ...Object.entries(ROWS).map(([name, [rule]]) => virtualService(name, [`${name}.test`], [{ route: [to("reviews/v1")], ...rule }])),
        virtualService(
          "changed",
          ["changed.test"],
          [
            {
              match: [{ uri: { prefix: "/old" } }],
              rewrite: { uri: "/new", authority: "new.test" },
              headers: { request: { set: { "x-a": "route" } } },
              route: [to("reviews/v1")],
              mirror,
            },
          ],
        ),
      ],
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  const counts = () => Object.fromEntries(SHADOWS.map((name) => [name, mesh.upstream(name).requests.length]));
  beforeEach(() => {
    before = counts();
  });

  /** When Envoy has answered it has begun to copy; waits until all that it has begun is done. */
  const copied = () =>
    expect
      .poll(async () => Object.values((await mesh.proxy.envoy.admin.stats("^cluster.outbound.*upstream_rq_(pending_)?active$")).values))
      .toSatisfy((values: readonly number[]) => values.length > 0 && values.every((value) => value === 0));

  /** Copies that came since the test began. */
  const copies = () => Object.fromEntries(Object.entries(counts()).map(([name, count]) => [name, count - (before[name] ?? 0)]));

  test.each(Object.entries(ROWS))("%s", async (name, [, expected]) => {
    for (let left = 100; left > 0; left -= 20)
      for (const { seen } of await Promise.all(Array.from({ length: 20 }, () => mesh.ask(`${name}.test`))))
        expect(seen?.by).toBe("reviews-v1");
    await copied();
    for (const [shadow, count] of Object.entries(copies())) {
      const wanted = expected[shadow as Workload] ?? 0;
      const [least, most] = typeof wanted === "number" ? [wanted, wanted] : wanted;
      expect([shadow, count >= least && count <= most, count]).toEqual([shadow, true, count]);
    }
  });

  test("are of the request as it goes out, host included", async () => {
    await mesh.ask("changed.test", { method: "POST", path: "/old/a?b", headers: [["x-b", "client"]], body: "hello" });
    await copied();
    expect(copies()).toMatchObject({ "shadow-v1": 1 });
    const copy = mesh.upstream("shadow-v1").requests.at(-1) as RecordedRequest;
    expect({ ...copy, headers: copy.headers.filter(([name]) => /^x-[ab]$/.test(name)), body: copy.body.toString() }).toMatchObject({
      method: "POST",
      path: "/new/a?b",
      authority: "new.test",
      headers: expect.arrayContaining([
        ["x-a", "route"],
        ["x-b", "client"],
      ]) as unknown,
      body: "hello",
    });
  });
});
