import { join } from "node:path";
import { beforeAll, describe, expect } from "vitest";
import type { ExchangeRequest, ScriptedResponse } from "../../harness/target/index.ts";
import { scenario as alone } from "../../harness/vitest.ts";
import { compileFilter } from "../testing/assembly.ts";
import { scenario } from "../testing/scenario.ts";
import { chain, MARK, marked, rule, statuses } from "./tester.mts";

let routing: string;
beforeAll(async () => {
  // What asks Envoy for retries, which a client may not.
  routing = await compileFilter(join(import.meta.dirname, "../routing/index.ts"));
}, 180_000);

describe("outlierDetection", () => {
  scenario("five answers of 5xx in a row are a verdict, by Istio's default", { chain: chain({ outlierDetection: {} }) }, async (run) => {
    for (let i = 1; i < 5; i++) {
      const result = await run.send({ path: "/", response: { status: 500 } });
      expect(result).toReturnHeader(MARK);
      expect(result.decisions).toEqual([
        { filter: "ejection", rule: "consecutive5xxErrors", result: "allow", reason: `failure ${i} of 5` },
      ]);
    }
    const last = await run.send({ path: "/", response: { status: 503 } });
    expect(last).toReturnHeader(MARK, "out");
    expect(last.decisions).toEqual([{ filter: "ejection", rule: "consecutive5xxErrors", result: "mark", reason: "the host is out" }]);
    expect(await run.metrics()).toMatchObject({ "ejection.failures": 5, "ejection.marks": 1 });
  });

  scenario(
    "consecutive5xxErrors: a good answer begins the count anew",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 2 } }) },
    async (run) => {
      expect(await marked(run, statuses(500, 200, 500, 404, 500, 599))).toEqual([false, false, false, false, false, true]);
    },
  );

  scenario("consecutive5xxErrors: 0 never", { chain: chain({ outlierDetection: { consecutive5xxErrors: 0 } }) }, async (run) => {
    expect(await marked(run, statuses(500, 500, 500, 500, 500, 500))).not.toContain(true);
  });

  scenario(
    "consecutiveGatewayErrors counts 502, 503 and 504 alone",
    { chain: chain({ outlierDetection: { consecutiveGatewayErrors: 3 } }) },
    async (run) => {
      expect(await marked(run, statuses(502, 503, 500, 503, 504, 502))).toEqual([false, false, false, false, true, false]);
    },
  );

  scenario(
    "5xx are also gRPC statuses in headers, as Envoy maps them",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 1 } }) },
    async (run) => {
      const answers = [0, 5, 14].map((status) => ({ headers: [["grpc-status", String(status)]] as const }));
      expect(await marked(run, answers, { protocol: "grpc" })).toEqual([false, false, true]);
    },
  );

  scenario(
    "baseEjectionTime: answers of a host that is out say nothing",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 1, baseEjectionTime: "1s" } }) },
    async (run) => {
      expect(await marked(run, statuses(500, 500, 500))).toEqual([true, false, false]);
      expect(await marked(run, [{ delay: 1_200 }, { status: 500 }])).toEqual([false, true]);
    },
  );

  scenario(
    "attempts without an answer count as 5xx and mark the next response",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 2 } }) },
    async (run) => {
      expect(await marked(run, [{ status: 500 }, { reset: "before-headers" }])).toEqual([false, false]);
      expect((await run.logs()).at(-1)?.message).toContain("failure 2 of 2, the host's next response is marked");
      expect(await marked(run, [{}, {}])).toEqual([true, false]);
    },
  );

  scenario(
    "splitExternalLocalOriginErrors: they count apart, as consecutiveLocalOriginFailures",
    {
      chain: chain({
        outlierDetection: { splitExternalLocalOriginErrors: true, consecutive5xxErrors: 2, consecutiveLocalOriginFailures: 2 },
      }),
    },
    async (run) => {
      const reset = { reset: "before-headers" } as const;
      expect(await marked(run, [reset, {}, reset, { status: 500 }, reset, reset, {}])).toEqual([...Array<boolean>(6).fill(false), true]);
      expect(await marked(run, [{}])).toEqual([false]);
    },
  );

  scenario(
    "a timeout is an attempt without an answer",
    { chain: chain({ outlierDetection: { consecutive5xxErrors: 1 } }, {}, { timeout: 0.1 }) },
    async (run) => {
      expect(await run.send({ path: "/", response: { delay: 1_000 } })).toRespond(504, "response_timeout");
      expect(await marked(run, [{}])).toEqual([true]);
    },
  );

  // A plugin names itself in its warnings.
  alone(
    "maxEjectionPercent that lets no host be ejected is a warning",
    { chain: chain({ outlierDetection: { interval: "400ms", maxEjectionPercent: 33 } }, { hosts: 3 }) },
    async (run) => {
      await marked(run, [{}, {}, {}, { delay: 1_200 }]);
      expect((await run.logs()).filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
        "ejection: maxEjectionPercent 33 lets none of the 3 hosts of cluster upstream be ejected: 34 lets one",
      ]);
    },
  );
});

