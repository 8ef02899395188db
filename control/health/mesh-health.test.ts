import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HostGroup } from "../model/index.ts";
import { type HealthReport, MeshHealth } from "./index.ts";
import { mayBeOut } from "./limits.ts";

const CLUSTER = "outbound|80||reviews.default.svc.cluster.local";
const SERVICE = "reviews.default.svc.cluster.local";
const LIMITS = {
  requests: 5,
  interval: 1_000,
  baseEjectionTime: 30_000,
  maxEjectionPercent: 50,
  minHealthPercent: 0,
  returnTime: 30_000,
} as const;
const INTERVAL = 1_000;

/** A mesh with one service, whose clock is the test's. */
class Bench {
  time = 1_000_000;
  group: HostGroup | undefined;
  health: MeshHealth;
  private readonly totals = new Map<string, { good: number; failed: number; ejections: number }>();

  constructor(hosts: number, limits: Partial<typeof LIMITS> | Partial<Record<keyof typeof LIMITS, number>> = {}, callers = 3) {
    this.group = {
      hosts: Array.from({ length: hosts }, (_, i) => ({ address: address(i), healthy: true })),
      limits: { ...LIMITS, ...limits },
    };
    this.health = this.start(callers);
  }

  start(callers = 3): MeshHealth {
    return (this.health = new MeshHealth({
      interval: INTERVAL,
      callers,
      now: () => this.time,
      group: (service, port) => (service === SERVICE && port === 80 ? this.group : undefined),
      marks: this.health?.remembered() ?? [],
    }));
  }

  /** Every caller reports this for every host: `[good, failed]` by caller and host. */
  round(outcomes: readonly (readonly (readonly [number, number])[])[], more: Partial<HealthReport> = {}): void {
    for (const [caller, hosts] of outcomes.entries()) {
      const report = hosts.map(([good, failed], host) => {
        const key = `${caller} ${host}`;
        const before = this.totals.get(key) ?? { good: 0, failed: 0, ejections: 0 };
        const now = { ...before, good: before.good + good, failed: before.failed + failed };
        this.totals.set(key, now);
        return { cluster: CLUSTER, address: address(host), ...now };
      });
      this.health.report(`caller-${caller}`, { node: `caller-${caller}`, time: this.time, hosts: report, ...more });
    }
  }

  /** Rounds of the same, with as much time between them as between reports. */
  rounds(count: number, outcomes: readonly (readonly (readonly [number, number])[])[]) {
    return Array.from({ length: count }, () => {
      this.time += INTERVAL;
      this.round(outcomes);
      return this.health.evaluate();
    }).flat();
  }

  pass(milliseconds: number) {
    this.time += milliseconds;
    return this.health.evaluate();
  }

  out(): readonly string[] {
    return (this.health.marks().get(SERVICE) ?? []).filter(({ share }) => share === 0).map((mark) => mark.address);
  }

  share(host: number): number {
    return (this.health.marks().get(SERVICE) ?? []).find((mark) => mark.address === address(host))?.share ?? 100;
  }
}

const address = (host: number): string => `10.0.0.${host + 1}:8080`;
const good = [10, 0] as const;
const bad = [0, 10] as const;

