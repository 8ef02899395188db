import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import type { ChainSpec, ExchangeRequest, HeaderList } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";
import { scenario } from "../testing/scenario.ts";

const entry = fileURLToPath(new URL("index.ts", import.meta.url));

const fault = (configuration: object) => async (): Promise<ChainSpec> => ({
  filters: [{ name: "fault", module: await compileFilter(entry), configuration }],
});
const rules = (...list: readonly object[]) => fault({ rules: list.map((rule, i) => ({ name: `r${i}`, ...rule })) });

const ALWAYS = { value: 100 };
const abort = (fields: object = {}) => ({ percentage: ALWAYS, httpStatus: 503, ...fields });
const delay = (fields: object = {}) => ({ percentage: ALWAYS, fixedDelay: "100ms", ...fields });
const DETAILS = "fault_filter_abort";
const get = (...headers: HeaderList): ExchangeRequest => ({ path: "/", headers });
const grpc = (...headers: HeaderList): ExchangeRequest => ({ path: "/shop.Cart/Add", protocol: "grpc", headers });

describe("an abort", () => {
  scenario("with an HTTP status answers in the upstream's place", { chain: rules({ abort: abort({ httpStatus: 418 }) }) }, async (run) => {
    const result = await run.send(get());
    expect(result).toRespond(418, DETAILS);
    expect(result.response?.body).toBe("fault filter abort");
    expect(result.request).toBeUndefined();
    expect(result.decisions).toEqual([{ filter: "fault", rule: "r0", result: "abort", reason: "HTTP status: 418" }]);
    expect(await run.metrics()).toMatchObject({ "fault.aborts_injected": 1 });
  });

  const answer = { body: "out\n", headers: { "Retry-After": "30", "x-empty": "" } };
  scenario("has a body and headers of its own", { chain: rules({ abort: abort(answer) }) }, async (run) => {
    const { response } = await run.send(get());
    expect(response?.body).toBe("out\n");
    expect(response?.headers).toEqual(
      expect.arrayContaining([
        ["retry-after", "30"],
        ["x-empty", ""],
      ]),
    );
  });

  scenario("with an empty body has none", { chain: rules({ abort: abort({ body: "" }) }) }, async (run) => {
    expect((await run.send(get())).response?.body).toBe("");
  });

  const statuses = [
    [400, "13"],
    [401, "16"],
    [403, "7"],
    [404, "12"],
    [429, "14"],
    [503, "14"],
    [500, "2"],
  ] as const;
  const byStatus = statuses.map(([httpStatus]) => ({
    match: { headers: { "x-status": { exact: String(httpStatus) } } },
    abort: abort({ httpStatus }),
  }));
  scenario("with an HTTP status is the gRPC status that Envoy makes of it", { chain: rules(...byStatus) }, async (run) => {
    for (const [status, expected] of statuses) {
      const { response } = await run.send(grpc(["x-status", String(status)]));
      expect(response?.status).toBe(200);
      expect([...(response?.headers ?? []), ...(response?.trailers ?? [])]).toContainEqual(["grpc-status", expected]);
    }
  });

  const names = { OK: "0", CANCELLED: "1", UNAVAILABLE: "14", UNAUTHENTICATED: "16" };
  const byName = Object.keys(names).map((grpcStatus) => ({
    match: { headers: { "x-status": { exact: grpcStatus } } },
    abort: { percentage: ALWAYS, grpcStatus, body: "no such luck" },
  }));
  scenario("with a gRPC status", { chain: rules(...byName) }, async (run) => {
    for (const [name, expected] of Object.entries(names)) {
      const result = await run.send(grpc(["x-status", name]));
      const ends = [...(result.response?.headers ?? []), ...(result.response?.trailers ?? [])];
      expect(ends, name).toContainEqual(["grpc-status", expected]);
      expect(ends, name).toContainEqual(["grpc-message", "no such luck"]);
      expect(result.decisions[0]?.reason).toBe(`gRPC status: ${expected}`);
      // As in Istio: a request that is not gRPC sees success.
      expect(await run.send(get(["x-status", name]))).toRespond(200, DETAILS);
    }
  });

  scenario("needs a percentage to happen", { chain: rules({ abort: { httpStatus: 503 } }) }, async (run) => {
    for (let i = 0; i < 50; i++) expect(await run.send(get())).toForward({});
  });

  scenario("of 0 % does not happen", { chain: rules({ abort: abort({ percentage: { value: 0 } }) }) }, async (run) => {
    for (let i = 0; i < 50; i++) expect(await run.send(get())).toForward({});
  });
});

