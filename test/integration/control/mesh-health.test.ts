import { connect } from "node:http2";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { HostHealth } from "../../../control/health/index.ts";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { until } from "../until.ts";
import { Client } from "./client.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";

// Five Envoys call four hosts; which host fails for which of them is the test's. What Envoy itself counts (LRS) is the evidence, but in the last test: there it is what the ejection filter reports.

const CALLERS = 5;
const HOSTS = 4;
/** Within half of three of them a busy machine, too, gets five answers from each host to each caller. */
const INTERVAL = 1_500;
const SERVICE = "reviews.test";
const CLUSTER = `outbound|80||${SERVICE}`;
const nodeId = (caller: number) => `sidecar~10.0.0.${caller + 1}~caller-${caller}.default~default.svc.cluster.local`;

let mesh: RunningMesh;
const hosts: Upstream[] = [];
const callers: RunningEnvoy[] = [];
const loads: Calls[] = [];
/** Whether a host fails for a caller. */
let fails: (host: number, caller: number) => boolean = () => false;
let marked = false;
/** When the test began, by the clock of decisions. */
let begun = 0;

/** What a caller sends without end: nothing is decided without requests. */
class Calls implements AsyncDisposable {
  readonly lost: string[] = [];
  private stopped = false;
  private readonly done: Promise<void>;

  constructor(proxy: RunningEnvoy, caller: number) {
    this.done = this.run(proxy, caller);
  }

  private async run(proxy: RunningEnvoy, caller: number): Promise<void> {
    using client = new Client(proxy.outbound("240.240.0.1:80"));
    while (!this.stopped) {
      await client.get(SERVICE, "/", [`x-caller: ${caller}`]).catch((error: unknown) => this.lost.push(String(error)));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopped = true;
    await this.done;
  }
}

const entry = (endpoints: readonly Upstream[]) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: reviews }
spec:
  hosts: [${SERVICE}]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [${endpoints.map(({ host, port }) => `{ address: ${host}, ports: { http: ${port} } }`).join(", ")}]
`;

/** Proxies count for themselves as well, unless they are told not to. */
const rule = (limits: object) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: ${SERVICE}
  trafficPolicy:
    loadBalancer: { simple: ROUND_ROBIN, warmup: { duration: 1s } }
    outlierDetection: ${JSON.stringify({ consecutive5xxErrors: 0, interval: "1s", baseEjectionTime: "3s", maxEjectionPercent: 50, ...limits })}
`;

const WITHOUT_DETECTION = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec: { host: ${SERVICE}, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }
`;

const PLUGIN = `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: ejection }
spec:
  url: builtin://ejection
  pluginConfig:
    rules: [{ name: failed, match: { headers: { x-failed: { present: true } } }, consecutive: 10000 }]