describe("who is out for all", () => {
  test("three of five callers find a host bad", () => {
    const bench = new Bench(4);
    const decisions = bench.rounds(5, [
      [bad, good, good, good],
      [bad, good, good, good],
      [bad, good, good, good],
      [good, good, good, good],
      [good, good, good, good],
    ]);
    expect(bench.out()).toEqual([address(0)]);
    expect(decisions).toMatchObject([
      {
        decision: "ejected",
        address: address(0),
        reason: "3 of 5 callers find it bad",
        times: 1,
        evidence: { bad: 3, good: 2, silent: 0 },
      },
    ]);
    expect(decisions[0]?.evidence?.callers.map(({ caller }) => caller)).toEqual(["caller-0", "caller-1", "caller-2"]);
  });

  test("one of five, and two of five, change nothing for others", () => {
    const bench = new Bench(4);
    const well = [good, good, good, good];
    expect(bench.rounds(10, [[bad, good, good, good], [bad, good, good, good], well, well, well])).toEqual([]);
    expect(bench.out()).toEqual([]);
    expect(bench.health.hosts()).toMatchObject([{ address: address(0), state: "watched", share: 100, evidence: { bad: 2, good: 3 } }]);
  });

  test("callers with too few requests say nothing", () => {
    const bench = new Bench(2);
    const few = [
      [1, 0],
      [0, 1],
    ] as const;
    expect(bench.rounds(4, [few, few, few, few])).toEqual([]);
  });

  test("half of the callers are no majority", () => {
    const bench = new Bench(4);
    const sick = [bad, good, good, good];
    const well = [good, good, good, good];
    expect(bench.rounds(8, [sick, sick, sick, well, well, well])).toEqual([]);
  });

  test("the first reports say nothing: their totals may be from long ago", () => {
    const bench = new Bench(4);
    bench.pass(10 * INTERVAL);
    const sick = [[0, 1_000], good, good, good] as const;
    bench.round([sick, sick, sick]);
    expect(bench.health.evaluate()).toEqual([]);
    expect(bench.health.hosts()).toEqual([]);
  });

  test("a service without outlier detection is left alone, and nothing of it is kept", () => {
    const bench = new Bench(4);
    bench.group = { hosts: bench.group?.hosts ?? [], limits: undefined };
    const sick = [bad, good, good, good];
    expect(bench.rounds(6, [sick, sick, sick])).toEqual([]);
    expect(bench.health.size.observations).toBe(0);
    bench.group = { hosts: bench.group.hosts, limits: LIMITS };
    bench.health.loads("a", [{ cluster: CLUSTER, address: address(0), good: 0, failed: 7 }]);
    expect(bench.health.size.observations).toBe(1);
    bench.group = { hosts: bench.group.hosts, limits: undefined };
    bench.health.evaluate();
    expect(bench.health.size.observations).toBe(0);
  });

  test("an own ejection of a caller's filter is a verdict, whatever its number of requests", () => {
    const bench = new Bench(4);
    const tell = (ejections: number) => {
      bench.time += INTERVAL;
      for (const id of ["a", "b", "c"])
        bench.health.report(id, {
          node: id,
          time: bench.time,
          hosts: [{ cluster: CLUSTER, address: address(1), good: 2, failed: ejections, ejections }],
        });
      return bench.health.evaluate();
    };
    for (let i = 0; i < 4; i++) expect(tell(0)).toEqual([]);
    expect(tell(1)).toMatchObject([{ decision: "ejected", address: address(1) }]);
  });

  test("load reports are evidence without any filter", () => {
    const bench = new Bench(4);
    bench.pass(3 * INTERVAL);
    for (const id of ["a", "b", "c"]) bench.health.loads(id, [{ cluster: CLUSTER, address: address(2), good: 0, failed: 7 }]);
    expect(bench.health.evaluate()).toMatchObject([{ decision: "ejected", address: address(2), evidence: { bad: 3 } }]);
  });

  test("subsets have hosts in common", () => {
    const bench = new Bench(4);
    bench.pass(3 * INTERVAL);
    for (const [index, subset] of ["", "v1", "v2"].entries())
      bench.health.loads(`c${index}`, [{ cluster: CLUSTER.replace("||", `|${subset}|`), address: address(2), good: 0, failed: 7 }]);
    expect(bench.health.evaluate()).toMatchObject([{ decision: "ejected", address: address(2) }]);
  });
});

describe("limits", () => {
  test("all hosts bad: maxEjectionPercent holds, and who else would be out is told once", () => {
    const bench = new Bench(4);
    const sick = [bad, bad, bad, bad];
    const decisions = bench.rounds(8, [sick, sick, sick]);
    expect(bench.out()).toHaveLength(2);
    expect(decisions.map(({ decision }) => decision).sort()).toEqual(["ejected", "ejected", "held", "held"]);
    expect(decisions.find(({ decision }) => decision === "held")?.reason).toContain("no more than 2 of 4 hosts may be out");
  });

  test("minHealthPercent holds, and of hosts that all may be out one is left", () => {
    const sick = [bad, bad, bad, bad];
    for (const [limits, most] of [
      [{ maxEjectionPercent: 100, minHealthPercent: 75 }, 1],
      [{ maxEjectionPercent: 100 }, 3],
      [{ maxEjectionPercent: 10 }, 0],
    ] as const) {
      const bench = new Bench(4, limits);
      bench.rounds(8, [sick, sick, sick]);
      expect(bench.out()).toHaveLength(most);
    }
  });

  test("hosts that are out come back where fewer may be out", () => {
    const bench = new Bench(4);
    const sick = [bad, bad, good, good];
    bench.rounds(5, [sick, sick, sick]);
    expect(bench.out()).toHaveLength(2);
    bench.group = { hosts: bench.group?.hosts.slice(0, 2) ?? [], limits: LIMITS };
    expect(bench.health.evaluate()).toMatchObject([{ decision: "returning", reason: "no more than 1 hosts may be out now" }]);
    expect(bench.out()).toHaveLength(1);
  });

  test("with the host, or the rule, its mark goes", () => {
    const bench = new Bench(4);
    const sick = [bad, good, good, good];
    bench.rounds(5, [sick, sick, sick]);
    bench.group = { hosts: bench.group?.hosts.slice(1) ?? [], limits: LIMITS };
    expect(bench.health.evaluate()).toMatchObject([{ decision: "released", reason: "the mesh does not know the host any more" }]);
    expect(bench.health.remembered()).toEqual([]);
  });
});

