import { describe } from "vitest";
import type { ChainSpec, ExchangeRequest } from "../target/index.ts";
import { scenario } from "../vitest.ts";
import { scriptedFilter } from "./testing/scripted-filter.ts";
import { lines } from "./testing/scripted-host.ts";

// Requests that ask for more than an answer: for another protocol, for a tunnel, for leave to send a body. And where messages end, in front of the router and behind it.

/** Which callbacks come, with which bytes. */
const SEEN = ["request", "response"]
  .flatMap((side, at) => [
    `${side}_headers: log 2 ${side} headers`,
    `${side}_body_more: log 2 ${side} more`,
    `${side}_body_end: log 2 ${side} end`,
    `${side}_body: body ${at} 0 99`,
    `${side}_trailers: log 2 ${side} trailers`,
  ])
  .concat("log: prop response.code", "log: prop response.code_details", "log: prop response.flags", "done: log 2 done")
  .join("\n");

function play(title: string, script: string, requests: readonly ExchangeRequest[], upstream = ""): void {
  const spec = async (): Promise<ChainSpec> => {
    const module = await scriptedFilter();
    return {
      filters: [{ name: "downstream", module, configuration: lines(`${SEEN}\n${script}`) }],
      upstreamFilters: [{ name: "upstream", module, configuration: lines(`${SEEN}\n${upstream}`) }],
    };
  };
  scenario(title, { chain: spec }, async (run) => {
    for (const request of requests) await run.send(request);
  });
}

const SOCKET: ExchangeRequest = { path: "/", protocol: "websocket", body: "hello" };
const REFUSES = "respond 403 no no 4294967295";
/** Headers that a timer lets go on. */
const paused = (side: "request" | "response", stream: 0 | 1) =>
  `${side}_headers: return 1\n${side}_headers: tick 30\ntick: effective\ntick: continue ${stream}\ntick: tick 0`;

describe("a WebSocket", () => {
  play("is open when it is answered, and is cut off when both sides have closed it", "", [
    SOCKET,
    { ...SOCKET, response: { body: "other", delay: 30 } },
    { ...SOCKET, body: "x".repeat(300) },
  ]);
  play("is cut off by the upstream", "", [
    { ...SOCKET, response: { reset: "before-headers" } },
    { ...SOCKET, response: { reset: "after-headers" } },
  ]);
  play("is refused", `request_headers: ${REFUSES}`, [SOCKET]);
  play("is refused when the upstream has taken it", `response_headers: ${REFUSES}`, [SOCKET]);
  play("is cut off by a local response", `response_body: ${REFUSES}`, [SOCKET]);
  play("waits for a paused request", paused("request", 0), [SOCKET]);
  play("waits for a filter of the upstream chain", "", [SOCKET], paused("request", 0));
  play("waits for a paused response", paused("response", 1), [SOCKET]);
});

describe("an upgrade", () => {
  const upgrade = (connection: string, to: string, ...more: ReadonlyArray<readonly [string, string]>): ExchangeRequest => ({
    path: "/",
    headers: [["connection", connection], ["upgrade", to], ...more],
  });
  play("to a protocol that is not configured is refused", "", [upgrade("upgrade", "foo"), upgrade("Upgrade", "WebSocket, foo")]);
  play("to HTTP/2 is passed over", "request_headers: get 0 connection\nrequest_headers: get 0 upgrade", [
    upgrade("Upgrade, HTTP2-Settings", "h2c", ["http2-settings", "AAMAAABkAARAAAAAAAIAAAAA"]),
  ]);
  play("that the request does not ask for is none", "", [
    { path: "/", headers: [["upgrade", "foo"]] },
    { path: "/", response: { status: 101 } },
  ]);
});

play(
  "CONNECT finds no route over HTTP/1.1 where no tunnel is configured, and needs an authority",
  "request_headers: get 0 :authority\nrequest_headers: get 0 :path",
  [
    { path: "other:80", method: "CONNECT" },
    { path: "/", method: "CONNECT" },
  ],
);

describe("expect: 100-continue", () => {
  const expecting = (value: string): readonly ExchangeRequest[] =>
    (["http/1.1", "h2"] as const).map((protocol) => ({ path: "/", method: "POST", protocol, body: "abc", headers: [["expect", value]] }));
  play("is taken out", "request_headers: get 0 expect", [...expecting("100-continue"), ...expecting("100-Continue")]);
  play("is left alone where it says more", "request_headers: get 0 expect", [...expecting("other"), ...expecting("100-continue, x")]);
  play("may be refused", `request_headers: ${REFUSES}`, expecting("100-continue"));
  play("may be added", "request_headers: set 0 expect 100-continue", expecting("100-continue"));
});

describe("the end of a message", () => {
  play("of HTTP/2 comes with its last bytes", "", [
    { path: "/", protocol: "h2", method: "POST", body: "abc", response: { body: "def" } },
    { path: "/", protocol: "h2", method: "POST", chunks: ["abc"], response: { body: "def", trailers: [["x-t", "1"]] } },
    { path: "/", protocol: "h2" },
  ]);
  play("of HTTP/1.1 comes behind them", "", [
    { path: "/", method: "POST", body: "abc", response: { body: "def" } },
    { path: "/", method: "POST", chunks: ["abc"], response: { body: "def", trailers: [["x-t", "1"]] } },
    { path: "/", method: "POST", body: "abc", trailers: [["x-s", "1"]] },
    { path: "/", method: "POST", chunks: ["abc"], trailers: [["x-s", "1"]], response: { trailers: [["x-t", "1"]] } },
    { path: "/" },
  ]);
  const shared = (configuration: string, vmConfiguration: string) => ({
    configuration: lines(configuration),
    vmId: "shared",
    vmConfiguration,
  });
  scenario(
    "of a response is that of the attempt first",
    {
      chain: async () => {
        const module = await scriptedFilter();
        const asked = ["headers", "body", "trailers"].map((part) => `response_${part}: load done`).join("\n");
        return {
          filters: [{ name: "downstream", module, ...shared(`request_headers: store done no 0\n${asked}`, "downstream") }],
          upstreamFilters: [{ name: "upstream", module, ...shared("done: store done yes 0", "upstream") }],
        };
      },
    },
    async (run) => {
      await run.send({ path: "/", protocol: "h2" });
      await run.send({ path: "/", protocol: "h2", response: { body: "abc" } });
      await run.send({ path: "/", protocol: "h2", response: { body: "abc", trailers: [["x-t", "1"]] } });
      await run.send({ path: "/", response: { body: "abc" } });
    },
  );
});