describe("rules", () => {
  const cases: ReadonlyArray<
    readonly [
      title: string,
      match: object,
      answers: readonly ScriptedResponse[],
      expected: readonly boolean[],
      request?: Partial<ExchangeRequest>,
    ]
  > = [
    ["status: a code", { status: [429] }, statuses(428, 429, 430), [false, true, false]],
    ["status: a class", { status: ["4xx"] }, statuses(399, 400, 500), [false, true, false]],
    ["status: a range", { status: ["200-204", 301] }, statuses(206, 301, 204), [false, true, false]],
    ["gatewayError", { gatewayError: true }, statuses(500, 501, 505, 504), [false, false, false, true]],
    [
      "grpcStatus in trailers marks the next response",
      { grpcStatus: ["UNAVAILABLE", 8] },
      [{ trailers: [["grpc-status", "5"]] }, { trailers: [["grpc-status", "14"]] }, {}],
      [false, false, true],
      { protocol: "grpc" },
    ],
    ["grpcStatus in headers marks at once", { grpcStatus: [8] }, [{ headers: [["grpc-status", "8"]] }], [true], { protocol: "grpc" }],
    ["grpcStatus is not asked of plain HTTP", { grpcStatus: [14] }, [{ headers: [["grpc-status", "14"]] }, {}], [false, false]],
    ["headers: presence", { headers: { "x-error": {} } }, [{}, { headers: [["x-error", "1"]] }], [false, true]],
    [
      "headers: one value of several",
      { headers: { "x-error": { exact: "b" } } },
      [
        { headers: [["x-error", "a"]] },
        {
          headers: [
            ["x-error", "a"],
            ["x-error", "b"],
          ],
        },
      ],
      [false, true],
    ],
    ["headers: absence", { headers: { "x-ok": { present: false } } }, [{ headers: [["x-ok", "1"]] }, {}], [false, true]],
    [
      "all conditions must hold",
      { status: [200], headers: { "x-error": {} } },
      [{ status: 500, headers: [["x-error", "1"]] }, {}, { headers: [["x-error", "1"]] }],
      [false, false, true],
    ],
    [
      "body: a marker marks the next response",
      { body: { contains: '"error"' } },
      [{ body: "fine" }, { body: '{"error":1}' }, { body: "fine" }],
      [false, false, true],
    ],
    [
      "body: maxBytes",
      { body: { contains: "error", maxBytes: 8 } },
      [{ body: "12345error" }, {}, { body: "123error" }, {}],
      [false, false, false, true],
    ],
    [
      "body and status",
      { status: [200], body: { contains: "e" } },
      [{ status: 500, body: "e" }, {}, { body: "e" }, {}],
      [false, false, false, true],
    ],
    ["latency: above", { latency: { above: "150ms" } }, [{ delay: 1 }, { delay: 300 }], [false, true]],
    [
      "latency: until the end marks the next response",
      { latency: { above: "150ms", until: "end" } },
      [{ delay: 300, body: "x" }, { body: "x" }],
      [false, true],
    ],
    ["localOriginError", { localOriginError: true }, [{ status: 500 }, {}, { reset: "before-headers" }, {}], [false, false, false, true]],
    [
      "reset: after the headers",
      { reset: true },
      [{ status: 500, body: "x" }, {}, { reset: "after-headers" }, {}],
      [false, false, false, true],
    ],
    ["reset: not before them", { reset: true }, [{ reset: "before-headers" }, {}], [false, false]],
  ];
  for (const [title, match, answers, expected, request] of cases) {
    scenario(title, { chain: chain(rule(match)) }, async (run) => {
      expect(await marked(run, answers, request)).toEqual(expected);
    });
  }

  scenario("consecutive: failures in a row", { chain: chain(rule({ headers: { "x-error": {} } }, 3)) }, async (run) => {
    const bad = { headers: [["x-error", "1"]] as const };
    expect(await marked(run, [bad, bad, {}, bad, bad, bad])).toEqual([...Array<boolean>(5).fill(false), true]);
  });

  scenario(
    "several rules count apart",
    {
      chain: chain({
        rules: [
          { name: "a", match: { headers: { a: {} } }, consecutive: 2 },
          { name: "b", match: { headers: { b: {} } }, consecutive: 2 },
        ],
      }),
    },
    async (run) => {
      const a = { headers: [["a", "1"]] as const };
      const b = { headers: [["b", "1"]] as const };
      expect(
        await marked(run, [
          a,
          b,
          a,
          b,
          {
            headers: [
              ["a", "1"],
              ["b", "1"],
            ],
          },
        ]),
      ).toEqual([false, false, false, false, true]);
    },
  );

  scenario(
    "aboveQuantile: slower than the others in the interval before",
    { chain: chain({ outlierDetection: { interval: "600ms" }, ...rule({ latency: { above: "300ms", aboveQuantile: 95 } }, 3) }) },
    async (run) => {
      // Thirty quick answers, twice: one of two intervals has enough of them.
      await marked(
        run,
        Array.from({ length: 60 }, () => ({})),
      );
      const slow = { delay: 700 };
      expect(await marked(run, [slow, slow, slow])).toEqual([false, false, true]);
    },
  );

  scenario(
    "the route takes the mark away",
    { chain: chain(rule({ status: [200] }), {}, { responseHeadersToRemove: [MARK] }) },
    async (run) => {
      const result = await run.send({ path: "/", response: { body: "fine" } });
      expect(result).toReturnHeader(MARK);
      expect(await run.metrics()).toMatchObject({ "ejection.marks": 1 });
    },
  );

  scenario("a service's own mark is taken away", { chain: chain(rule({ status: [500] })) }, async (run) => {
    expect(await marked(run, [{ headers: [[MARK, "out"]] }, { status: 500, headers: [[MARK, "me"]] }])).toEqual([false, true]);
  });

  scenario(
    "every attempt is judged, those that are retried too",
    {
      chain: () => {
        const retries = { attempts: 1, retryOn: "5xx" };
        return chain(
          rule({ status: [503] }),
          {
            filters: [{ name: "routing", module: routing, configuration: { rules: [{ name: "r", cluster: "upstream", retries }] } }],
          },
          { timeout: 0 },
        )();
      },
    },
    async (run) => {
      const result = await run.send({ path: "/", response: { status: 503 } });
      expect(result.status).toBe(503);
      expect(result.decisions.filter(({ filter }) => filter === "ejection").map(({ result: decision }) => decision)).toEqual([
        "mark",
        "allow",
      ]);
      expect(await run.metrics()).toMatchObject({ "ejection.failures": 2, "ejection.marks": 1 });
    },
  );
});