describe("coming back", () => {
  test("by steps; and when all is well for long, it is forgotten", () => {
    const bench = new Bench(4);
    const sick = [bad, good, good, good];
    bench.rounds(3, [sick, sick, sick]);
    expect(bench.share(0)).toBe(0);
    bench.pass(29_999);
    expect(bench.pass(1)).toMatchObject([{ decision: "returning", times: 1 }]);
    expect(bench.share(0)).toBe(10);
    bench.pass(10_000);
    expect(bench.share(0)).toBe(30);
    bench.pass(10_000);
    expect(bench.share(0)).toBe(60);
    expect(bench.pass(10_000)).toMatchObject([{ decision: "returned" }]);
    expect(bench.share(0)).toBe(100);
    expect(bench.health.remembered()).toMatchObject([{ state: "back", times: 1 }]);
    bench.pass(LIMITS.interval);
    expect(bench.health.remembered()).toEqual([]);
  });

  test("a host that flaps is out for longer each time, five minutes at the most", () => {
    const bench = new Bench(4, { interval: 10_000 });
    const sick = [bad, good, good, good];
    const well = [good, good, good, good];
    const times: number[] = [];
    for (let i = 0; i < 14; i++) {
      for (let round = 0; bench.out().length === 0 && round < 20; round++) bench.rounds(1, [sick, sick, sick]);
      const [mark] = bench.health.remembered();
      times.push((mark?.until ?? 0) - (mark?.since ?? 0));
      while (bench.out().length > 0) bench.rounds(1, [well, well, well]);
      bench.rounds(2, [well, well, well]);
    }
    expect(times.slice(0, 3)).toEqual([30_000, 60_000, 90_000]);
    expect(Math.max(...times)).toBe(300_000);
  });

  test("what was seen before it was out does not put it out again", () => {
    const bench = new Bench(4, { baseEjectionTime: 100 });
    const sick = [bad, good, good, good];
    bench.rounds(3, [sick, sick, sick]);
    expect(bench.pass(150)).toMatchObject([{ decision: "returning" }]);
    expect(bench.pass(10)).toEqual([]);
  });
});