describe("a delay", () => {
  scenario("holds the request back, never too short", { chain: rules({ delay: delay({ fixedDelay: "0.05s" }) }) }, async (run) => {
    for (let i = 0; i < 5; i++) {
      const result = await run.send({ ...get(), method: "POST", body: "hello" });
      expect(result).toForward({});
      expect(result.request?.body).toBe("hello");
      expect(result.delay).toBeGreaterThanOrEqual(0.05);
      expect(result.decisions).toEqual([{ filter: "fault", rule: "r0", result: "delay", reason: "milliseconds: 50" }]);
    }
    expect(await run.metrics()).toMatchObject({ "fault.delays_injected": 5, "fault.active_faults": 0 });
  });

  scenario("comes before an abort", { chain: rules({ delay: delay(), abort: abort() }) }, async (run) => {
    const result = await run.send(get());
    expect(result).toRespond(503, DETAILS);
    expect(result.delay).toBeGreaterThanOrEqual(0.1);
    expect(result.decisions.map(({ result: decided }) => decided)).toEqual(["delay", "abort"]);
    expect(await run.metrics()).toMatchObject({ "fault.delays_injected": 1, "fault.aborts_injected": 1, "fault.active_faults": 0 });
  });

  scenario("of a gRPC call", { chain: rules({ delay: delay() }) }, async (run) => {
    const result = await run.send({ ...grpc(), body: "message" });
    expect(result).toForward({});
    expect(result.delay).toBeGreaterThanOrEqual(0.1);
  });

  scenario("of a WebSocket", { chain: rules({ delay: delay() }) }, async (run) => {
    const result = await run.send({ path: "/", protocol: "websocket", body: "hello" });
    expect(result.outcome).toBe("forward");
    expect(result.delay).toBeGreaterThanOrEqual(0.1);
  });

  const early = async (): Promise<ChainSpec> => {
    const { filters } = await rules({ delay: delay(), abort: { percentage: { value: 0 }, httpStatus: 503 } })();
    return { filters: filters.map((filter) => ({ ...filter, allowOnHeadersStopIteration: true })) };
  };
  scenario("holds back a request whose body comes early", { chain: early }, async (run) => {
    const result = await run.send({ ...grpc(), body: "hello", trailers: [["x-t", "1"]] });
    expect(result).toForward({});
    expect(result.delay).toBeGreaterThanOrEqual(0.1);
    const chunks = await run.send({ path: "/", method: "POST", chunks: ["a", "b", "c"] });
    expect(chunks.request?.body).toBe("abc");
    expect(chunks.delay).toBeGreaterThanOrEqual(0.1);
  });

  scenario("ends for all who wait, each in its time", { chain: rules({ delay: delay({ percentage: ALWAYS }) }) }, async (run) => {
    const results = await Promise.all(Array.from({ length: 20 }, () => run.send(get())));
    for (const result of results) {
      expect(result).toForward({});
      expect(result.delay).toBeGreaterThanOrEqual(0.1);
    }
    expect(await run.metrics()).toMatchObject({ "fault.delays_injected": 20, "fault.active_faults": 0 });
  });
});

