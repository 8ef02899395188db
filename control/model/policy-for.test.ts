import { describe, expect, test } from "vitest";
import { rulesOf } from "../xds/types/testing/rules.ts";
import { policyFor } from "./index.ts";

const RANDOM = { loadBalancer: { simple: "RANDOM" } };
const ROUND_ROBIN = { loadBalancer: { simple: "ROUND_ROBIN" } };
const OUTLIER = { outlierDetection: { interval: "1s" } };
const port = (number: number, settings: object) => ({ port: { number }, ...settings });

const rules = rulesOf({
  host: "reviews",
  trafficPolicy: { ...RANDOM, ...OUTLIER, proxyProtocol: {}, portLevelSettings: [port(81, ROUND_ROBIN)] },
  subsets: [{ name: "plain" }, { name: "own", trafficPolicy: { ...ROUND_ROBIN, portLevelSettings: [port(82, OUTLIER)] } }],
});

describe("The policy of a port", () => {
  test.for([
    ["of the host", 80, undefined, "RANDOM", true, "V1"],
    ["of the port, which replaces the host's as a whole", 81, undefined, "ROUND_ROBIN", false, undefined],
    ["of a subset without one", 80, "plain", "RANDOM", true, "V1"],
    ["of a subset, before the host's one by one", 80, "own", "ROUND_ROBIN", true, "V1"],
    ["of a port of a subset, as a whole", 82, "own", undefined, true, "V1"],
    ["of a subset before the port of the host", 81, "own", "ROUND_ROBIN", false, undefined],
    ["of a subset that is not there", 80, "missing", "RANDOM", true, "V1"],
  ] as const)("%s", ([, number, subset, simple, outlier, proxyProtocol]) => {
    const policy = policyFor(rules, number, subset);
    expect(policy.loadBalancer?.simple).toBe(simple);
    expect(policy.outlierDetection !== undefined).toBe(outlier);
    expect(policy.proxyProtocol).toBe(proxyProtocol);
  });

  test.for([
    ["what a rule leaves out", rules, 81, { connectionPool: "mesh", outlierDetection: "mesh" }],
    ["not what it says", rules, 80, { connectionPool: "mesh", outlierDetection: "rule" }],
    ["all where there is none", undefined, 80, { connectionPool: "mesh", outlierDetection: "mesh" }],
  ] as const)("the mesh's is %s", ([, own, number, expected]) => {
    const { policy: byDefault } = rulesOf({
      host: "*",
      trafficPolicy: { connectionPool: { tcp: { maxConnections: 7 } }, outlierDetection: { interval: "7s" } },
    });
    const { connectionPool, outlierDetection } = policyFor(own, number, undefined, byDefault);
    expect({
      connectionPool: connectionPool === byDefault.connectionPool ? "mesh" : "rule",
      outlierDetection: outlierDetection === byDefault.outlierDetection ? "mesh" : "rule",
    }).toEqual(expected);
  });

  test("without rules says nothing", () => {
    expect(Object.values(policyFor(undefined, 80)).every((value) => value === undefined)).toBe(true);
  });
});
