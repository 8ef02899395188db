import { describe, expect, test } from "vitest";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import { outboundCluster } from "../cluster-name.ts";
import { HOST, Hosts } from "../testing/hosts.ts";
import { Traffic } from "../testing/traffic.ts";

const CLUSTER = outboundCluster(HOST, 80);
const rule = (outlierDetection: object) => ({ trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" }, outlierDetection } });
const QUICK = { interval: "100ms", baseEjectionTime: "60s", maxEjectionPercent: 100 };

/** Envoy takes in changes of hosts that come soon after another once in a second (`update_merge_window`). */
const SOON = { timeout: 5_000 };

/** Of three hosts the first answers with this status. */
const oneBad = (status: number) => Hosts.start(3, (index) => () => (index === 0 ? { status } : { body: String(index) }));

describe("Outlier detection", () => {
  test.for([
    ["500, three in a row", 500, { consecutive5xxErrors: 3 }],
    ["503, two gateway errors in a row", 503, { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2 }],
    ["429, where the statuses are given", 429, { consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [429, 418] }],
  ] as const)("ejects a host that answers %s", async ([, status, detection], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await oneBad(status);
    await using traffic = await Traffic.start(hosts.view(rule({ ...QUICK, ...detection })));
    const before = await traffic.count(CLUSTER, 30);
    expect(before[status]).toBe(
      Math.max(detection.consecutive5xxErrors, "consecutiveGatewayErrors" in detection ? detection.consecutiveGatewayErrors : 0),
    );
    expect(await traffic.count(CLUSTER, 10)).toEqual({ 1: 5, 2: 5 });
    expect(await traffic.stat(CLUSTER, "outlier_detection.ejections_active")).toBe(1);
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test.for([
    ["500 is no gateway error", 500, { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2 }],
    ["0 turns the count off", 503, { consecutive5xxErrors: 0, consecutiveGatewayErrors: 0 }],
    ["500 is no error where the statuses are others", 500, { consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [429] }],
    ["of three hosts 10 percent is none, Istio's default", 500, { consecutive5xxErrors: 1, maxEjectionPercent: 0 }],
  ] as const)("leaves a host where it is: %s", async ([, status, detection], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await oneBad(status);
    await using traffic = await Traffic.start(hosts.view(rule({ ...QUICK, ...detection })));
    await traffic.count(CLUSTER, 12);
    expect((await traffic.count(CLUSTER, 9))[status]).toBe(3);
  });

  test.for([
    [
      "ejects where a port's portLevelSettings say so, and those of the host do not",
      { consecutive5xxErrors: 0 },
      { consecutive5xxErrors: 2 },
      2,
    ],
    [
      "does not eject where the host's settings do, and a port's portLevelSettings do not",
      { consecutive5xxErrors: 2 },
      { consecutive5xxErrors: 0 },
      10,
    ],
  ] as const)("%s", async ([, ofHost, ofPort, bad], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await oneBad(500);
    const [host, port] = [rule({ ...QUICK, ...ofHost }), rule({ ...QUICK, ...ofPort })].map(({ trafficPolicy }) => trafficPolicy);
    const portLevelSettings = [{ port: { number: 80 }, ...port }];
    await using traffic = await Traffic.start(hosts.view({ trafficPolicy: { ...host, portLevelSettings } }));
    expect((await traffic.count(CLUSTER, 30))["500"]).toBe(bad);
  });

  test("brings a host back after baseEjectionTime", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await oneBad(500);
    await using traffic = await Traffic.start(hosts.view(rule({ ...QUICK, consecutive5xxErrors: 1, baseEjectionTime: "300ms" })));
    await traffic.count(CLUSTER, 6);
    expect(await traffic.count(CLUSTER, 4)).toEqual({ 1: 2, 2: 2 });
    await expect.poll(() => traffic.stat(CLUSTER, "outlier_detection.ejections_active"), SOON).toBe(0);
    await expect.poll(async () => Object.keys(await traffic.count(CLUSTER, 6)), SOON).toContain("500");
  });

  test("maxEjectionPercent: no more of them are out, whatever they answer", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(4, () => () => ({ status: 500 }));
    await using traffic = await Traffic.start(hosts.view(rule({ ...QUICK, consecutive5xxErrors: 1, maxEjectionPercent: 50 })));
    await traffic.count(CLUSTER, 20);
    expect(await traffic.stat(CLUSTER, "outlier_detection.ejections_active")).toBe(2);
    expect(await traffic.count(CLUSTER, 4)).toEqual({ 500: 4 });
  });

  test("splitExternalLocalOriginErrors counts refused connections by themselves", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    const detection = { ...QUICK, consecutive5xxErrors: 0, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 };
    const endpoint = (index: number) => (index === 0 ? { ports: { "port-80": 1 } } : {});
    await using traffic = await Traffic.start(hosts.view(rule(detection), { endpoint }));
    expect((await traffic.count(CLUSTER, 20))["503"]).toBe(2);
    expect(await traffic.count(CLUSTER, 5)).toEqual({ 1: 5 });
  });

  test("minHealthPercent: below it everybody gets traffic again; without it nobody who is out does", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2, () => () => ({ status: 500 }));
    const detection = { ...QUICK, consecutive5xxErrors: 1 };
    await using traffic = await Traffic.start(hosts.view(rule(detection)));
    await expect.poll(() => traffic.get(CLUSTER), SOON).toMatchObject({ status: 503, body: "no healthy upstream" });
    await using panicking = await Traffic.start(hosts.view(rule({ ...detection, minHealthPercent: 50 })));
    expect(await panicking.count(CLUSTER, 20)).toEqual({ 500: 20 });
    expect(await panicking.stat(CLUSTER, "outlier_detection.ejections_active")).toBe(2);
    // Those were before Envoy's workers knew who is out.
    const panic = async () => {
      await panicking.get(CLUSTER);
      return panicking.stat(CLUSTER, "lb_healthy_panic");
    };
    await expect.poll(panic, SOON).toBeGreaterThan(0);
    expect(await panicking.count(CLUSTER, 20)).toEqual({ 500: 20 });
  });
});