describe("rules", () => {
  const list = [
    { name: "spared", match: { uri: { prefix: "/healthz" } } },
    { name: "users", match: [{ headers: { "x-user": { exact: "ann" } } }, { cookies: { user: { exact: "ann" } } }], abort: abort() },
    { name: "rest", match: { uri: { prefix: "/api" } }, abort: abort({ httpStatus: 500 }) },
  ];
  scenario("the first that matches decides; without faults it spares", { chain: rules(...list) }, async (run) => {
    expect(await run.send({ path: "/healthz", headers: [["x-user", "ann"]] })).toForward({});
    expect(await run.send({ path: "/api", headers: [["x-user", "ann"]] })).toRespond(503, DETAILS);
    expect(await run.send({ path: "/", headers: [["cookie", "user=ann"]] })).toRespond(503, DETAILS);
    expect(await run.send({ path: "/api/1" })).toRespond(500, DETAILS);
    expect(await run.send({ path: "/" })).toForward({});
  });

  const matches: ReadonlyArray<readonly [match: object, hit: Partial<ExchangeRequest>, miss: Partial<ExchangeRequest>]> = [
    [{ uri: { template: "/users/{id}" } }, { path: "/users/7" }, { path: "/users" }],
    [{ method: { exact: "PUT" } }, { method: "PUT" }, {}],
    [{ scheme: { exact: "http" }, method: { exact: "DELETE" } }, { method: "DELETE" }, {}],
    [{ authority: { suffix: ".example.com" } }, { authority: "a.example.com:80" }, { authority: "example.org" }],
    [{ headers: { "x-h": { regex: "a+" } }, withoutHeaders: { "x-i": {} } }, get(["x-h", "aa"]), get(["x-h", "aa"], ["x-i", ""])],
    [{ queryParams: { q: { exact: "1" } } }, { path: "/?q=1" }, { path: "/?q=2" }],
    [{ sourceIpBlocks: ["10.0.0.0/8"] }, { source: { address: "10.1.2.3:4" } }, { source: { address: "11.1.2.3:4" } }],
    [{ percentage: { value: 100 }, cookies: { all: {} } }, get(["cookie", "all=1"]), {}],
    [{ headers: { "@request.auth.claims[group]": { present: false }, "x-g": {} } }, get(["x-g", ""]), {}],
  ];
  const byMatch = matches.map(([match], i) => ({ match, abort: abort({ httpStatus: 400 + i }) }));
  scenario("match as routing's do", { chain: rules(...byMatch) }, async (run) => {
    for (const [i, [match, hit, miss]] of matches.entries()) {
      expect(await run.send({ path: "/", ...hit }), JSON.stringify(match)).toRespond(400 + i, DETAILS);
      expect(await run.send({ path: "/", ...miss }), JSON.stringify(match)).toForward({});
    }
  });
});