`;

const addressOf = (host: number) => `127.0.0.1:${hosts[host]?.port}`;
/** Decisions of the test that runs, the last one first. */
const decisions = () => health().decisions.filter(({ at }) => at >= begun);
const health = () => mesh.service.health?.status() ?? { hosts: [], decisions: [] };
const known = (host: number): HostHealth | undefined => health().hosts.find(({ address }) => address === addressOf(host));

/** Hosts that every Envoy has as out by its control service. */
async function outFor(caller: number): Promise<readonly string[]> {
  const clusters = await callers[caller]?.envoy.admin.clusters();
  const found = clusters?.find(({ name }) => name === CLUSTER)?.hosts ?? [];
  return found.filter(({ health: { eds_health_status: status } }) => status === "UNHEALTHY").map(({ address }) => address);
}

async function outForAll(expected: readonly string[]): Promise<void> {
  for (let caller = 0; caller < CALLERS; caller++) {
    await until(
      `${expected.join(", ")} is out for caller ${caller}`,
      async () => (await outFor(caller)).toSorted(),
      (out) => JSON.stringify(out) === JSON.stringify(expected.toSorted()),
    );
  }
}

/** What every caller says of a host, when all have had enough requests to say something. */
async function heard(host: number, bad: number): Promise<HostHealth> {
  const found = await until(
    `all callers know host ${host}`,
    async () => known(host),
    (state) => state?.evidence.bad === bad && state.evidence.good === CALLERS - bad,
  );
  if (found === undefined) throw new Error("not known");
  return found;
}

async function ejected(host: number, times = 1) {
  const found = await until(
    `host ${host} is out`,
    async () =>
      decisions().find(({ decision, address, times: count }) => decision === "ejected" && address === addressOf(host) && count === times),
    (decision) => decision !== undefined,
  );
  if (found === undefined) throw new Error("not decided");
  return found;
}

beforeAll(async () => {
  for (let host = 0; host < HOSTS; host++) {
    const script = ({ headers }: { readonly headers: readonly (readonly [string, string])[] }) => {
      const caller = Number(headers.find(([name]) => name === "x-caller")?.[1] ?? -1);
      if (!fails(host, caller)) return { body: String(host) };
      return marked ? { body: "error", headers: [["x-failed", "yes"]] as const } : { status: 503 };
    };
    hosts.push(await startUpstream({ script, keep: 1 }));
  }
  mesh = await RunningMesh.start(
    { "entry.yaml": entry(hosts), "rule.yaml": rule({}) },
    { keepsState: true, meshHealth: { interval: INTERVAL } },
  );
  for (let caller = 0; caller < CALLERS; caller++) callers.push(await mesh.proxy(nodeId(caller)));
  for (const [caller, proxy] of callers.entries()) loads.push(new Calls(proxy, caller));
}, 120_000);

afterAll(async () => {
  for (const load of loads) await load[Symbol.asyncDispose]();
  await mesh?.[Symbol.asyncDispose]();
  for (const host of hosts) await host[Symbol.asyncDispose]();
});

/** Nothing is known of any host. */
beforeEach(async () => {
  fails = () => false;
  await mesh.apply({ "rule.yaml": WITHOUT_DETECTION });
  await until(
    "nothing is known",
    async () => mesh.service.health?.health.size.observations === 0 && health().hosts.length === 0,
    (nothing) => nothing,
  );
  await outForAll([]);
  begun = performance.timeOrigin + performance.now();
}, 60_000);

test("three of five callers see a dead host: it is out for all, and comes back", { timeout: 60_000 }, async () => {
  fails = (host, caller) => host === 0 && caller < 3;
  await mesh.apply({ "rule.yaml": rule({}) });
  const { evidence, times } = await ejected(0);
  expect(evidence?.bad).toBe(3);
  expect(evidence?.callers.map(({ caller }) => caller).toSorted()).toEqual([nodeId(0), nodeId(1), nodeId(2)]);
  expect(times).toBe(1);
  await outForAll([addressOf(0)]);
  const metrics = await mesh.service.metrics.scrape();
  expect(metrics).toMatch(/^meshwright_health_decisions_total\{decision="ejected"[^}]*\} [1-9]/m);
  expect(metrics).toMatch(/^meshwright_health_hosts\{state="out"[^}]*\} 1/m);
  fails = () => false;
  await until(
    "it has come back by steps",
    async () =>
      decisions()
        .filter(({ address }) => address === addressOf(0))
        .map(({ decision }) => decision),
    ([last, ...before]) => last === "returned" && before[0] === "returning",
  );
  await outForAll([]);
});

test("what one of five sees changes nothing for others, however bad it is", { timeout: 60_000 }, async () => {
  fails = (host, caller) => host === 1 && caller === 4;
  await mesh.apply({ "rule.yaml": rule({}) });
  expect(await heard(1, 1)).toMatchObject({ state: "watched", share: 100 });
  expect(decisions()).toEqual([]);
  await outForAll([]);
});

test("a liar, and strangers, change nothing", { timeout: 60_000 }, async () => {
  await mesh.apply({ "rule.yaml": rule({}) });
  const path = mesh.service.mesh.index.health.reports?.path ?? "";
  const lie = (node: string, time: number, failed: number) => ({
    node,
    time,
    clusters: [CLUSTER],
    hosts: hosts.map((_, host) => ({ cluster: 0, address: addressOf(host), good: 0, failed, ejections: failed })),
    leftOut: 0,
  });
  expect(await post(path, lie(nodeId(0), 1, 0))).toBe(202);
  expect(await post(path, lie(nodeId(0), 2, 1_000_000))).toBe(429);
  await until(
    "the lie is taken",
    () => post(path, lie(nodeId(0), 3, 1_000_000)),
    (status) => status === 202,
  );
  await until(
    "a repetition is late",
    () => post(path, lie(nodeId(0), 3, 1_000_000)),
    (status) => status === 409,
  );
  expect(await post("/api/v1/health-reports", lie(nodeId(1), 1, 9))).toBe(401);
  expect(await post("/api/v1/health-reports?token=wrong", lie(nodeId(1), 1, 9))).toBe(401);
  expect(await post(path, lie("sidecar~10.9.9.9~nobody.default~default.svc.cluster.local", 1, 9))).toBe(403);
  expect(await post(path, { node: nodeId(1) })).toBe(400);
  expect(await post("/elsewhere", {})).toBe(404);
  expect(await post(path, lie(nodeId(1).padEnd(1_100_000, "x"), 1, 9))).toBe(413);
  // He goes on with it, and is heard among all others.
  let time = 4;
  const found = await until(
    "all callers know host 2",
    async () => {
      await post(path, lie(nodeId(0), ++time, 1_000_000 * time));
      return known(2);
    },
    (state) => state?.evidence.bad === 1 && state.evidence.good === CALLERS - 1,
  );
  expect(found).toMatchObject({ state: "watched", share: 100, evidence: { callers: [{ caller: nodeId(0) }] } });
  await outForAll([]);
});

test("all hosts fail: half of them stay, and requests are answered", { timeout: 60_000 }, async () => {
  fails = () => true;
  await mesh.apply({ "rule.yaml": rule({ minHealthPercent: 30, baseEjectionTime: "60s" }) });
  const held = await until(
    "the others are held",
    async () => decisions().filter(({ decision }) => decision === "held").length,
    (count) => count >= 2,
  );
  expect(held).toBeGreaterThanOrEqual(2);
  const out = health().hosts.filter(({ state }) => state === "out");
  expect(out).toHaveLength(2);
  await outForAll(out.map(({ address }) => address));
});

test("a host that flaps is out for longer each time", { timeout: 60_000 }, async () => {
  fails = (host) => host === 3;
  // After an interval without being out it would be out for the first time again.
  await mesh.apply({ "rule.yaml": rule({ baseEjectionTime: "2s", interval: "30s" }) });
  const first = await ejected(3, 1);
  expect((first.until ?? 0) - first.at).toBe(2_000);
  const second = await ejected(3, 2);
  expect((second.until ?? 0) - second.at).toBe(4_000);
});

test("a restarted control service has out who was out, and nobody else", { timeout: 60_000 }, async () => {
  fails = (host) => host === 3;
  await mesh.apply({ "rule.yaml": rule({ baseEjectionTime: "120s" }) });
  await ejected(3);
  await outForAll([addressOf(3)]);
  await mesh.stopControl();
  await mesh.startControl();
  for (let caller = 0; caller < CALLERS; caller++) await mesh.connected(nodeId(caller));
  const reason = expect.stringMatching(/^[3-5] of [3-5] callers find it bad$/);
  expect(known(3)).toMatchObject({ state: "out", share: 0, times: 1, reason });
  await outForAll([addressOf(3)]);
  await until(
    "callers were heard again",
    async () => mesh.service.health?.health.size.callers,
    (count) => count === CALLERS,
  );
  expect(health().decisions).toEqual([]);
});

test("what only the ejection filter knows to be a failure is evidence, by its reports", { timeout: 120_000 }, async () => {
  marked = true;
  fails = (host) => host === 2;
  await mesh.apply({ "rule.yaml": rule({}), "plugin.yaml": PLUGIN });
  const { evidence } = await ejected(2);
  expect(evidence?.callers[0]).toMatchObject({ loads: { failed: 0 } });
  expect(evidence?.callers[0]?.filter.failed).toBeGreaterThan(0);
  await outForAll([addressOf(2)]);
  const metrics = await mesh.service.metrics.scrape();
  expect(metrics).toMatch(/^meshwright_health_reports_total\{result="taken"[^}]*\} [1-9]/m);
});

test("the token of reports is replaced under proxies, and none of their reports is refused", { timeout: 120_000 }, async () => {
  await mesh.apply({ "plugin.yaml": PLUGIN, "rule.yaml": rule({}) });
  const reported = async (result: string) => {
    const metrics = await mesh.service.metrics.scrape();
    return Number(new RegExp(`^meshwright_health_reports_total\\{result="${result}"[^}]*\\} (\\d+)`, "m").exec(metrics)?.[1] ?? 0);
  };
  const path = () => mesh.service.mesh.index.health.reports?.path ?? "";
  const refused = await reported("refused");
  const paths = [path()];
  const replace = () => {
    mesh.service.health?.replaceToken();
    paths.push(path());
  };
  replace();
  const before = await reported("taken");
  await mesh.settled();
  await until(
    "proxies have reported with the new one",
    () => reported("taken"),
    (taken) => taken >= before + 3 * CALLERS,
  );
  expect(await reported("refused")).toBe(refused);
  // Beyond this a proxy is refused that has not heard of the new one in all of its time.
  replace();
  const isRefused = [];
  for (const each of paths) isRefused.push((await post(each, { node: nodeId(0), time: 1, clusters: [], hosts: [], leftOut: 0 })) === 401);
  expect(isRefused).toEqual([true, false, false]);
});

/** Sends a report to the address of xDS, in plain text. */
async function post(path: string, report: object): Promise<number> {
  const session = connect(`http://127.0.0.1:${mesh.port}`);
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/json" });
      stream.on("response", ({ ":status": status }) => resolve(status ?? 0));
      stream.on("error", reject);
      stream.end(JSON.stringify(report));
    });
  } finally {
    session.destroy();
  }
}
