import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { Host, ManualClock } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

/** Requests for each percentage. A soak asks for ten million. */
const DRAWS = Number(process.env["MESHWRIGHT_FAULT_DRAWS"] ?? 100_000);
const LEVEL = 0.999;
/** A request takes a few microseconds, many times that on a machine with more to do. */
const TIMEOUT = 60_000 + DRAWS / 10;

let module: string;

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 180_000);

/**
 * The numbers of successes that `draws` of probability `p` stay within with the probability {@link LEVEL}, half of what is left on each side: exact, by
 * the ratio of each term of the binomial distribution to the one before, from the greatest outwards.
 */
function interval(draws: number, p: number): readonly [least: number, most: number] {
  const mode = Math.floor((draws + 1) * p);
  const up = (k: number) => (((draws - k) / (k + 1)) * p) / (1 - p);
  const above = [1];
  const below: number[] = [];
  for (let k = mode, term = 1; k < draws && term > 1e-18; k++) above.push((term *= up(k)));
  for (let k = mode, term = 1; k > 0 && term > 1e-18; k--) below.push((term /= up(k - 1)));
  const terms = [...below.toReversed(), ...above];
  const first = mode - below.length;
  const tail = (terms.reduce((sum, term) => sum + term, 0) * (1 - LEVEL)) / 2;
  const skip = (side: readonly number[]) => {
    let sum = 0;
    return side.findIndex((term) => (sum += term) >= tail);
  };
  return [first + skip(terms), first + terms.length - 1 - skip(terms.toReversed())];
}

test("the interval is that of the tables", () => {
  // As good as Poisson's of mean 10, where P(X < 2) = 0.000499, P(X > 22) = 0.000296 and P(X > 21) = 0.000700.
  expect(interval(10_000_000, 1e-6)).toEqual([2, 22]);
  expect(interval(10, 0.5)).toEqual([0, 10]);
  const [least, most] = interval(1_000_000, 0.5);
  // 3.2905 standard deviations of 500.
  expect([500_000 - least, most - 500_000]).toEqual([1_645, 1_645]);
});

const random = (value: number) => ({ value });
const sticky = (value: number) => ({ value, by: { header: "x-user", seed: 1 } });

test.each([
  ["half", random(50)],
  ["a tenth", random(10)],
  ["one in a hundred", random(1)],
  ["one in a thousand", random(0.1)],
  ["one in ten thousand", random(0.01)],
  ["one in a million", random(0.0001)],
  ["all but one in a million", random(99.9999)],
  ["a third of the users", sticky(33.3333)],
  ["one user in a thousand", sticky(0.1)],
])(
  `%s of ${DRAWS} requests is hit as often as the binomial distribution says`,
  (_, percentage) => {
    const host = new Host({ clock: new ManualClock(), instances: { canary: false, mainThread: false, workers: 1 }, logLevel: "info" });
    const configuration = { rules: [{ name: "r", abort: { percentage, httpStatus: 500 } }] };
    const chain = host.chain([host.load({ name: "fault", module, configuration })]);
    let hit = 0;
    for (let i = 0; i < DRAWS; i++) {
      const stream = chain.request({ path: "/", headers: [["x-user", `user-${i}`]] });
      if (stream.state === "forwarded") stream.disconnect();
      else hit++;
    }
    const [least, most] = interval(DRAWS, percentage.value / 100);
    expect(hit).toBeGreaterThanOrEqual(least);
    expect(hit).toBeLessThanOrEqual(most);
  },
  TIMEOUT,
);
