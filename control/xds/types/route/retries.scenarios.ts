import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Script } from "../../../../harness/upstreams/index.ts";
import type { Question } from "../testing/ask.ts";
import { EchoMesh, to, virtualService } from "../testing/echo-mesh.ts";

/** What `retries` says (undefined: the field is not there), what the service answers to one attempt after the other (the last again and again), the status for the client, and how many attempts come. */
type Row = readonly [what: string, retries: object | undefined, answers: string, status: number, attempts: number, question?: Question];

const GRPC = [["content-type", "application/grpc"]] as const;
const FIVE = { attempts: 2, retryOn: "5xx" };

const ROWS: readonly Row[] = [
  ["a 503 is the answer where nobody says", undefined, "503", 503, 1],
  ["so is a connection that is cut off", undefined, "reset", 503, 1],
  ["gRPC's `unavailable` is tried twice more", undefined, "grpc-14", 200, 3],
  ["gRPC's `cancelled` too, until it is not", undefined, "grpc-1,200", 200, 2],
  ["gRPC's `internal` is the answer", undefined, "grpc-13", 200, 1],
  ["attempts alone say how often, not when", { attempts: 3 }, "503", 503, 1],
  ["attempts alone say how often", { attempts: 4 }, "grpc-14", 200, 5],
  ["0 attempts are none", { attempts: 0 }, "grpc-14", 200, 1],
  ["an empty condition is the default one", { attempts: 1, retryOn: "" }, "grpc-14", 200, 2],
  ["5xx: every 5xx", FIVE, "500,599,200", 200, 3],
  ["5xx: the last answer counts when there are no attempts left", FIVE, "500", 500, 3],
  ["5xx: a connection that is cut off", FIVE, "reset,200", 200, 2],
  ["5xx: also what changes something", FIVE, "503,200", 200, 2, { method: "POST", body: "x" }],
  ["5xx: no 4xx", FIVE, "409", 409, 1],
  ["gateway-error: 502, 503 and 504", { attempts: 3, retryOn: "gateway-error" }, "502,503,504,200", 200, 4],
  ["gateway-error: no 500", { attempts: 3, retryOn: "gateway-error" }, "500", 500, 1],
  ["reset: a connection that is cut off", { attempts: 1, retryOn: "reset" }, "reset,200", 200, 2],
  ["retriable-4xx: 409", { attempts: 1, retryOn: "retriable-4xx" }, "409,200", 200, 2],
  ["a status code", { attempts: 1, retryOn: "418" }, "418,200", 200, 2],
  ["a status code, and no other", { attempts: 1, retryOn: "418" }, "503", 503, 1],
  ["conditions and status codes together", { attempts: 3, retryOn: "reset, 429,503" }, "429,503,reset,200", 200, 4],
  ["conditions of gRPC", { attempts: 2, retryOn: "internal,resource-exhausted" }, "grpc-13,grpc-8,200", 200, 3],
  ["an attempt that takes too long", { attempts: 2, retryOn: "5xx", perTryTimeout: "1s" }, "slow,200", 200, 2],
  ["all attempts take too long", { attempts: 1, retryOn: "5xx", perTryTimeout: "50ms" }, "slow", 504, 2],
];

/** By path: how many attempts came. */
const attempts = new Map<string, number>();

/** Answers to the attempts of `/?CODES&...` in turn. */
const planned: Script = ({ path }) => {
  const attempt = attempts.get(path) ?? 0;
  attempts.set(path, attempt + 1);
  const answers = path.slice(2).replace(/&.*/, "").split(",");
  const answer = answers[Math.min(attempt, answers.length - 1)] ?? "";
  if (answer === "reset") return { reset: "before-headers" };
  if (answer === "slow") return { delay: 4_000 };
  if (answer.startsWith("grpc-")) return { headers: [["grpc-status", answer.slice("grpc-".length)]] };
  return { status: Number(answer) };
};

/** A route for requests that say so, one for each of some retries. */
const routes = (...all: readonly object[]) =>
  all.map((retries, index) => ({ match: [{ headers: { "x-route": { exact: `${index}` } } }], route: [to("reviews/v1")], retries }));

