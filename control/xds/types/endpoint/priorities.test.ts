import { describe, expect, test } from "vitest";
import { endpointOf, viewOf } from "../testing/view.ts";
import { groupByLocality, prioritize } from "./priorities.ts";

const view = viewOf({ proxy: { locality: "us/a/1", labels: { version: "v1" }, network: "home" } });
const none = { enabled: undefined, distribute: [], failover: [], failoverPriority: [] };
const at = (...localities: readonly string[]) =>
  groupByLocality(localities.map((locality, index) => endpointOf(`10.0.0.${index}`, { http: 80 }, { locality })));
const priorities = (groups: ReturnType<typeof prioritize>) =>
  Object.fromEntries(groups.map(({ locality, priority }) => [locality, priority]));

describe("Priorities", () => {
  test("begin at 0 and have no gap, wherever the nearest endpoint is", () => {
    const failover = { setting: none, failover: true };
    expect(priorities(prioritize(at("us/a/1", "us/a/2", "us/b", "eu/a"), failover, view))).toEqual({
      "us/a/1": 0,
      "us/a/2": 1,
      "us/b": 2,
      "eu/a": 3,
    });
    expect(priorities(prioritize(at("us/b", "eu/a"), failover, view))).toEqual({ "us/b": 0, "eu/a": 1 });
    expect(priorities(prioritize(at(""), failover, view))).toEqual({ "": 0 });
  });

  test("know a zone without its region", () => {
    expect(priorities(prioritize(at("/a", "/b"), { setting: none, failover: true }, view))).toEqual({ "/a": 0, "/b": 1 });
  });

  test("of labels and of regions count together, labels first", () => {
    const setting = { ...none, failover: [{ from: "us", to: "eu" }], failoverPriority: ["version"] };
    const endpoints = [
      endpointOf("10.0.0.1", {}, { locality: "ap/a", labels: { version: "v1" } }),
      endpointOf("10.0.0.2", {}, { locality: "us/a/1", labels: { version: "v2" } }),
      endpointOf("10.0.0.3", {}, { locality: "eu/a", labels: { version: "v2" } }),
    ];
    expect(priorities(prioritize(groupByLocality(endpoints), { setting, failover: true }, view))).toEqual({
      "ap/a": 0,
      "us/a/1": 1,
      "eu/a": 2,
    });
  });

  test("another network is behind all of one's own", () => {
    const setting = { ...none, failoverPriority: ["topology.istio.io/network", "version"] };
    const endpoints = [
      endpointOf("10.0.0.1", {}, { locality: "a", network: "home", labels: { version: "v2" } }),
      endpointOf("10.0.0.2", {}, { locality: "b", network: "other", labels: { version: "v1" } }),
      endpointOf("10.0.0.3", {}, { locality: "c", network: "home", labels: { version: "v1" } }),
    ];
    expect(priorities(prioritize(groupByLocality(endpoints), { setting, failover: true }, view))).toEqual({ c: 0, a: 1, b: 2 });
  });

  test("are not made where nobody asks", () => {
    const groups = at("us/a/1", "eu/a");
    expect(prioritize(groups, undefined, view)).toBe(groups);
    expect(prioritize(groups, { setting: none, failover: false }, view)).toBe(groups);
  });
});

describe("Shares", () => {
  test("are divided among the places of a pattern by their weights, and never nothing", () => {
    const endpoints = [
      ...[1, 2, 3].map((last) => endpointOf(`10.0.1.${last}`, {}, { locality: "us/a/1" })),
      endpointOf("10.0.2.1", {}, { locality: "us/b" }),
      endpointOf("10.0.3.1", {}, { locality: "eu/a" }),
    ];
    const setting = { ...none, distribute: [{ from: "us/*", to: { "us/*": 80, "eu/*": 20 } }] };
    const shares = prioritize(groupByLocality(endpoints), { setting, failover: false }, view);
    expect(Object.fromEntries(shares.map(({ locality, weight }) => [locality, weight]))).toEqual({ "us/a/1": 60, "us/b": 20, "eu/a": 20 });
  });

  test("that Envoy would refuse for their sum are made smaller", () => {
    const [group] = groupByLocality(
      [4_294_967_295, 4_294_967_295, 1].map((weight, index) => endpointOf(`10.0.0.${index}`, {}, { weight })),
    );
    expect(group?.weight).toBeLessThanOrEqual(0xffffffff);
    expect(group?.endpoints.map(({ weight }) => weight)).toEqual([2_146_959_359, 2_146_959_359, 1]);
  });
});
