import fc from "fast-check";
import { expect, test } from "vitest";
import type { Endpoint, HostMark } from "../../../model/index.ts";
import { judge } from "./health.ts";

function endpoint(index: number, health: Endpoint["health"] = "healthy", weight = 1): Endpoint {
  return {
    address: `10.0.0.${index}`,
    ports: { http: 80 },
    labels: {},
    locality: "",
    network: "",
    weight,
    serviceAccount: "",
    namespace: "default",
    workload: "",
    node: "",
    health,
  };
}

const mark = (index: number, share = 0): HostMark => ({ service: "a", port: 80, address: `10.0.0.${index}:80`, share, since: index });
const half = { maxEjectionPercent: 50, minHealthPercent: 0 };

test("who is marked is out, for clients whose rule asks for outlier detection", () => {
  const endpoints = [endpoint(1), endpoint(2), endpoint(3)];
  expect([...judge(endpoints, "http", [mark(2)], half).out]).toEqual(["10.0.0.2:80"]);
  expect(judge(endpoints, "http", [mark(2)], undefined)).toEqual({ endpoints, out: new Set() });
});

test("within the limits of the cluster: a subset of one host has it still", () => {
  expect(judge([endpoint(1)], "http", [mark(1)], { maxEjectionPercent: 100, minHealthPercent: 0 }).out.size).toBe(0);
  expect(
    judge([endpoint(1), endpoint(2)], "http", [mark(1)], { maxEjectionPercent: undefined, minHealthPercent: undefined }).out.size,
  ).toBe(0);
  const four = [1, 2, 3, 4].map((each) => endpoint(each));
  expect([...judge(four, "http", [mark(4), mark(1), mark(2)], half).out]).toEqual(["10.0.0.4:80", "10.0.0.1:80"]);
});

test("who comes back gets a part of its share, and others keep their proportions", () => {
  const { endpoints, out } = judge(
    [endpoint(1), endpoint(2, "healthy", 3), endpoint(3), endpoint(4)],
    "http",
    [mark(3), mark(1, 30)],
    half,
  );
  expect(endpoints.map(({ weight }) => weight)).toEqual([3, 30, 10, 10]);
  expect([...out]).toEqual(["10.0.0.3:80"]);
});

test("hosts on one address are told apart by their ports", () => {
  const endpoints = [80, 81, 82, 83].map((port) => ({ ...endpoint(1), ports: { http: port } }));
  expect([...judge(endpoints, "http", [{ ...mark(1), address: "10.0.0.1:82" }], half).out]).toEqual(["10.0.0.1:82"]);
});

test("IPv6", () => {
  const six = { ...endpoint(1), address: "fd00::1" };
  const { out } = judge([six, endpoint(2)], "http", [{ ...mark(1), address: "[fd00::1]:80" }], half);
  expect([...out]).toEqual(["[fd00::1]:80"]);
});

test("whatever is marked, no more are out than may be", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom<Endpoint["health"]>("healthy", "unhealthy"), { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(13), fc.constantFrom(0, 10, 60)), { maxLength: 12 }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 0, max: 100 }),
      (health, marks, maxEjectionPercent, minHealthPercent) => {
        const endpoints = health.map((each, index) => endpoint(index, each));
        const { out, endpoints: now } = judge(
          endpoints,
          "http",
          marks.map(([index, share]) => mark(index, share)),
          { maxEjectionPercent, minHealthPercent },
        );
        expect(now).toHaveLength(endpoints.length);
        expect(out.size).toBeLessThanOrEqual((endpoints.length * maxEjectionPercent) / 100);
        const left = now.filter((each) => each.health === "healthy" && !out.has(`${each.address}:80`)).length;
        if (out.size > 0) expect(left).toBeGreaterThanOrEqual(Math.max(1, (endpoints.length * minHealthPercent) / 100));
        for (const each of out) expect(now.map(({ address }) => `${address}:80`)).toContain(each);
      },
    ),
  );
});