describe("a request that fails is sent again", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    const retries = (name: string, value: object | undefined, more: object = {}) =>
      virtualService(name, [`${name}.test`], [{ route: [to("reviews/v1")], ...(value === undefined ? {} : { retries: value }), ...more }]);
    const service = (name: string, app: string) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: { selector: { app }, ports: [{ name: "http", port: 80 }] },
    });
    const policy = (host: string, trafficPolicy: object) => ({
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: `${host}-policy` },
      spec: { host, trafficPolicy },
    });
    mesh = await EchoMesh.start({
      nodeId: "sidecar~10.0.0.1~client-1.default~default.svc.cluster.local",
      metadata: { LABELS: { version: "v1" } },
      objects: [
        ...ROWS.map(([, rule], index) => retries(`row-${index}`, rule)),
        retries("slow-back-off", { attempts: 3, retryOn: "5xx", backoff: "400ms" }),
        retries("back-off", { attempts: 3, retryOn: "5xx" }),
        retries("timeout", { attempts: 20, retryOn: "5xx", perTryTimeout: "100ms" }, { timeout: "250ms" }),
        virtualService(
          "previous",
          ["previous.test"],
          [{ route: [to("shadow")], retries: { attempts: 1, retryOn: "5xx", backoff: "1ms" } }],
        ),
        virtualService(
          "any",
          ["any.test"],
          [{ route: [to("shadow")], retries: { attempts: 1, retryOn: "5xx", backoff: "1ms", retryIgnorePreviousHosts: false } }],
        ),
        policy("shadow", { loadBalancer: { simple: "RANDOM" } }),
        service("hashed", "shadow"),
        policy("hashed", { loadBalancer: { consistentHash: { httpHeaderName: "x-user" } } }),
        virtualService("bound", ["bound.test"], [{ route: [to("hashed")], retries: { attempts: 1, retryOn: "5xx" } }]),
        virtualService(
          "loose",
          ["loose.test"],
          [{ route: [to("hashed")], retries: { attempts: 1, retryOn: "5xx", retryIgnorePreviousHosts: true } }],
        ),
        virtualService("same", ["same.test"], routes(FIVE, FIVE)),
        virtualService("many", ["many.test"], routes(...Array.from({ length: 100 }, () => FIVE))),
        virtualService("mixed", ["mixed.test"], routes(FIVE, { attempts: 0 })),
        service("far", "reviews"),
        policy("far", {
          loadBalancer: { localityLbSetting: { enabled: true, failoverPriority: ["version"] } },
          outlierDetection: { consecutive5xxErrors: 1_000_000 },
        }),
        virtualService("near", ["near.test"], [{ route: [to("far")], retries: { attempts: 4, retryOn: "5xx" } }]),
        virtualService(
          "remote",
          ["remote.test"],
          [{ route: [to("far")], retries: { attempts: 4, retryOn: "5xx", retryRemoteLocalities: true } }],
        ),
      ],
      scripts: { "reviews-v1": planned, "shadow-v1": () => ({ status: 503 }), "shadow-v2": () => ({ status: 200 }) },
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each(ROWS.map((row, index) => [row[0], index, row] as const))("%s", async (_what, index, [, , answers, status, count, question]) => {
    const path = `/?${answers}&${index}`;
    const headers = answers.includes("grpc") ? GRPC : [];
    const told = await mesh.ask(`row-${index}.test`, { path, headers, ...question });
    expect([told.status, attempts.get(path)]).toEqual([status, count]);
  });

  test.each([
    ["every route of a host that has the same for all", "same", 0, 3],
    ["every route of a host that has the same for all", "same", 1, 3],
    ["one of so many routes that they are a tree", "many", 99, 3],
    ["the route that has them", "mixed", 0, 3],
    ["not the route beside it that has none", "mixed", 1, 1],
  ])("by %s: %s, %i", async (_what, host, route, count) => {
    const path = `/?503&${host}-${route}`;
    await mesh.ask(`${host}.test`, { path, headers: [["x-route", `${route}`]] });
    expect(attempts.get(path)).toBe(count);
  });

  test("within the time of the whole request", async () => {
    const path = "/?slow&timeout";
    const { status, elapsed } = await mesh.ask("timeout.test", { path });
    expect(status).toBe(504);
    expect(elapsed).toBeGreaterThan(240);
    expect(attempts.get(path)).toBeGreaterThan(1);
    expect(attempts.get(path)).toBeLessThan(4);
  });

  test("after a time that grows from what `backoff` says, by chance up to it", async () => {
    // Three attempts wait up to 400, 1,200 and 2,800 ms: together less than 4 s for ten requests in one run of many millions. By default they wait up to 25, 75 and 175 ms.
    const elapsed = async (host: string) => {
      const told = await Promise.all(Array.from({ length: 10 }, (_, index) => mesh.ask(host, { path: `/?503&${host}${index}` })));
      return told.reduce((sum, each) => sum + each.elapsed, 0);
    };
    const [slow, usual] = [await elapsed("slow-back-off.test"), await elapsed("back-off.test")];
    expect(slow).toBeGreaterThan(4_000);
    expect(usual).toBeLessThan(slow);
  }, 30_000);

  test("to another host than before, if `retryIgnorePreviousHosts` does not say otherwise", async () => {
    // By chance the second attempt comes to the same host for every fourth request; where hosts that were tried are passed over, up to five times, for one in 128.
    const failures = async (host: string) => {
      let count = 0;
      for (let left = 200; left > 0; left -= 20)
        for (const { status } of await Promise.all(Array.from({ length: 20 }, () => mesh.ask(host)))) if (status === 503) count++;
      return count;
    };
    expect(await failures("previous.test")).toBeLessThan(15);
    expect(await failures("any.test")).toBeGreaterThan(15);
  });

  test("to the host that a hash names, if `retryIgnorePreviousHosts` does not say otherwise", async () => {
    // Half of the users belong to the host that fails. The next place on the ring is the same host's for one of two, and up to five more are looked at.
    const failures = async (host: string) => {
      const told = await Promise.all(Array.from({ length: 60 }, (_, user) => mesh.ask(host, { headers: [["x-user", String(user)]] })));
      return told.filter(({ status }) => status === 503).length;
    };
    const bound = await failures("bound.test");
    expect(bound).toBeGreaterThan(10);
    expect(await failures("bound.test")).toBe(bound);
    expect(await failures("loose.test")).toBeLessThan(8);
  });

  test("to other localities after two attempts, where `retryRemoteLocalities` says so", async () => {
    expect((await mesh.ask("near.test", { path: "/?503&near" })).status).toBe(503);
    expect(attempts.get("/?503&near")).toBe(5);
    expect((await mesh.ask("remote.test", { path: "/?503&remote" })).seen?.by).toBe("reviews-v2");
    expect(attempts.get("/?503&remote")).toBe(2);
  });
});
