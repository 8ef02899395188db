import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Host, ManualClock, type FilterChain, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// What several hosts and several workers make of each other, in a clock that the test holds.

const MARK = "x-meshwright-ejection";
let module: string;
let host: Host;
let plugin: PluginHandle;
let chains: FilterChain[];

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 120_000);

function start(configuration: object, workers = 1): void {
  host = new Host({ clock: new ManualClock(), instances: { canary: false, mainThread: true, workers } });
  plugin = host.load({ name: "ejection", module, configuration });
  chains = host.workers.slice(1).map((worker) => host.chain([plugin], { worker }));
}

interface Attempt {
  readonly host?: number | string;
  readonly status?: number;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  /** Milliseconds until the headers. */
  readonly latency?: number;
  readonly worker?: number;
  readonly cluster?: string;
}

/**
 * One attempt at a host, in the upstream chain: its stream has no response code as long as no answer was taken. Returns whether the answer
 * is marked.
 */
function attempt({ host: name = 1, status = 200, headers = [], latency = 0, worker = 0, cluster = "c" }: Attempt = {}): boolean {
  const chain = chains[worker];
  if (chain === undefined) throw new Error(`no worker ${worker}`);
  const stream = chain.openStream();
  Object.assign(stream.info, { cluster, upstreamAddress: typeof name === "string" ? name : `10.0.0.${name}:80` });
  Object.defineProperty(stream.info, "responseCode", { get: () => undefined, set: () => {} });
  stream.sendHeaders([
    [":method", "GET"],
    [":path", "/"],
    [":scheme", "http"],
    [":authority", "a"],
  ]);
  if (latency > 0) host.advance(latency);
  stream.respond({ status, headers });
  return stream.response?.headers.some(([name]) => name === MARK) ?? false;
}

const marked = (attempts: readonly Attempt[]) => attempts.map(attempt);
const repeat = (times: number, one: Attempt) => Array.from({ length: times }, () => one);
const metric = (name: string) => host.metrics.values()[`ejection.${name}`] ?? 0;
const warnings = () => host.logs.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
/** Until the interval (1 s) is over, shared and evaluated. */
const evaluate = () => host.advance(1_500 - (Number(host.clock.monotonic() / 1_000_000n) % 1_000));

const FAST = { interval: "1s", baseEjectionTime: "10s", maxEjectionPercent: 100, consecutive5xxErrors: 0 };

describe("failures in a row", () => {
  test("are counted for each host", () => {
    start({ outlierDetection: { consecutive5xxErrors: 2 } });
    expect(
      marked([
        { host: 1, status: 500 },
        { host: 2, status: 500 },
        { host: 3 },
        { host: 1, status: 500 },
        { host: 2 },
        { host: 2, status: 500 },
      ]),
    ).toEqual([false, false, false, true, false, false]);
  });

  test("are counted for each cluster", () => {
    start({ outlierDetection: { consecutive5xxErrors: 2 } });
    expect(
      marked([
        { cluster: "a", status: 500 },
        { cluster: "b", status: 500 },
        { cluster: "a", status: 500 },
      ]),
    ).toEqual([false, false, true]);
  });

  test("are counted over all workers, and a good answer at any of them ends the row", () => {
    start({ outlierDetection: { consecutive5xxErrors: 4 } }, 2);
    const bad = (worker: number) => ({ worker, status: 500 });
    expect(marked([bad(0), bad(1), bad(0), { worker: 1 }, bad(0), bad(1), bad(1), bad(0)])).toEqual([...Array(7).fill(false), true]);
    expect(metric("marks")).toBe(1);
  });

  test("are counted the same behind more good answers than are looked at", () => {
    start({ outlierDetection: { consecutive5xxErrors: 3 } }, 2);
    const good = repeat(200, { worker: 1 });
    const bad = { worker: 0, status: 500 };
    marked([...repeat(200, {}), ...good]);
    expect(metric("suspects")).toBe(0);
    expect(marked([bad, bad])).toEqual([false, false]);
    expect(metric("suspects")).toBe(1);
    expect(marked([{ host: 2, worker: 1 }, { worker: 1 }])).toEqual([false, false]);
    expect(metric("suspects")).toBe(0);
    expect(marked([bad, bad, ...repeat(100, { host: 2, worker: 1 }), bad])).toEqual([...Array<boolean>(102).fill(false), true]);
    expect(metric("suspects")).toBe(0);
  });

  test("of a host that is gone are forgotten", () => {
    start({ outlierDetection: { ...FAST, consecutive5xxErrors: 3 } });
    marked([{ host: 7, status: 500 }, { host: 8 }]);
    expect(metric("suspects")).toBe(1);
    for (let second = 0; second < 70; second++) {
      attempt({ host: 8 });
      host.advance(1_000);
    }
    expect(metric("suspects")).toBe(0);
    expect(marked(repeat(3, { host: 7, status: 500 }))).toEqual([false, false, true]);
  });

  test("of a host that is out say nothing, until it may be back", () => {
    start({ outlierDetection: { ...FAST, consecutive5xxErrors: 1 } });
    expect(attempt({ status: 500 })).toBe(true);
    expect(marked(repeat(5, { status: 500 }))).toEqual(Array(5).fill(false));
    host.advance(10_000);
    expect(attempt({ status: 500 })).toBe(true);
  });

  test("of gateways are counted apart", () => {
    start({ outlierDetection: { consecutiveGatewayErrors: 2, consecutive5xxErrors: 4 } });
    expect(marked([{ status: 503 }, { status: 500 }, { status: 504 }, { status: 502 }])).toEqual([false, false, false, true]);
  });
});