describe("a share", () => {
  const user = (name: string) => get(["x-user", name]);
  const half = { value: 50, by: { header: "x-user", seed: 3 } };

  // Which users those are depends on nothing but the name and the seed: both targets must agree.
  scenario("sticks to a header", { chain: rules({ abort: abort({ percentage: half }) }) }, async (run) => {
    const outcomes = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { outcome } = await run.send(user(`user-${i}`));
      expect((await run.send(user(`user-${i}`))).outcome).toBe(outcome);
      outcomes.add(outcome);
    }
    expect(outcomes).toEqual(new Set(["forward", "respond"]));
  });

  const both = { delay: delay({ percentage: half, fixedDelay: "30ms" }), abort: abort({ percentage: half }) };
  scenario("of one key and seed is the same for delay and abort", { chain: rules(both) }, async (run) => {
    for (let i = 0; i < 20; i++) {
      const { outcome, delay: seconds } = await run.send(user(`user-${i}`));
      expect(outcome).toBe(seconds === undefined ? "forward" : "respond");
    }
  });

  const other = { ...both, abort: abort({ percentage: { value: 50, by: { header: "x-user", seed: 4 } } }) };
  scenario("of another seed is independent", { chain: rules(other) }, async (run) => {
    const kinds = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const { outcome, delay: seconds } = await run.send(user(`user-${i}`));
      kinds.add(`${outcome} ${seconds === undefined ? "at once" : "late"}`);
    }
    expect(kinds.size).toBe(4);
  });

  scenario(
    "sticks to a cookie, or to the source address",
    {
      chain: rules(
        { match: { headers: { "x-by": { exact: "cookie" } } }, abort: abort({ percentage: { value: 50, by: { cookie: "c" } } }) },
        { abort: abort({ percentage: { value: 50, by: { sourceAddress: true } } }) },
      ),
    },
    async (run) => {
      for (let i = 0; i < 10; i++) {
        const cookie = get(["x-by", "cookie"], ["cookie", `c=${i}`]);
        expect((await run.send(cookie)).outcome).toBe((await run.send(cookie)).outcome);
        const address = (port: number): ExchangeRequest => ({ path: "/", source: { address: `10.0.0.${i + 1}:${port}` } });
        expect((await run.send(address(1000))).outcome).toBe((await run.send(address(2000))).outcome);
      }
    },
  );
});

describe("headers of a client", () => {
  const DELAY = "x-envoy-fault-delay-request";
  const DELAY_PERCENTAGE = "x-envoy-fault-delay-request-percentage";
  const ABORT = "x-envoy-fault-abort-request";
  const ABORT_GRPC = "x-envoy-fault-abort-grpc-request";
  const ABORT_PERCENTAGE = "x-envoy-fault-abort-request-percentage";
  const allowed = rules({
    delay: { percentage: ALWAYS, headerDelay: {} },
    abort: { percentage: ALWAYS, headerAbort: {}, body: "as you wish" },
  });

  scenario("ask for a delay", { chain: allowed }, async (run) => {
    const result = await run.send(get([DELAY, "60"]));
    expect(result).toForward({});
    expect(result.delay).toBeGreaterThanOrEqual(0.06);
    expect(result).toSendHeader(DELAY, "60");
  });

  scenario("ask for an abort", { chain: allowed }, async (run) => {
    const result = await run.send(get([ABORT, "418"]));
    expect(result).toRespond(418, DETAILS);
    expect(result.response?.body).toBe("as you wish");
    expect(await run.send(get([ABORT_GRPC, "5"]))).toRespond(200, DETAILS);
    const { response } = await run.send(grpc([ABORT_GRPC, "16"]));
    expect([...(response?.headers ?? []), ...(response?.trailers ?? [])]).toContainEqual(["grpc-status", "16"]);
    expect(await run.send(get([ABORT_GRPC, "5"], [ABORT, "500"]))).toRespond(500, DETAILS);
  });

  scenario("ask for both", { chain: allowed }, async (run) => {
    const result = await run.send(get([ABORT, "500"], [DELAY, "40"]));
    expect(result).toRespond(500, DETAILS);
    expect(result.delay).toBeGreaterThanOrEqual(0.04);
  });

  const nothing: HeaderList = [
    [DELAY, ""],
    [DELAY, "0"],
    [DELAY, "-1"],
    [DELAY, "1.5"],
    [DELAY, "soon"],
    [DELAY, "3600001"],
    [DELAY, "99999999999999999999"],
    [ABORT, "199"],
    [ABORT, "600"],
    [ABORT, "0x1f4"],
    [ABORT_GRPC, "-1"],
    [ABORT_GRPC, "17"],
    [DELAY_PERCENTAGE, "100"],
    [ABORT_PERCENTAGE, "100"],
  ];
  scenario("that are no numbers in their range ask for nothing", { chain: allowed }, async (run) => {
    for (const header of nothing) {
      const result = await run.send(get(header));
      expect(result, header.join(": ")).toForward({});
      expect(result.delay, header.join(": ")).toBeUndefined();
    }
  });

  scenario("lower the share", { chain: allowed }, async (run) => {
    expect(await run.send(get([ABORT, "500"], [ABORT_PERCENTAGE, "0"]))).toForward({});
    expect((await run.send(get([DELAY, "50"], [DELAY_PERCENTAGE, "0"]))).delay).toBeUndefined();
    // What is no number does not count, as in Envoy.
    for (const value of ["100", "101", "99999999999999999999", "", "-1", "all"]) {
      expect(await run.send(get([ABORT, "500"], [ABORT_PERCENTAGE, value])), value).toRespond(500, DETAILS);
    }
  });

  const none = { delay: { percentage: { value: 0 }, headerDelay: {} }, abort: { headerAbort: {} } };
  scenario("never raise it", { chain: rules(none) }, async (run) => {
    const result = await run.send(get([ABORT, "500"], [ABORT_PERCENTAGE, "100"], [DELAY, "50"], [DELAY_PERCENTAGE, "100"]));
    expect(result).toForward({});
    expect(result.delay).toBeUndefined();
  });

  scenario(
    "change nothing where the rule does not allow them",
    { chain: rules({ abort: abort({ percentage: { value: 0 } }) }) },
    async (run) => {
      const result = await run.send(get([ABORT, "500"], [ABORT_PERCENTAGE, "100"], [DELAY, "50"], [DELAY_PERCENTAGE, "100"]));
      expect(result).toForward({});
      expect(result.delay).toBeUndefined();
    },
  );
});