describe("reports that are not to be believed", () => {
  test("a liar has one word, however loud", () => {
    const bench = new Bench(4);
    const well = [good, good, good, good];
    const lie = [
      [0, 1_000_000_000],
      [0, 1_000_000_000],
      [0, 1_000_000_000],
      [0, 1_000_000_000],
    ] as const;
    expect(bench.rounds(10, [lie, well, well])).toEqual([]);
  });

  test("repeated, late and too frequent ones change nothing", () => {
    const bench = new Bench(4);
    const report = (time: number, failed: number) =>
      bench.health.report("a", { node: "a", time, hosts: [{ cluster: CLUSTER, address: address(0), good: 0, failed, ejections: 0 }] });
    expect(report(5_000, 10)).toBe("taken");
    bench.time += INTERVAL;
    expect(report(6_000, 20)).toBe("taken");
    expect(report(7_000, 30)).toBe("early");
    bench.time += INTERVAL;
    expect(report(6_000, 20)).toBe("late");
    expect(report(5_500, 500)).toBe("late");
    expect(bench.health.hosts()).toMatchObject([{ evidence: { bad: 1, callers: [{ filter: { failed: 10 } }] } }]);
    // A clock that was set back is believed after a while.
    bench.time += 3 * INTERVAL;
    expect(report(100, 40)).toBe("taken");
  });

  test("who leaves has no word any more", () => {
    const bench = new Bench(4);
    bench.pass(3 * INTERVAL);
    for (let i = 0; i < 50; i++) {
      bench.health.loads(`sybil-${i}`, [{ cluster: CLUSTER, address: address(0), good: 0, failed: 100 }]);
      bench.health.forget(`sybil-${i}`);
    }
    expect(bench.health.evaluate()).toEqual([]);
    bench.pass(10 * INTERVAL);
    expect(bench.health.size).toEqual({ callers: 0, observations: 0 });
  });

  test("hosts and clusters that the mesh does not know take no memory", () => {
    const bench = new Bench(4);
    for (let round = 0; round < 3; round++) {
      bench.time += INTERVAL;
      bench.health.report("a", {
        node: "a",
        time: bench.time,
        hosts: Array.from({ length: 4_096 }, (_, i) => ({
          cluster: i % 2 === 0 ? CLUSTER : `outbound|80||stranger-${i}`,
          address: `192.0.2.1:${i}`,
          good: 0,
          failed: round * 10,
          ejections: round,
        })),
      });
    }
    expect(bench.health.size.observations).toBe(0);
  });
});

test("after a restart nobody is out by mistake, and who was out stays so", () => {
  const bench = new Bench(4);
  const sick = [bad, good, good, good];
  bench.rounds(4, [sick, sick, sick]);
  expect(bench.out()).toEqual([address(0)]);
  bench.start();
  expect(bench.out()).toEqual([address(0)]);
  expect(bench.health.out()).toMatchObject([{ address: address(0), state: "out", share: 0, reason: "3 of 3 callers find it bad" }]);
  const other = [good, bad, good, good];
  expect(bench.rounds(2, [other, other, other])).toEqual([]);
  expect(bench.out()).toEqual([address(0)]);
  expect(bench.rounds(2, [other, other, other])).toMatchObject([{ decision: "ejected", address: address(1) }]);
});

test("fewer than two callers are no quorum at all", () => {
  expect(() => new Bench(3, {}, 1)).toThrow("two callers at the least");
});

describe("whatever is reported", () => {
  const outcome = fc.constantFrom([10, 0] as const, [0, 10] as const, [3, 3] as const, [0, 1] as const, [0, 0] as const);

  test("no more hosts are out than may be, and one caller decides nothing", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 100 }),
        fc.array(fc.array(fc.array(outcome, { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 5 }), {
          minLength: 1,
          maxLength: 12,
        }),
        (hosts, maxEjectionPercent, minHealthPercent, rounds) => {
          const bench = new Bench(hosts, { maxEjectionPercent, minHealthPercent, baseEjectionTime: 3_000, returnTime: 2_000 });
          bench.pass(3 * INTERVAL);
          for (const round of rounds) {
            const callers = round.length;
            const before = bench.out();
            const decisions = bench.rounds(
              1,
              round.map((each) => each.slice(0, hosts)),
            );
            const most = Math.floor((hosts * maxEjectionPercent) / 100);
            expect(bench.out().length).toBeLessThanOrEqual(most);
            if (bench.out().length > 0)
              expect(hosts - bench.out().length).toBeGreaterThanOrEqual(Math.max(1, (hosts * minHealthPercent) / 100));
            for (const { decision, evidence, address: host } of decisions) {
              if (decision !== "ejected") continue;
              expect(evidence?.bad).toBeGreaterThanOrEqual(3);
              expect(evidence?.bad).toBeGreaterThan(evidence?.good ?? 0);
              expect(before).not.toContain(host);
            }
            expect(callers).toBeGreaterThan(0);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("limits: healthy hosts alone count as those that are left", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 20 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 100 }),
        (healthy, maxEjectionPercent, minHealthPercent) => {
          const hosts = healthy.map((each, index) => ({ address: address(index), healthy: each }));
          const most = mayBeOut(hosts, { maxEjectionPercent, minHealthPercent });
          expect(most).toBeLessThanOrEqual((hosts.length * maxEjectionPercent) / 100);
          const left = healthy.filter(Boolean).length - most;
          if (most > 0) expect(left).toBeGreaterThanOrEqual(Math.max(1, (hosts.length * minHealthPercent) / 100));
        },
      ),
    );
  });
});
