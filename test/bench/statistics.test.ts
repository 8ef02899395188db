import { describe, expect, test } from "vitest";
import { median, pairedDifference, pairedRatio, percentile, slope } from "./statistics.ts";

describe("percentile", () => {
  test.each([
    { samples: [5], fraction: 0.05, expected: 5 },
    { samples: [3, 1, 2], fraction: 1, expected: 3 },
    { samples: [3, 1, 2], fraction: 0.5, expected: 2 },
    { samples: Array.from({ length: 100 }, (_, i) => 100 - i), fraction: 0.05, expected: 5 },
    { samples: Array.from({ length: 101 }, (_, i) => i), fraction: 0.05, expected: 5 },
  ])("of $fraction is $expected", ({ samples, fraction, expected }) => {
    expect(percentile(Float64Array.from(samples), fraction)).toBe(expected);
  });

  test("of nothing, and by no fraction, is an error", () => {
    expect(() => percentile(new Float64Array(), 0.5)).toThrow("no samples");
    expect(() => percentile(Float64Array.of(1), 0)).toThrow("fraction of 0");
    expect(() => percentile(Float64Array.of(1), 1.1)).toThrow("fraction of 1.1");
  });
});

test("a median is the middle, or the mean of the two in the middle, and leaves its input alone", () => {
  const values = [9, 1, 5];
  expect(median(values)).toBe(5);
  expect(values).toEqual([9, 1, 5]);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(() => median([])).toThrow("no values");
});

describe("paired over rounds", () => {
  // The second round ran on a machine that was twice as slow; the third is an outlier of one side.
  const base = [10, 20, 10];
  const left = [16, 32, 16];
  const right = [13, 26, 19];

  test("a difference is the median of the rounds' differences", () => {
    expect(pairedDifference([left, base])).toBe(6);
  });

  test("a ratio compares what each adds to the base, round by round", () => {
    expect(pairedRatio(left, right, base)).toBe(2);
    expect(pairedRatio(right, left, base)).toBe(0.5);
  });

  test("there is no ratio to what added nothing", () => {
    expect(pairedRatio(left, base, base)).toBeNaN();
  });

  test("one round more on one side is an error", () => {
    expect(() => pairedRatio(left, [1], base)).toThrow("3 rounds on one side, 1 on the other");
  });
});

test("a slope is that of the least squares", () => {
  expect(
    slope([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBeCloseTo(2);
  expect(
    slope([
      [0, 0],
      [1, 1],
      [2, 0],
    ]),
  ).toBeCloseTo(0);
});
