import { describe, expect } from "vitest";
import { scriptedFilter } from "../host/testing/scripted-filter.ts";
import { lines } from "../host/testing/scripted-host.ts";
import { scenario } from "../vitest.ts";
import type { ExchangeRequest } from "./index.ts";

// A client that gives up: what filters see of it, and in which order.

const CALLBACKS = `request_headers: log 2 request headers
request_body: log 2 request body
request_body_end: log 2 request end
response_headers: log 2 response headers
response_body: log 2 response body
response_body_end: log 2 response end
response_trailers: log 2 response trailers
log: log 2 log
log: prop response.flags
log: prop response.code
log: prop response.code_details
log: get 2 x-a
done: log 2 done
delete: log 2 delete`;

const chain = (script: string) => async () => ({
  filters: [{ name: "scripted", module: await scriptedFilter(), configuration: lines(`${CALLBACKS}\n${script}`) }],
});

/** Of the filter's lines the names of its callbacks, in their order, up to the end of the first stream. */
const callbacks = (logs: ReadonlyArray<{ readonly message: string }>) => {
  const names = logs.map(({ message }) => message).filter((message) => /^(?:request|response) \w+$|^(?:log|done|delete)$/.test(message));
  return names.slice(0, names.indexOf("delete") + 1);
};

/** How often a callback came. The last ones of the stream before may come late. */
const count = (logs: ReadonlyArray<{ readonly message: string }>, name: string) => logs.filter(({ message }) => message === name).length;

/** Titles say what the filter does; then its script, the request, and the callbacks between the first and `log`. */
type Case = readonly [title: string, script: string, request: Partial<ExchangeRequest>, between: readonly string[]];

function play(reset: NonNullable<ExchangeRequest["reset"]>, cases: readonly Case[]): void {
  for (const [title, script, request, between] of cases)
    scenario(title, { chain: chain(script) }, async (run) => {
      const sent: ExchangeRequest = { path: "/", protocol: "h2", method: "POST", ...request, reset };
      const result = await run.send(sent);
      const details = request.protocol === "http/1.1" ? "downstream_remote_disconnect" : "http2.remote_reset";
      expect(result).toMatchObject({ outcome: "reset", status: 0, details });
      expect(result.request?.body).toBe(reset === "in-request" ? undefined : "ab");
      // Nothing is left of it.
      expect(await run.send(sent)).toEqual(result);
      // Of the first stream: by then its last line has come.
      expect(callbacks(await run.logs())).toEqual(["request headers", ...between, "log", "done", "delete"]);
    });
}

const body = { chunks: ["a", "b"] };
const pieces = ["request body", "request body"];
const whole = [...pieces, "request body", "request end"];

describe("in the request, with a filter", () => {
  play("in-request", [
    ["that passes everything on", "", body, pieces],
    ["that has seen no body", "", {}, []],
    ["that holds the headers", "request_headers: return 1", body, []],
    ["that holds the body", "request_body: return 1", body, pieces],
    ["that asks somebody else", "request_headers: call upstream 1000 :method GET :path / :authority a\nrequest_headers: return 1", {}, []],
    ["of gRPC", "", { protocol: "grpc", method: undefined as never, body: "message" }, ["request body"]],
  ]);
});

describe("after the request, with a filter", () => {
  play("after-request", [
    ["that passes everything on", "", body, whole],
    ["over HTTP/1.1", "", { protocol: "http/1.1", body: "ab" }, ["request body", "request body", "request end"]],
  ]);
});

describe("in the response, with a filter", () => {
  const response = { headers: [["x-a", "b"]], chunks: ["x", "y"] } as const;
  const both = ["response headers", "response body", "response body"];
  play("in-response", [
    ["that passes everything on", "", { ...body, response }, [...whole, ...both]],
    ["that has seen headers alone", "", { ...body, response: { trailers: [["a", "b"]] } }, [...whole, "response headers"]],
    ["that holds the headers", "response_headers: return 1", { ...body, response }, [...whole, "response headers"]],
    ["that holds the body", "response_body: return 1", { ...body, response }, [...whole, ...both]],
  ]);
});