describe("successRate", () => {
  const configuration = { outlierDetection: FAST, successRate: { minimumHosts: 5, requestVolume: 10 } };
  const load = (hosts: number, bad: readonly number[]) => {
    for (let h = 1; h <= hosts; h++)
      expect(marked(repeat(10, { host: h, status: bad.includes(h) ? 503 : 200, worker: h % 2 }))).not.toContain(true);
  };

  test("a host far below the others is out at its next answer, at whichever worker", () => {
    start(configuration, 2);
    load(6, [4]);
    evaluate();
    expect(attempt({ host: 3 })).toBe(false);
    expect(attempt({ host: 4, worker: 1 })).toBe(true);
    expect(attempt({ host: 4, worker: 0 })).toBe(false);
    expect(metric("marks")).toBe(1);
  });

  test.each([
    ["too few hosts", 4, [4]],
    ["all hosts bad", 6, [1, 2, 3, 4, 5, 6]],
    ["half of them bad", 6, [1, 2, 3]],
    ["none bad", 6, []],
  ])("%s: none is out", (_, hosts, bad) => {
    start(configuration, 2);
    load(hosts, bad);
    evaluate();
    expect(marked(Array.from({ length: hosts }, (__, h) => ({ host: h + 1 })))).not.toContain(true);
  });

  test("an interval of long ago says nothing", () => {
    start(configuration, 2);
    load(6, [4]);
    host.advance(200);
    // Nobody ticks for a while: the machine slept.
    const clock = host.clock as ManualClock;
    clock.advance(60_000);
    expect(metric("marks")).toBe(0);
  });
});

describe("failurePercentage", () => {
  const configuration = { outlierDetection: FAST, failurePercentage: { threshold: 50, minimumHosts: 1, requestVolume: 4 } };
  test.each([
    ["half of its answers failed", [500, 200, 500, 200], true],
    ["a quarter did", [500, 200, 200, 200], false],
    ["too few were there", [500, 500, 500], false],
  ])("%s", (_, statuses, expected) => {
    start(configuration);
    expect(marked(statuses.map((status) => ({ status })))).not.toContain(true);
    evaluate();
    expect(attempt()).toBe(expected);
  });
});

