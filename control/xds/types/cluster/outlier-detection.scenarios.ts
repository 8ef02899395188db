import { describe, expect, test } from "vitest";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import { outboundCluster } from "../cluster-name.ts";
import { HOST, Hosts } from "../testing/hosts.ts";
import { Traffic } from "../testing/traffic.ts";

const CLUSTER = outboundCluster(HOST, 80);
const rule = (outlierDetection: object) => ({ trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" }, outlierDetection } });
const QUICK = { interval: "100ms", baseEjectionTime: "60s", maxEjectionPercent: 100 };
/** A rule of the host, and of its port. */
const ofPort = (host: object, port: object) => {
  const [policy, settings] = [host, port].map((detection) => rule({ ...QUICK, ...detection }).trafficPolicy);
  return { trafficPolicy: { ...policy, portLevelSettings: [{ port: { number: 80 }, ...settings }] } };
};

/** Envoy takes in changes of hosts that come soon after another once in a second (`update_merge_window`). */
const SOON = { timeout: 15_000 };

/** Of three hosts the first answers with this status. */
const oneBad = (status: number) => Hosts.start(3, (index) => () => (index === 0 ? { status } : { body: String(index) }));

/** Asks until so many answers were of this status, and waits for the host to be out. Envoy's main thread ejects, so another request may come first. */
async function ejected(traffic: Traffic, status: number, after: number): Promise<void> {
  for (let bad = 0, left = 60; bad < after; left--) {
    expect(left, `${bad} of ${after} answers were ${status}`).toBeGreaterThan(0);
    if ((await traffic.get(CLUSTER)).status === status) bad++;
  }
  await expect.poll(() => traffic.stat(CLUSTER, "outlier_detection.ejections_active"), SOON).toBe(1);
}

describe("Outlier detection", () => {
  test.for([
    ["500, three in a row", 500, { consecutive5xxErrors: 3 }],
    ["503, two gateway errors in a row", 503, { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2 }],
    ["429, where the statuses are given", 429, { consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [429, 418] }],
  ] as const)("ejects a host that answers %s", async ([, status, detection], context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await oneBad(status);
    await using traffic = await Traffic.start(hosts.view(rule({ ...QUICK, ...detection })));
    const gateway = "consecutiveGatewayErrors" in detection ? detection.consecutiveGatewayErrors : 0;
    await ejected(traffic, status, Math.max(detection.consecutive5xxErrors, gateway));
    await expect.poll(() => traffic.count(CLUSTER, 10), SOON).toEqual({ 1: 5, 2: 5 });
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

  test("ejects where a port's portLevelSettings say so, and those of the host do not", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await oneBad(500);
    await using traffic = await Traffic.start(hosts.view(ofPort({ consecutive5xxErrors: 0 }, { consecutive5xxErrors: 2 })));
    await ejected(traffic, 500, 2);
  });

  test("does not eject where the host's settings do, and a port's portLevelSettings do not", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await oneBad(500);
    await using traffic = await Traffic.start(hosts.view(ofPort({ consecutive5xxErrors: 2 }, { consecutive5xxErrors: 0 })));
    expect((await traffic.count(CLUSTER, 30))["500"]).toBe(10);
  });

  test("brings a host back after baseEjectionTime", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await oneBad(500);
    await using traffic = await Traffic.start(hosts.view(rule({ ...QUICK, consecutive5xxErrors: 1, baseEjectionTime: "300ms" })));
    await traffic.count(CLUSTER, 6);
    await expect.poll(() => traffic.stat(CLUSTER, "outlier_detection.ejections_enforced_total"), SOON).toBeGreaterThan(0);
    await expect.poll(() => traffic.stat(CLUSTER, "outlier_detection.ejections_active"), SOON).toBe(0);
    await expect.poll(async () => Object.keys(await traffic.count(CLUSTER, 6)), SOON).toContain("500");
  });

  test("maxEjectionPercent: no more of them are out, whatever they answer", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(4, () => () => ({ status: 500 }));
    await using traffic = await Traffic.start(hosts.view(rule({ ...QUICK, consecutive5xxErrors: 1, maxEjectionPercent: 50 })));
    await traffic.count(CLUSTER, 20);
    const out = () => traffic.stat(CLUSTER, "outlier_detection.ejections_active");
    await expect.poll(out, SOON).toBe(2);
    expect(await traffic.count(CLUSTER, 10)).toEqual({ 500: 10 });
    expect(await out()).toBe(2);
  });

  test("splitExternalLocalOriginErrors counts refused connections by themselves", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2);
    const detection = { ...QUICK, consecutive5xxErrors: 0, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 };
    const endpoint = (index: number) => (index === 0 ? { ports: { "port-80": 1 } } : {});
    await using traffic = await Traffic.start(hosts.view(rule(detection), { endpoint }));
    await ejected(traffic, 503, 2);
    await expect.poll(() => traffic.count(CLUSTER, 5), SOON).toEqual({ 1: 5 });
  });

  test("minHealthPercent: below it everybody gets traffic again; without it nobody who is out does", async (context) => {
    await requireTarget(envoyTarget, context);
    await using hosts = await Hosts.start(2, () => () => ({ status: 500 }));
    const detection = { ...QUICK, consecutive5xxErrors: 1 };
    await using traffic = await Traffic.start(hosts.view(rule(detection)));
    await expect.poll(() => traffic.get(CLUSTER), SOON).toMatchObject({ status: 503, body: "no healthy upstream" });
    await using panicking = await Traffic.start(hosts.view(rule({ ...detection, minHealthPercent: 50 })));
    expect(await panicking.count(CLUSTER, 20)).toEqual({ 500: 20 });
    await expect.poll(() => panicking.stat(CLUSTER, "outlier_detection.ejections_active"), SOON).toBe(2);
    // Those were before Envoy's workers knew who is out.
    const panic = async () => {
      await panicking.get(CLUSTER);
      return panicking.stat(CLUSTER, "lb_healthy_panic");
    };
    await expect.poll(panic, SOON).toBeGreaterThan(0);
    expect(await panicking.count(CLUSTER, 20)).toEqual({ 500: 20 });
  });
});
