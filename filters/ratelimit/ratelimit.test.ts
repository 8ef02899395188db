import { describe, expect, test } from "vitest";
import { HostError } from "../../harness/host/index.ts";
import type { SharedValue } from "../../harness/host/shared-data.ts";
import { clock, host, limit, limits, load, module, open, passing, plugin, refusal, send } from "./tester.mts";

// What needs a look inside: time, several workers, shared data that fails. What can be seen from outside is in ratelimit.scenarios.ts.

const metrics = () => host.metrics.values();

/** The shared data of the only VM id, and the pages of buckets in it. */
function shared(): Map<string, SharedValue> {
  const [values] = (host.sharedData as unknown as { byVmId: Map<string, Map<string, SharedValue>> }).byVmId.values();
  return values ?? new Map<string, SharedValue>();
}
const pages = () => [...shared()].filter(([key]) => key !== "ratelimit/seeds");

describe("time", () => {
  test("tokens come evenly, and a bucket holds no more than its size", () => {
    load(limits({ tokenBucket: { maxTokens: 3, tokensPerFill: 2, fillInterval: "1s" } }));
    expect(passing(5)).toBe(3);
    clock.advance(499);
    expect(passing(2)).toBe(0);
    clock.advance(1);
    expect(passing(2)).toBe(1);
    clock.advance(60_000);
    expect(passing(9)).toBe(3);
  });

  test("is not the wall clock's: a step of it neither gives nor takes tokens", () => {
    load(limits({}));
    expect(passing(2)).toBe(1);
    clock.setNow("2036-01-01T00:00:00Z");
    expect(passing(2)).toBe(0);
    clock.setNow("2016-01-01T00:00:00Z");
    clock.advance(3_600_000);
    expect(passing(2)).toBe(1);
  });

  test("who waits as long as Retry-After says passes, and nobody who comes a second earlier", () => {
    load(limits({ tokenBucket: { maxTokens: 1, tokensPerFill: 1, fillInterval: "7s" } }));
    expect(passing(1)).toBe(1);
    clock.advance(2_500);
    const wait = Number(refusal().headers["retry-after"]);
    expect(wait).toBe(5);
    clock.advance((wait - 1) * 1_000);
    expect(send()).toBe("ratelimit_limited[limit-0]");
    clock.advance(1_000);
    expect(send()).toBe("passed");
  });
});

test("how long to wait is said in seconds up to an hour, then in minutes", () => {
  load(limits({ tokenBucket: { maxTokens: 1, fillInterval: "2h" } }));
  send();
  const waits = [0, 1, 59_000, 999, 1, 3_540_000 - 1_000, 1_000, 3_599_000].map((milliseconds) => {
    clock.advance(milliseconds);
    return refusal().headers;
  });
  expect(waits.map((headers) => Number(headers["retry-after"]))).toEqual([7_200, 7_200, 7_200, 7_140, 7_140, 3_660, 3_600, 1]);
  for (const headers of waits) expect(headers["ratelimit"]).toBe(`"limit-0";r=0;t=${headers["retry-after"]}`);
});

describe("several limits", () => {
  test("a request that one refuses takes nothing of the others, in whichever order they stand", () => {
    const narrow = { name: "narrow", match: { uri: { exact: "/narrow" } } };
    const wide = { name: "wide", tokenBucket: { maxTokens: 3, fillInterval: "1h" } };
    for (const list of [
      [narrow, wide],
      [wide, narrow],
    ]) {
      load({ limits: list.map((fields, i) => limit({ ...fields, name: `${fields.name} ${list[0]?.name} ${i}` })) });
      expect(passing(10, { path: "/narrow" })).toBe(1);
      expect(passing(10)).toBe(2);
    }
  });

  test("the first that refuses is the one that is named", () => {
    load(limits({}, {}, {}));
    send();
    expect(send()).toBe("ratelimit_limited[limit-0]");
  });

  test("a limit of several blocks that match takes one token", () => {
    const match = [{ uri: { prefix: "/" } }, { method: { exact: "GET" } }, { headers: { "x-h": {} } }];
    load(limits({ match, tokenBucket: { maxTokens: 4, fillInterval: "1h" } }));
    const asked = {
      headers: [
        ["x-h", "a"],
        ["x-h", "a"],
      ],
    } as const;
    expect(passing(9, asked)).toBe(4);
  });

  test("a limit in shadow mode counts on its own, and only requests that pass the others", () => {
    load(limits({ shadowMode: true }, { tokenBucket: { maxTokens: 3, fillInterval: "1h" } }));
    expect(passing(9)).toBe(3);
    expect(metrics()).toMatchObject({ "ratelimit.ok": 3, "ratelimit.over_limit": 6, "ratelimit.shadow_over_limit": 2 });
  });
});