describe("latency", () => {
  const configuration = { outlierDetection: FAST, latency: { factor: 3, minimumHosts: 3, requestVolume: 2 } };
  const interval = (latencies: readonly number[]) => {
    for (const [h, latency] of latencies.entries()) marked(repeat(2, { host: h + 1, latency }));
    evaluate();
  };

  test("a host slower than three times the others' median is out", () => {
    start(configuration);
    interval([10, 12, 40, 11]);
    expect(marked([{ host: 1 }, { host: 2 }, { host: 3 }, { host: 4 }])).toEqual([false, false, true, false]);
  });

  test("the average moves: one slow interval after fast ones is not enough", () => {
    start(configuration);
    interval([10, 10, 10, 10]);
    interval([10, 10, 60, 10]);
    expect(attempt({ host: 3, latency: 60 })).toBe(false);
    interval([10, 10, 60, 10]);
    expect(attempt({ host: 3 })).toBe(true);
  });

  test("two hosts alone are too few", () => {
    start(configuration);
    interval([10, 90]);
    expect(marked([{ host: 1 }, { host: 2 }])).toEqual([false, false]);
  });
});

describe("a rule with a quantile", () => {
  const rules = [{ name: "slow", match: { latency: { aboveQuantile: 90 } }, consecutive: 2 }];

  test("compares with the answers of all hosts at all workers in the interval before", () => {
    start({ outlierDetection: FAST, rules }, 2);
    const slow = { host: 2, latency: 30 };
    // Nothing is known yet.
    expect(marked(repeat(3, slow))).toEqual([false, false, false]);
    evaluate();
    for (let i = 0; i < 40; i++) attempt({ host: 1, latency: 10, worker: i % 2 });
    evaluate();
    expect(marked([slow, { host: 1, latency: 10 }, { ...slow, worker: 1 }])).toEqual([false, false, true]);
  });
});

describe("a percentage that lets no host be ejected", () => {
  test.each([
    [10, 3, "maxEjectionPercent 10 lets none of the 3 hosts of cluster c be ejected: 34 lets one"],
    [33, 3, "maxEjectionPercent 33 lets none of the 3 hosts of cluster c be ejected: 34 lets one"],
    [99, 1, "maxEjectionPercent 99 lets none of the 1 hosts of cluster c be ejected: 100 lets one"],
    [0, 2, "maxEjectionPercent 0 lets none of the 2 hosts of cluster c be ejected: 50 lets one"],
  ])("%d per cent of %d hosts is a warning, once", (percent, hosts, message) => {
    start({ outlierDetection: { ...FAST, consecutive5xxErrors: 5, maxEjectionPercent: percent } }, 2);
    for (let round = 0; round < 3; round++) {
      marked(Array.from({ length: hosts }, (_, h) => ({ host: h + 1, worker: h % 2 })));
      evaluate();
    }
    expect(warnings()).toEqual([`ejection: ${message}`]);
  });

  test.each([
    [34, 3],
    [10, 10],
    [100, 1],
  ])("%d per cent of %d is none", (percent, hosts) => {
    start({ outlierDetection: { ...FAST, consecutive5xxErrors: 5, maxEjectionPercent: percent } });
    marked(Array.from({ length: hosts }, (_, h) => ({ host: h + 1 })));
    evaluate();
    expect(warnings()).toEqual([]);
  });
});

describe("by health checks", () => {
  const health = (configuration: object) => ({
    ejectBy: "healthCheck",
    outlierDetection: { interval: "1s", baseEjectionTime: "10s", consecutive5xxErrors: 1, ...configuration },
  });
  const out = (attempts: readonly Attempt[]) => {
    const before = metric("marks");
    for (const one of attempts) attempt(one);
    return metric("marks") - before;
  };
  const all = (count: number, status = 200) => Array.from({ length: count }, (_, h) => ({ host: h + 1, status }));

  beforeEach(() => {
    start(health({ maxEjectionPercent: 50 }), 2);
  });

  test("maxEjectionPercent holds where all hosts fail", () => {
    out(all(4));
    evaluate();
    expect(out(all(4, 500))).toBe(2);
    expect(metric("overflow")).toBe(2);
    host.advance(10_000);
    expect(out(all(4, 500))).toBe(2);
  });

  test("minHealthPercent holds", () => {
    start(health({ maxEjectionPercent: 100, minHealthPercent: 75 }));
    out(all(4));
    evaluate();
    expect(out(all(4, 500))).toBe(1);
  });

  test("before hosts were counted, those that came count", () => {
    expect(out([{ host: 1, status: 500 }])).toBe(0);
  });
});