describe("a client does not give up", () => {
  const giveUp = { path: "/", protocol: "h2", method: "POST", ...body } as const;
  scenario(
    "where a filter has answered before the end of the request",
    { chain: chain("request_body#2: respond 403 no no 0") },
    async (run) => {
      expect(await run.send({ ...giveUp, reset: "in-request" })).toRespond(403, "no");
      expect(await run.send({ ...giveUp, reset: "after-request" })).toRespond(403, "no");
    },
  );

  scenario(
    "where a filter has answered in place of the upstream",
    { chain: chain("response_headers: respond 403 no no 0") },
    async (run) => {
      expect(await run.send({ ...giveUp, reset: "in-response", response: { chunks: ["x"] } })).toRespond(403, "no");
    },
  );

  scenario("in a response that has no body", { chain: chain("") }, async (run) => {
    const result = await run.send({ ...giveUp, reset: "in-response", response: { status: 204, body: "x" } });
    expect(result).toForward();
    expect(result.status).toBe(204);
  });

  const routes = [{ match: { prefix: "/" }, cluster: "upstream", timeout: 0 }];
  const retried = async () => ({ ...(await chain("request_headers: add 0 x-envoy-retry-on 5xx")()), routes });
  scenario("in a response that is tried again", { chain: retried }, async (run) => {
    const result = await run.send({ ...giveUp, reset: "in-response", response: { status: 503, chunks: ["x"] } });
    expect(result).toMatchObject({ outcome: "reset" });
    const answers = (await run.logs()).filter(({ message }) => message === "response headers");
    expect(answers).toHaveLength(1);
  });
});

describe("an answer in pieces", () => {
  const send = { path: "/", protocol: "h2" } as const;
  const response = { chunks: ["a", "", { base64: "AP8=" }, "x".repeat(1_000)] };
  const text = `a\0\xff${"x".repeat(1_000)}`;
  const answer = ["response headers", "response body", "response body", "response body"];

  scenario("comes to filters in them", { chain: chain(""), container: true }, async (run) => {
    const result = await run.send({ ...send, response });
    expect(result.response?.body).toEqual({ base64: Buffer.from(text, "latin1").toString("base64") });
    const short = await run.send({ ...send, response: { chunks: ["x".repeat(16_384), "y"], trailers: [["a", "b"]] } });
    expect(short.response).toMatchObject({ body: `${"x".repeat(16_384)}y`, trailers: [["a", "b"]] });
    expect(callbacks(await run.logs())).toEqual(["request headers", ...answer, "response body", "response end", "log", "done", "delete"]);
    expect((await run.send({ ...send, response: { chunks: [] } })).response).toMatchObject({ body: "" });
    expect((await run.send({ ...send, response: { status: 204, chunks: ["a"] } })).response).toMatchObject({ status: 204, body: "" });
  });

  scenario("or whole, comes in frames of 16 KiB, and a request as well", { chain: chain("") }, async (run) => {
    const bodies = async (size: number, message: "request" | "response") => {
      const before = (await run.logs()).length;
      const content = "x".repeat(size);
      await run.send({ ...send, method: "POST", ...(message === "request" ? { body: content } : { response: { body: content } }) });
      return count((await run.logs()).slice(before), `${message} body`);
    };
    for (const message of ["request", "response"] as const)
      for (const [size, frames] of [
        [1, 1],
        [16_384, 1],
        [16_385, 2],
        [65_536, 4],
        [200_000, 13],
      ] as const)
        // prettier-ignore
        expect(await bodies(size, message), `${message} of ${size} bytes`).toBe(frames);
    const before = (await run.logs()).length;
    await run.send({ ...send, response: { chunks: ["x".repeat(20_000), "y"] } });
    expect(count((await run.logs()).slice(before), "response body")).toBe(4);
  });

  scenario("is put together by a filter that holds it", { chain: chain("response_body_more: return 1") }, async (run) => {
    const result = await run.send({ ...send, response });
    expect(result.response?.body).toEqual({ base64: Buffer.from(text, "latin1").toString("base64") });
  });
});
