import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Assembly, loadAssembly } from "../../testing/assembly.ts";

let assembly: Assembly;

beforeAll(async () => {
  assembly = await loadAssembly(join(import.meta.dirname, "testing.ts"));
});

const call = (name: string, ...values: ReadonlyArray<number | bigint>) => assembly.exports[name]?.(...values) as unknown as number | bigint;
const configure = (max: number, perFill: number, interval: number) => Number(call("configure", max, perFill, BigInt(interval))) === 1;
const wide = (name: string, ...values: readonly bigint[]) => BigInt.asUintN(64, call(name, ...values) as bigint);
const take = (fullAt: bigint, now: bigint) => wide("take", fullAt, now);

const MILLISECOND = 16_000_000n;

describe("settings", () => {
  test.each([
    [1, 1, 1, true],
    [1_000_000_000, 1_000, 1, true],
    [1, 1_001, 1, false],
    [1, 1, 4_000_000_000, true],
    [35, 1, 4_000_000_000, true],
    [40, 1, 4_000_000_000, false],
    [1_000_000_000, 4_000_000, 4_000_000_000, false],
    [0, 1, 1_000, false],
    [1, 0, 1_000, false],
    [1, 1, 0, false],
  ])("at most %d tokens, %d in %d ms: %s", (max, perFill, interval, taken) => {
    expect(configure(max, perFill, interval)).toBe(taken);
  });

  test("a token never comes sooner than configured, and at most a sixteenth of a nanosecond later", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 10_000_000 }), (perFill, interval) => {
        fc.pre(configure(1, perFill, interval));
        const late = wide("cost") * BigInt(perFill) - BigInt(interval) * MILLISECOND;
        expect(late >= 0n && late < BigInt(perFill)).toBe(true);
      }),
    );
  });
});

describe("one bucket", () => {
  test("gives what it holds at once, then one token each time that one has come", () => {
    configure(3, 1, 1_000);
    const start = 5_000n * MILLISECOND;
    let fullAt = 0n;
    for (let i = 0; i < 3; i++) {
      expect(Number(call("remaining", fullAt, start))).toBe(3 - i);
      fullAt = take(fullAt, start);
      expect(fullAt).not.toBe(0n);
    }
    expect(take(fullAt, start)).toBe(0n);
    expect(wide("wait", fullAt, start)).toBe(1_000n * MILLISECOND);
    expect(take(fullAt, start + 1_000n * MILLISECOND - 1n)).toBe(0n);
    const after = take(fullAt, start + 1_000n * MILLISECOND);
    expect(after).toBe(fullAt + 1_000n * MILLISECOND);
  });

  test("gets back a token less what came of it, so that it gives no more than if it had not been taken", () => {
    configure(3, 1, 1_000);
    const second = 1_000n * MILLISECOND;
    const start = 5n * second;
    expect(wide("giveBack", take(0n, start), 0n)).toBe(start);
    // Another is taken before the first comes back: the bucket is as full as if there had been the second only.
    const later = start + 20n;
    expect(wide("giveBack", take(take(0n, start), later), 20n)).toBe(take(0n, later));
    expect(wide("giveBack", start, 2n * second)).toBe(start);
    expect(wide("giveBack", 5n, 0n)).toBe(0n);
  });

  test("filled under other settings counts as empty, not as emptier", () => {
    configure(2, 1, 10);
    const now = 1_000n * MILLISECOND;
    expect(take(now + 10n ** 15n, now)).toBe(0n);
    expect(wide("wait", now + 10n ** 15n, now)).toBe(10n * MILLISECOND);
  });

  // The oracle keeps a fraction of tokens, as Envoy's settings are defined, in whole numbers of ticks.
  test("decides as a bucket of fractions does, and says what is left and how long to wait", () => {
    const steps = fc.array(fc.bigInt({ min: 0n, max: 4_000n * MILLISECOND }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 5_000 }), steps, (...run) => {
        const [max, perFill, interval, gaps] = run;
        fc.pre(configure(max, perFill, interval));
        const cost = wide("cost");
        let now = MILLISECOND;
        let fullAt = 0n;
        let held = BigInt(max) * cost;
        for (const gap of gaps) {
          now += gap;
          held = held + gap < BigInt(max) * cost ? held + gap : BigInt(max) * cost;
          expect(Number(call("remaining", fullAt, now))).toBe(Number(held / cost));
          expect(wide("wait", fullAt, now)).toBe(held >= cost ? 0n : cost - held);
          const after = take(fullAt, now);
          expect(after !== 0n).toBe(held >= cost);
          if (after === 0n) continue;
          held -= cost;
          fullAt = after;
        }
      }),
    );
  });

  test("gives in no period more than it holds and what comes meanwhile", () => {
    const times = fc.array(fc.bigInt({ min: 0n, max: 20_000n * MILLISECOND }), { minLength: 50, maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 5 }), times, (max, perFill, moments) => {
        fc.pre(configure(max, perFill, 1_000));
        const cost = wide("cost");
        let fullAt = 0n;
        const given: bigint[] = [];
        for (const now of moments.toSorted((a, b) => (a < b ? -1 : 1)).map((at) => at + MILLISECOND)) {
          const after = take(fullAt, now);
          if (after === 0n) continue;
          fullAt = after;
          given.push(now);
        }
        for (const [i, first] of given.entries()) {
          for (const [j, last] of given.entries()) {
            if (j >= i) expect(BigInt(j - i + 1)).toBeLessThanOrEqual(BigInt(max) + (last - first) / cost);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  test("numbers of any kind are decided, and only a token that was there is given", () => {
    const any = fc.bigInt({ min: 0n, max: 2n ** 63n });
    configure(7, 3, 1_234);
    fc.assert(
      fc.property(any, any, (fullAt, now) => {
        const after = take(fullAt, now);
        if (after !== 0n) expect(after - now <= wide("capacity") && after > now).toBe(true);
        expect(Number(call("remaining", fullAt, now))).toBeLessThanOrEqual(7);
      }),
    );
  });
});
