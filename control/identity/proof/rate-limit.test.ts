import { expect, test } from "vitest";
import { RateLimit } from "./index.ts";

function limited(limit: RateLimit, source: string, count: number): number {
  let refused = 0;
  for (let i = 0; i < count; i++) {
    try {
      limit.request(source);
    } catch (error) {
      expect(error).toMatchObject({ code: "rate-limit" });
      refused += 1;
    }
  }
  return refused;
}

test("a source has its burst, then its rate, and others are not touched", () => {
  let now = 0;
  const limit = new RateLimit({ burst: 10, rate: 5, clock: () => now });
  expect(limited(limit, "10.0.0.1:1", 12)).toBe(2);
  expect(limited(limit, "10.0.0.1:2", 1)).toBe(1);
  expect(limited(limit, "10.0.0.2:1", 10)).toBe(0);
  now += 1000;
  expect(limited(limit, "10.0.0.1:3", 6)).toBe(1);
});

test("refusals cost more, and are made up for in ten seconds at most", () => {
  let now = 0;
  const limit = new RateLimit({ burst: 100, rate: 10, refusal: 20, clock: () => now });
  for (let i = 0; i < 5; i++) {
    limit.request("10.0.0.1:1");
    limit.refused("10.0.0.1:1");
  }
  expect(limited(limit, "10.0.0.1:1", 1)).toBe(1);
  for (let i = 0; i < 1000; i++) limit.refused("10.0.0.1:1");
  now += 10_200;
  expect(limited(limit, "10.0.0.1:1", 1)).toBe(0);
});

test("a clock that goes back gives nothing and takes nothing", () => {
  let now = 10_000;
  const limit = new RateLimit({ burst: 2, rate: 1, clock: () => now });
  limit.request("a:1");
  now = 0;
  expect(limited(limit, "a:1", 2)).toBe(1);
});

test("of IPv6 a source is a network", () => {
  const limit = new RateLimit({ burst: 1, rate: 1, clock: () => 0 });
  limit.request("2001:db8:1:2:3:4:5:6:50000");
  expect(limited(limit, "2001:db8:1:2::9:50000", 1)).toBe(1);
  expect(limited(limit, "2001:db8:1:3::9:50000", 1)).toBe(0);
  expect(limited(limit, "::1:50000", 1)).toBe(0);
  expect(limited(limit, "::ffff:10.0.0.1:50000", 1)).toBe(0);
});

test("a million sources take the memory of a hundred, and the one that is heard of most is remembered", () => {
  const limit = new RateLimit({ burst: 1, rate: 0.001, sources: 100, clock: () => 0 });
  limit.request("busy:1");
  for (let i = 0; i < 100_000; i++) {
    limit.request(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`);
    if (i % 50 === 0) expect(limited(limit, "busy:1", 1)).toBe(1);
  }
  expect(limit.size).toBe(100);
});