describe("hold", () => {
  const held = (match: object, hold: object) => chain({ ...rule(match), hold });

  scenario("headers wait for the marker in the body", { chain: held({ body: { contains: "error" } }, { timeout: "2s" }) }, async (run) => {
    expect(await marked(run, [{ body: "fine" }, { body: "an error" }])).toEqual([false, true]);
  });

  scenario("headers wait for the status in trailers", { chain: held({ grpcStatus: [14] }, { timeout: "2s" }) }, async (run) => {
    const answers = [{ body: "m" }, { body: "m", trailers: [["grpc-status", "14"]] as const }];
    expect(await marked(run, answers, { protocol: "grpc" })).toEqual([false, true]);
  });

  scenario(
    "bytes: a larger body is let go, and marks the next response",
    { chain: held({ body: { contains: "error" } }, { timeout: "2s", bytes: 16 }) },
    async (run) => {
      expect(await marked(run, [{ body: `an error${".".repeat(100)}` }])).toEqual([true]);
      const late = `${".".repeat(40_000)} error`;
      await run.send({ path: "/", response: { delay: 1 } });
      expect((await run.send({ path: "/", response: { body: late } })).response?.body).toBe(late);
    },
  );

  scenario("what needs no waiting is not held", { chain: held({ status: [500] }, { timeout: "2s" }) }, async (run) => {
    expect(await marked(run, [{ body: "fine" }, { status: 500, body: "bad" }])).toEqual([false, true]);
  });

  scenario(
    "held headers whose body is cut off do not reach the client",
    { chain: held({ body: { contains: "error" } }, { timeout: "2s" }) },
    async (run) => {
      const result = await run.send({ path: "/", response: { body: "fine", reset: "after-headers" } });
      expect(result).toRespond(502, "upstream_reset_before_response_started{protocol_error}");
      const call = await run.send({ path: "/", protocol: "grpc", response: { reset: "after-headers" } });
      expect(call).toRespond(200, "upstream_reset_before_response_started{protocol_error}");
    },
  );

  scenario("an answer without a body is not held", { chain: held({ body: { contains: "error" } }, { timeout: "2s" }) }, async (run) => {
    expect(await run.send({ path: "/", method: "HEAD", response: { status: 204 } })).toForward();
  });
});