describe("workers", () => {
  test("share the buckets of an Envoy, and have their own of a worker", () => {
    load(limits({ scope: "ENVOY", descriptors: [{ path: true }] }));
    expect([send({ worker: 0 }), send({ worker: 1 })]).toEqual(["passed", "ratelimit_limited[limit-0]"]);
    expect([send({ worker: 1, path: "/a" }), send({ worker: 0, path: "/a" })]).toEqual(["passed", "ratelimit_limited[limit-0]"]);
    plugin.update(limits({ scope: "WORKER" }));
    expect([0, 1, 0, 1].map((worker) => send({ worker }))).toEqual([
      "passed",
      "passed",
      "ratelimit_limited[limit-0]",
      "ratelimit_limited[limit-0]",
    ]);
  });

  test("keep the buckets of an Envoy over a new configuration, whose settings then hold", () => {
    load(limits({}));
    expect(passing(2)).toBe(1);
    plugin.update(limits({ tokenBucket: { maxTokens: 1, fillInterval: "1s" } }));
    expect(passing(2)).toBe(0);
    clock.advance(1_000);
    expect(passing(2)).toBe(1);
  });

  /** Does `between` before the next write of a page, as another worker does between a look and a write. */
  function interrupt(between: () => void, times = 1): void {
    const set = host.sharedData.set.bind(host.sharedData);
    let left = times;
    host.sharedData.set = (...values) => {
      if (left > 0 && values[1].endsWith("\0\0\0\0")) {
        left--;
        between();
      }
      return set(...values);
    };
  }

  test("that write at the same time each take their own token", () => {
    load(limits({ tokenBucket: { maxTokens: 3, fillInterval: "1h" } }));
    const other: string[] = [];
    interrupt(() => other.push(send({ worker: 1 })));
    expect(send()).toBe("passed");
    expect(other).toEqual(["passed"]);
    expect(passing(3)).toBe(1);
  });

  test("that create a page at the same time lose nothing", () => {
    load(limits({ descriptors: [{ path: true }], maxDynamicDescriptors: 8 }));
    interrupt(() => expect(send({ worker: 1, path: "/b" })).toBe("passed"));
    expect(send({ path: "/a" })).toBe("passed");
    expect(["/a", "/b", "/c"].map((path) => send({ path }))).toEqual([
      "ratelimit_limited[limit-0]",
      "ratelimit_limited[limit-0]",
      "passed",
    ]);
  });

  test("where another took the last token, what was taken of the limits before is given back", () => {
    load({ limits: [limit({ name: "first" }, 2), limit({ name: "second", match: { method: { exact: "GET" } } })] });
    const second = host.sharedData.set.bind(host.sharedData);
    let done = false;
    host.sharedData.set = (...values) => {
      if (!done && values[1].includes("/second/")) {
        done = true;
        expect(send({ worker: 1 })).toBe("passed");
      }
      return second(...values);
    };
    expect(send()).toBe("ratelimit_limited[second]");
    // Two of the first: one for the other worker's request, one given back.
    expect(passing(3, { method: "PUT" })).toBe(1);
  });
});

