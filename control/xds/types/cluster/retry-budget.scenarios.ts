import { describe, expect, test } from "vitest";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import { outboundCluster } from "../cluster-name.ts";
import { HOST, Hosts } from "../testing/hosts.ts";
import { Traffic } from "../testing/traffic.ts";

const CLUSTER = outboundCluster(HOST, 80);
const AT_ONCE = 20;

/**
 * A host whose first answers after `good` ones are 503, all of them together when {@link AT_ONCE} requests are there. What comes after them are retries: they wait until `open` is called, so that all are under way at once.
 */
function failing(good = 0) {
  const { promise: all, resolve: fail } = Promise.withResolvers<void>();
  const { promise: enough, resolve: open } = Promise.withResolvers<void>();
  let come = -good;
  const script = async () => {
    const number = ++come;
    if (number <= 0) return {};
    if (number === AT_ONCE) fail();
    await (number <= AT_ONCE ? all : enough);
    return number <= AT_ONCE ? { status: 503 } : {};
  };
  return { start: () => Hosts.start(1, () => script), open };
}

/** How many of {@link AT_ONCE} requests that fail are tried again, after so many good ones, and by which Envoy. */
async function retried(retryBudget: object, good = 0): Promise<{ readonly count: number; readonly version: string }> {
  const { start, open } = failing(good);
  await using hosts = await start();
  await using proxy = await Traffic.start(hosts.view({ trafficPolicy: { retryBudget } }), { retries: 1 });
  await proxy.count(CLUSTER, good);
  const answers = Promise.all(Array.from({ length: AT_ONCE }, () => proxy.get(CLUSTER)));
  const stats = () => Promise.all(["upstream_rq_retry", "upstream_rq_retry_overflow"].map((name) => proxy.stat(CLUSTER, name)));
  await expect.poll(async () => (await stats()).reduce((sum, each) => sum + each), { timeout: 15_000 }).toBe(AT_ONCE);
  const [count = 0] = await stats();
  open();
  expect((await answers).filter(({ status }) => status === 200)).toHaveLength(count);
  expect(proxy.proxy.refusals()).toEqual([]);
  return { count, version: (await proxy.proxy.envoy.admin.serverInfo()).version };
}

describe("retryBudget", () => {
  test("minRetryConcurrency: so many retries are always allowed", async (context) => {
    await requireTarget(envoyTarget, context);
    expect((await retried({ percent: 0, minRetryConcurrency: 7 })).count).toBe(7);
  });

  test("percent: of the requests under way", async (context) => {
    await requireTarget(envoyTarget, context);
    // The k-th to fail leaves 20 - k under way, and k - 1 retries before it: up to the tenth each is allowed, and as retries set out, more.
    expect((await retried({ percent: 100, minRetryConcurrency: 1 })).count).toBeGreaterThanOrEqual(9);
    // Of 20 per cent, the default, it is the third.
    expect((await retried({ minRetryConcurrency: 1 })).count).toBeLessThanOrEqual(5);
  });

  test("budgetInterval: of the requests of that time", async (context) => {
    await requireTarget(envoyTarget, context);
    const { count, version } = await retried({ percent: 25, minRetryConcurrency: 1, budgetInterval: "60s" }, 80);
    // Envoy before 1.39 knows no interval: a quarter of those under way.
    if (/^1\.3[678]\./.test(version)) expect(count).toBeLessThan(AT_ONCE);
    else expect(count).toBe(AT_ONCE);
  });
});
