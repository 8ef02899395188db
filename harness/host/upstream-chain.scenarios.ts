import type { ChainSpec, ExchangeRequest } from "../target/index.ts";
import { scenario } from "../vitest.ts";
import { scriptedFilter } from "./testing/scripted-filter.ts";
import { lines } from "./testing/scripted-host.ts";

// A filter in front of the router and one behind it, in the upstream chain: what they buffer, and whom that stops, in the in-process host and in Envoy.

const MEBIBYTE = 1024 * 1024;
/** Of HTTP/1.1, which buffers 1 MiB, more than is read before it stops. */
const LARGE = "x".repeat(4 * MEBIBYTE);

const POST: ExchangeRequest = { path: "/", method: "POST", body: LARGE };
const ANSWER: ExchangeRequest = { path: "/", response: { body: LARGE } };

const ENDS = "request_body_end: log 2 request ends\nresponse_body_end: log 2 response ends";
/** Whether the other filter has seen a body to its end stands in shared data. */
const TOLD = "request_body_end: store ended yes 0\nresponse_body_end: store ended yes 0";
/** Headers that are paused for a while: bodies behind them wait up to the limit. */
const paused = (callback: string, stream: 0 | 1) =>
  `${callback}: store ended no 0\n${callback}: return 1\n${callback}: tick 300\ntick: tick 0\ntick: load ended\ntick: effective\ntick: continue ${stream}\n${ENDS}`;

/** VMs of their own that share data. */
const shared = (vmConfiguration: string) => ({ vmId: "shared", vmConfiguration });

function play(title: string, downstream: string, upstream: string, request: ExchangeRequest): void {
  const spec = async (): Promise<ChainSpec> => {
    const module = await scriptedFilter();
    return {
      filters: [{ name: "downstream", module, configuration: lines(downstream), ...shared("downstream") }],
      upstreamFilters: [{ name: "upstream", module, configuration: lines(upstream), ...shared("upstream") }],
    };
  };
  scenario(title, { chain: spec }, async (run) => {
    await run.send(request);
  });
}

const DETAILS = "log: prop response.code_details\nlog: prop response.flags";

play(
  "a request over the limit that an upstream filter buffers is answered with 413",
  `${ENDS}\n${DETAILS}`,
  "request_body: return 1",
  POST,
);
play("a response over the limit that an upstream filter buffers becomes a 500", `${ENDS}\n${DETAILS}`, "response_body: return 1", ANSWER);
play("a request that an upstream filter holds over the limit is not read in front of the router", TOLD, paused("request_headers", 0), POST);
play("a response that an upstream filter holds over the limit is not read", ENDS, paused("response_headers", 1), ANSWER);
play("a response that a filter holds over the limit is not read behind the router", paused("response_headers", 1), TOLD, ANSWER);
play("a request that both hold over the limit", paused("request_headers", 0), paused("request_headers", 0), POST);
play("a response that both hold over the limit", paused("response_headers", 1), paused("response_headers", 1), ANSWER);

for (const size of [MEBIBYTE - 1000, MEBIBYTE + 1000]) {
  play(
    `a request of ${size} bytes is tried again, if it may be`,
    `request_headers: set 0 x-envoy-retry-on 5xx\nlog: prop upstream.request_attempt_count\n${DETAILS}`,
    // Less of it is left for the second attempt.
    `${ENDS}\nrequest_headers: remove 0 x-envoy-expected-rq-timeout-ms`,
    { path: "/", method: "POST", body: "x".repeat(size), response: { status: 503, body: "no" } },
  );
}

for (const [title, headers] of [
  [
    "that an Envoy limited is not tried again for its status",
    { "x-envoy-retry-on": "5xx,retriable-headers", "x-envoy-retriable-header-names": "x-a" },
  ],
  ["that an Envoy limited is tried again where that is asked for", { "x-envoy-retry-on": "5xx,envoy-ratelimited" }],
  ["that no Envoy limited is not tried again for that", { "x-envoy-retry-on": "envoy-ratelimited" }],
] as const) {
  const limited: ReadonlyArray<readonly [string, string]> = title.includes("no Envoy") ? [] : [["x-envoy-ratelimited", "true"]];
  play(
    `a request ${title}`,
    `${Object.entries(headers)
      .map(([name, value]) => `request_headers: set 0 ${name} ${value}`)
      .join("\n")}\nlog: prop upstream.request_attempt_count\n${DETAILS}`,
    `${ENDS}\nrequest_headers: remove 0 x-envoy-expected-rq-timeout-ms`,
    { path: "/", response: { status: 503, headers: [["x-a", "1"], ...limited] } },
  );
}