describe("shared data that fails", () => {
  const break_ = () => (host.sharedData.set = () => 10);

  test("refuses, and counts an error", () => {
    load(limits({}));
    break_();
    expect(refusal()).toMatchObject({ status: 500, details: "ratelimit_shared_data_failed" });
    expect(metrics()).toMatchObject({ "ratelimit.error": 1, "ratelimit.ok": 0 });
  });

  test("lets pass where that is configured, by the other limits only", () => {
    load({ ...limits({}, { scope: "WORKER" }), failureModeDeny: false });
    break_();
    expect([send(), send()]).toEqual(["passed", "ratelimit_limited[limit-1]"]);
    expect(metrics()).toMatchObject({ "ratelimit.error": 1, "ratelimit.failure_mode_allowed": 1, "ratelimit.ok": 1 });
  });

  test("gives up where every write is overtaken", () => {
    load(limits({}));
    host.sharedData.set = () => 8;
    expect(refusal().details).toBe("ratelimit_shared_data_failed");
  });

  test("refuses a configuration that needs it", () => {
    const allowed = [
      "proxy_define_metric",
      "proxy_log",
      "proxy_get_buffer_bytes",
      "proxy_get_property",
      "proxy_on_configure",
      "proxy_on_vm_start",
    ];
    const restricted = (configuration: object) =>
      host.load({ name: "ratelimit", module, configuration, allowedCapabilities: [...allowed, "proxy_on_context_create"] });
    expect(() => restricted(limits({}))).toThrow(/limits\[0\]: this host gives no shared data/);
    expect(() => restricted(limits({ scope: "WORKER" }))).not.toThrow(HostError);
  });

  test("that holds something else is overwritten", () => {
    load(limits({ descriptors: [{ path: true }] }));
    send();
    for (const [key] of pages()) shared().set(key, { value: new Uint8Array(1_000), cas: 1_000_000 });
    expect([send(), send()]).toEqual(["passed", "ratelimit_limited[limit-0]"]);
  });
});

describe("eviction", () => {
  test.each(["ENVOY", "WORKER"])("of %s buckets: the one that is soonest full goes, and it is counted", (scope) => {
    const tokenBucket = { maxTokens: 100, fillInterval: "1h" };
    load(limits({ scope, descriptors: [{ header: "x-h" }], maxDynamicDescriptors: 8, tokenBucket }));
    const from = (value: string) => ({ headers: [["x-h", value]] as const });
    expect(passing(150, from("greedy"))).toBe(100);
    for (let i = 0; i < 7; i++) expect(passing(2, from(`user-${i}`))).toBe(2);
    expect(metrics()["ratelimit.evicted"] ?? 0).toBe(0);
    for (let i = 0; i < 1_000; i++) expect(passing(1, from(`attacker-${i}`))).toBe(1);
    expect(metrics()["ratelimit.evicted"]).toBe(1_000);
    expect(passing(1, from("greedy"))).toBe(0);
  });

  test.each(["ENVOY", "WORKER"])("of %s buckets loses nothing where they are full again", (scope) => {
    load(limits({ scope, descriptors: [{ header: "x-h" }], maxDynamicDescriptors: 8, tokenBucket: { maxTokens: 1, fillInterval: "1s" } }));
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 8; i++) expect(send({ headers: [["x-h", `${round} ${i}`]] })).toBe("passed");
      clock.advance(1_000);
    }
    expect(metrics()["ratelimit.evicted"] ?? 0).toBe(0);
  });

  test("keeps shared data bounded: keys of any number take as many pages as there are", () => {
    load(limits({ descriptors: [{ header: "x-h" }], maxDynamicDescriptors: 80 }));
    for (let i = 0; i < 2_000; i++) send({ headers: [["x-h", `${i}`]] });
    expect(pages().length).toBeLessThanOrEqual(10);
    for (const [, { value }] of pages()) expect(value.length).toBeLessThanOrEqual(8 * 24);
  });
});

describe("memory", () => {
  test("requests make no managed object: 60,000 of them leave memory as it was", () => {
    load({
      rateLimitHeaders: "ALWAYS",
      limits: [
        limit({ name: "a", descriptors: [{ header: "x-h" }, { sourceAddress: true }, { path: true }], scope: "WORKER" }, 3),
        limit({ name: "b", descriptors: [{ header: "x-h" }, { authority: true }, { claim: "sub" }] }, 2),
        limit({ name: "c", match: { uri: { prefix: "/a" } }, shadowMode: true }),
      ],
    });
    const run = (count: number) => {
      for (let i = 0; i < count; i++) {
        const stream = open({
          path: `/a//${i % 7}`,
          headers: [["x-h", `value ${i % 3_000}`]],
          authentication: '{"claims":{"sub":"ann"}}',
          worker: i & 1,
        });
        if (stream.state === "forwarded") stream.respond();
      }
    };
    run(2_000);
    const before = plugin.memorySize();
    run(60_000);
    expect(plugin.memorySize()).toBe(before);
  }, 60_000);
});