describe("the limit", () => {
  const chain = (maxActiveFaults: number) => fault({ rules: [{ name: "all", delay: delay(), abort: abort() }], maxActiveFaults });

  scenario("of 0 injects nothing", { chain: chain(0) }, async (run) => {
    const result = await run.send(get());
    expect(result).toForward({});
    expect(result.delay).toBeUndefined();
    expect(result.decisions).toEqual([{ filter: "fault", rule: "all", result: "limit", reason: "maxActiveFaults" }]);
    expect(await run.metrics()).toMatchObject({ "fault.faults_overflow": 1 });
  });

  scenario("counts those who wait now, not those who did", { chain: chain(1) }, async (run) => {
    for (let i = 0; i < 3; i++) expect(await run.send(get())).toRespond(503, DETAILS);
    expect(await run.metrics()).toMatchObject({ "fault.delays_injected": 3, "fault.active_faults": 0 });
  });
});

describe("the response header", () => {
  const list = [
    { name: "both", match: { uri: { exact: "/both" } }, delay: delay({ fixedDelay: "20ms" }), abort: abort() },
    { name: "delay", match: { uri: { exact: "/delay" } }, delay: delay({ fixedDelay: "20ms" }) },
    { name: "abort", match: { uri: { exact: "/abort" } }, abort: abort({ headers: { "x-fault": "mine" } }) },
  ];
  const response = { headers: [["x-fault", "upstream"]] as const };

  scenario("says what was injected", { chain: fault({ rules: list, responseHeader: "X-Fault" }) }, async (run) => {
    const seen = async (path: string) => {
      const result = await run.send({ path, response });
      return result.response?.headers.filter(([name]) => name === "x-fault").map(([, value]) => value);
    };
    expect(await seen("/both")).toEqual(["delay,abort"]);
    expect(await seen("/delay")).toEqual(["delay"]);
    expect(await seen("/abort")).toEqual(["abort"]);
    expect(await seen("/other")).toEqual(["upstream"]);
  });

  scenario("is not there where it is not configured", { chain: fault({ rules: list }) }, async (run) => {
    const result = await run.send({ path: "/delay", response });
    expect(result.response?.headers).toContainEqual(["x-fault", "upstream"]);
    expect((await run.send({ path: "/both" })).response?.headers.map(([name]) => name)).not.toContain("x-fault");
  });
});
