import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { httpRequest } from "../testing/running-proxy.ts";
import { TunedProxy } from "./testing/tuned-proxy.ts";

// MeshConfig's settings for what no rule of a host says: `defaultHttpRetryPolicy`, `localityLbSetting` and `defaultTrafficPolicy.outlierDetection`, each field in one Envoy. settings.scenarios.ts has the others.

const HOSTS = 4;
let upstreams: readonly Upstream[];
/** What each of them answers with; `slow` after a second. */
let statuses: (number | "slow")[];
let sidecar: TunedProxy;

/** Hosts 0 to 3 of `web.test`, in the client's zone, its region, and two others; of `one.test` the first alone. */
const PLACES = ["here/a", "here/b", "far/a", "away/a"];

beforeAll(async () => {
  statuses = [];
  upstreams = await Promise.all(
    PLACES.map((_, index) =>
      startUpstream({
        script: async () => {
          const status = statuses[index] ?? 200;
          if (status === "slow") await new Promise((resolve) => setTimeout(resolve, 1_000));
          return { status: status === "slow" ? 200 : status, body: String(index) };
        },
      }),
    ),
  );
  const endpoint = (index: number, port = upstreams[index]?.port ?? 1) =>
    `{ address: 127.0.0.1, ports: { http: ${port} }, locality: ${PLACES[index] ?? ""}, labels: { tier: "${index % 2 === 0 ? "even" : "odd"}" } }`;
  const entry = (name: string, endpoints: readonly string[], balancing = "simple: ROUND_ROBIN") => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [${endpoints.join(", ")}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec: { host: ${name}.test, trafficPolicy: { loadBalancer: { ${balancing} } } }
`;
  sidecar = await TunedProxy.start(
    [
      entry(
        "web",
        [0, 1, 2, 3].map((index) => endpoint(index)),
      ),
      entry("one", [endpoint(0)]),
      entry("two", [endpoint(0), endpoint(1)]),
      entry("hashed", [endpoint(0), endpoint(1)], "consistentHash: { httpHeaderName: x-user }"),
      entry("three", [endpoint(0), endpoint(1), endpoint(2)]),
      entry("deaf", [endpoint(0, 1), endpoint(1)]),
    ].join(""),
    { locality: { region: "here", zone: "a", subZone: "" }, metadata: { LABELS: { tier: "odd" } } },
  );
});
afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  for (const upstream of upstreams ?? []) await upstream[Symbol.asyncDispose]();
});

/** The status of an answer, and who gave it. */
async function call(host: string, headers: readonly string[] = []): Promise<{ readonly status: string; readonly by: string }> {
  const answer = await sidecar.proxy.redirected("outbound", "10.1.0.1:80", httpRequest(host, "/", headers));
  return { status: answer.slice(9, 12), by: answer.slice(answer.indexOf("\r\n\r\n") + 4) };
}
const requests = () => upstreams.reduce((sum, upstream) => sum + upstream.requests.length, 0);

describe("defaultHttpRetryPolicy:", () => {
  const follow = (defaultHttpRetryPolicy: object, more: object = {}) => sidecar.tune({ defaultHttpRetryPolicy, ...more });

  test("perTryTimeout ends one attempt", async () => {
    statuses = ["slow"];
    await follow({ attempts: 1, retryOn: "5xx", perTryTimeout: "0.1s" });
    const before = requests();
    expect((await call("one.test")).status).toBe("504");
    expect(requests() - before).toBe(2);
    await follow({ attempts: 1, retryOn: "5xx" });
    expect((await call("one.test")).status).toBe("200");
  });

  test("backoff is the time before the next attempt, by chance up to it", async () => {
    statuses = [503];
    const elapsed = async (backoff?: string) => {
      await follow({ attempts: 3, retryOn: "5xx", ...(backoff === undefined ? {} : { backoff }) });
      const start = performance.now();
      await Promise.all(Array.from({ length: 10 }, () => call("one.test")));
      return performance.now() - start;
    };
    // The slowest of ten, each of which waits up to 400, 1,200 and 2,800 ms; by default up to 25, 75 and 175 ms.
    const slow = await elapsed("400ms");
    expect(slow).toBeGreaterThan(600);
    expect(await elapsed()).toBeLessThan(slow);
  });

  test("retryIgnorePreviousHosts says whether a host is passed over that failed, here against a hash", async () => {
    const users = Array.from({ length: 20 }, (_, index) => [`x-user: ${index}`]);
    const failures = async (policy: object) => {
      statuses = [503];
      await follow({ attempts: 1, retryOn: "5xx", backoff: "1ms", ...policy });
      const answers = await Promise.all(users.map((headers) => call("hashed.test", headers)));
      return answers.filter(({ status }) => status === "503").length;
    };
    // A user of the first host has no other; then the next place on the ring, of which up to six are looked at, is another host's for one of two.
    const bound = await failures({ retryIgnorePreviousHosts: false });
    expect(bound).toBeGreaterThan(0);
    expect(await failures({ retryIgnorePreviousHosts: true })).toBeLessThan(bound);
  });

  test("retryRemoteLocalities tries others after two attempts", async () => {
    statuses = [503, 200];
    const priorities = {
      localityLbSetting: { failoverPriority: ["topology.kubernetes.io/zone"] },
      defaultTrafficPolicy: { outlierDetection: { consecutive5xxErrors: 1_000_000 } },
    };
    await follow({ attempts: 4, retryOn: "5xx", backoff: "1ms" }, priorities);
    expect((await call("two.test")).status).toBe("503");
    await follow({ attempts: 4, retryOn: "5xx", backoff: "1ms", retryRemoteLocalities: true }, priorities);
    expect(await call("two.test")).toEqual({ status: "200", by: "1" });
  });
});

describe("localityLbSetting, where hosts are taken out:", () => {
  const QUICK = { consecutive5xxErrors: 1, interval: "0.1s", baseEjectionTime: "60s", maxEjectionPercent: 100 };

  /** The hosts in the order in which they take over, as each breaks. */
  async function order(localityLbSetting: object): Promise<readonly string[]> {
    statuses = [];
    // Nobody is out of a cluster that is new.
    await sidecar.tune({});
    await sidecar.tune({ localityLbSetting, defaultTrafficPolicy: { outlierDetection: QUICK }, defaultHttpRetryPolicy: { attempts: 0 } });
    const found: string[] = [];
    for (let count = 0; count < HOSTS - 1; count++) {
      let by = "";
      const serves = async () => {
        const answer = await call("web.test");
        by = answer.by;
        return answer.status;
      };
      await expect.poll(serves, { timeout: 10_000 }).toBe("200");
      found.push(by);
      statuses[Number(by)] = 503;
    }
    return found;
  }

  test.each([
    [{}, ["0", "1"], undefined],
    [{ failover: [{ from: "here", to: "far" }] }, ["0", "1"], "2"],
    [{ failover: [{ from: "here", to: "away" }] }, ["0", "1"], "3"],
  ])("%j: who takes over", async (setting, first, third) => {
    const found = await order(setting);
    expect(found.slice(0, 2)).toEqual(first);
    if (third !== undefined) expect(found[2]).toBe(third);
  });

  test("failoverPriority: those whose labels are the client's", async () => {
    expect((await order({ failoverPriority: ["tier"] })).slice(0, 2).toSorted()).toEqual(["1", "3"]);
  });
});

describe("defaultTrafficPolicy.outlierDetection:", () => {
  const QUICK = { consecutive5xxErrors: 0, interval: "0.1s", baseEjectionTime: "60s", maxEjectionPercent: 100 };
  const SOON = { timeout: 5_000 };

  /** Has hosts taken out as this says, none of which is out yet. */
  async function follow(detection: object): Promise<void> {
    await sidecar.tune({});
    const outlierDetection = { ...QUICK, ...detection };
    const more = { localityLbSetting: { enabled: false }, defaultHttpRetryPolicy: { attempts: 0 } };
    await sidecar.tune({ defaultTrafficPolicy: { outlierDetection }, ...more });
  }

  /** How often each status was the answer. */
  async function count(host: string, times: number): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {};
    for (let left = times; left > 0; left--) {
      const { status } = await call(host);
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return counts;
  }

  /** How often a host that is out after `before` bad answers answered: Envoy's main thread takes it out, behind which its worker may be by an answer or two. */
  function expectOut(answers: number | undefined, before: number): void {
    expect(answers).toBeGreaterThanOrEqual(before);
    expect(answers).toBeLessThanOrEqual(before + 2);
  }

  /** A gauge or counter of a cluster's outlier detection. */
  async function detected(host: string, name: string): Promise<number | undefined> {
    const { values } = await sidecar.proxy.envoy.admin.stats(`^cluster.outbound.80..${host};.outlier_detection.${name}$`);
    return Object.values(values)[0];
  }

  test.each([
    ["consecutive5xxErrors", 500, { consecutive5xxErrors: 3 }, 3],
    ["consecutiveGatewayErrors", 503, { consecutiveGatewayErrors: 2 }, 2],
    ["outlierDetectionHttpErrorCodes", 429, { consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [429] }, 2],
  ])("%s: who answers %i is out: %j", async (_field, status, detection, before) => {
    statuses = [status];
    await follow(detection);
    expectOut((await count("three.test", 24))[status], before);
  });

  test("splitExternalLocalOriginErrors and consecutiveLocalOriginFailures: who takes no connection", async () => {
    statuses = [];
    await follow({ splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 });
    expectOut((await count("deaf.test", 16))["503"], 2);
  });

  test("interval and baseEjectionTime: who is out comes back", async () => {
    statuses = [500];
    await follow({ consecutive5xxErrors: 1, baseEjectionTime: "0.3s" });
    await count("three.test", 6);
    await expect.poll(() => detected("three.test", "ejections_enforced_total"), SOON).toBeGreaterThan(0);
    await expect.poll(async () => (await call("three.test")).status, SOON).toBe("500");
  });

  test("maxEjectionPercent: no more of them are out", async () => {
    statuses = [500, 500, 500, 500];
    await follow({ consecutive5xxErrors: 1, maxEjectionPercent: 50 });
    await count("web.test", 16);
    await expect.poll(() => detected("web.test", "ejections_active"), SOON).toBe(2);
  });

  test("minHealthPercent: below it all of them have traffic, and without it nobody who is out", async () => {
    statuses = [500, 500];
    await follow({ consecutive5xxErrors: 1, minHealthPercent: 50 });
    expect(await count("two.test", 12)).toEqual({ 500: 12 });
    const panics = async () => {
      await call("two.test");
      const { values } = await sidecar.proxy.envoy.admin.stats("^cluster.outbound.80..two.test;?.lb_healthy_panic$");
      return Object.values(values)[0] ?? 0;
    };
    // Those were before Envoy's workers knew who is out.
    await expect.poll(panics, SOON).toBeGreaterThan(0);
    expect(await count("two.test", 12)).toEqual({ 500: 12 });
    await follow({ consecutive5xxErrors: 1 });
    await count("two.test", 4);
    await expect.poll(async () => (await call("two.test")).status, SOON).toBe("503");
  });
});
