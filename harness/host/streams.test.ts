import { describe, expect, test } from "vitest";
import { Host } from "./index.ts";
import { scriptedFilter } from "./testing/scripted-filter.ts";
import { lines, logReader, scriptedHost } from "./testing/scripted-host.ts";

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe("a local response", () => {
  test("runs through the sender's own response headers; spaces in its details become _", async () => {
    const { chain, logged } = await scriptedHost(`
      request_headers: respond 403 my+details denied 4294967295 x-l 1
      response_headers: pairs 2
      log: prop response.code_details`);
    const stream = chain.request({ path: "/" });
    expect(stream).toMatchObject({ state: "responded", details: "my_details" });
    expect(stream.response).toMatchObject({
      status: 403,
      headers: [
        [":status", "403"],
        ["x-l", "1"],
        ["content-length", "6"],
        ["content-type", "text/plain"],
      ],
    });
    expect(text(stream.response?.body)).toBe("denied");
    expect(logged()).toEqual([
      "pairs 2 = 0::status=403|x-l=1|content-length=6|content-type=text/plain",
      "prop response.code_details = 0:my_details",
    ]);
  });

  test.each([
    [403, "4294967295", "7"],
    [503, "4294967295", "14"],
    [429, "4294967295", "14"],
    [429, "8", "8"],
  ])("of %i with gRPC status %s is %s in trailers only", async (status, given, expected) => {
    const { chain } = await scriptedHost(`request_headers: respond ${status} d no+% ${given}`);
    const stream = chain.request({ path: "/s/m", method: "POST", headers: [["content-type", "application/grpc"]] });
    expect(stream.response?.headers).toEqual([
      [":status", "200"],
      ["content-type", "application/grpc"],
      ["grpc-status", expected],
      ["grpc-message", "no %25"],
    ]);
  });

  test("sent twice is one response with the details of the last", async () => {
    const { chain } = await scriptedHost("request_headers: respond 403 a one 0\nrequest_headers: respond 404 b two 0");
    expect(chain.request({ path: "/" })).toMatchObject({ details: "b", response: { status: 403 } });
  });

  test("in place of a response goes past the filters; after its headers went out the stream is reset", async () => {
    const { chain } = await scriptedHost("response_headers: respond 500 late body 4294967295");
    const replaced = chain.request({ path: "/" });
    replaced.respond({ status: 200, body: "abc" });
    expect(replaced.response?.status).toBe(500);

    const late = await scriptedHost("response_body: respond 500 late body 4294967295");
    const stream = late.chain.request({ path: "/" });
    stream.respond({ status: 200, body: "abc" });
    expect(stream).toMatchObject({ state: "reset", details: "late", response: { status: 200 } });
  });
});

describe("bodies", () => {
  test("are not read to their end while nobody reads what the filters let through", async () => {
    const { host, plugin } = await scriptedHost("response_body_end: add 3 x-ended 1");
    const stream = host.chain([plugin], { bufferLimit: 10 }).request({ path: "/" });
    stream.stopReading("client");
    stream.respondHeaders([[":status", "200"]], false);
    stream.respondData("x".repeat(70_000), false);
    stream.respondData("the rest");
    expect(stream).toMatchObject({ state: "responding", response: { body: new Uint8Array(0), trailers: undefined } });
    stream.readOn("client");
    expect(stream).toMatchObject({ state: "responded", response: { trailers: [["x-ended", "1"]] } });
    expect(stream.response?.body).toHaveLength(70_008);
  });

  test("that are buffered come whole and may be changed at both ends", async () => {
    const { chain, logged } = await scriptedHost(`
      request_body_more: return 1
      request_body: body 0 0 100
      request_body_end: setbody 0 0 3 XX
      request_body_end: setbody 0 100 0 END
      request_body_end: setbody 0 2 1 no`);
    const stream = chain.openStream();
    stream.sendHeaders([[":path", "/"]], false);
    stream.sendData("abc", false);
    expect(stream.request?.body).toHaveLength(0);
    stream.sendData("def");
    expect(text(stream.request?.body)).toBe("XXdefEND");
    expect(logged()).toEqual(["body 0 0 100 = 0:abc", "body 0 0 100 = 0:abcdef", "setbody 0 2 1 no = 2"]);
  });

  test("that are stopped without buffering are dropped", async () => {
    const { chain } = await scriptedHost("request_body_more: return 3");
    const stream = chain.openStream();
    stream.sendHeaders([[":path", "/"]], false);
    stream.sendData("abc", false);
    stream.sendData("def");
    expect(text(stream.request?.body)).toBe("def");
  });

  test("over the limit: 413 for a request, 500 for a response", async () => {
    const requests = await scriptedHost("request_body: return 1");
    const large = requests.chain.request({ path: "/", method: "POST", body: "x".repeat(1024 * 1024 + 1) });
    expect([large.details, large.response?.status]).toEqual(["request_payload_too_large", 413]);

    const responses = await scriptedHost("response_headers: return 1\nresponse_body: return 1", { allowOnHeadersStopIteration: true });
    const stream = responses.host.chain([responses.plugin], { bufferLimit: 10 }).request({ path: "/" });
    stream.respond({ body: "x".repeat(11) });
    expect([stream.details, stream.response?.status]).toEqual(["response_payload_too_large", 500]);
  });
});

describe("a stop in the headers", () => {
  test("holds body and trailers, which the filter sees when it goes on", async () => {
    const { chain, host, logged } = await scriptedHost(`
      create: tick 20
      request_headers: return 1
      request_body: body 0 0 99
      request_trailers: pairs 1
      tick: effective
      tick: continue 0
      tick: tick 0`);
    const stream = chain.request({ path: "/", method: "POST", body: "abc", trailers: [["t", "1"]] });
    expect(stream.state).toBe("paused");
    expect(logged()).toEqual([]);
    host.advance(20);
    expect(stream).toMatchObject({ state: "forwarded", request: { trailers: [["t", "1"]], complete: true } });
    expect(logged()).toEqual(["body 0 0 99 = 0:abc", "pairs 1 = 0:t=1"]);
  });

  test("with allow_on_headers_stop_iteration lets the body come, and Continue from it goes on", async () => {
    const { chain } = await scriptedHost("request_headers: return 1\nrequest_body_more: return 1", { allowOnHeadersStopIteration: true });
    const stream = chain.openStream();
    stream.sendHeaders([[":path", "/"]], false);
    stream.sendData("abc", false);
    expect(stream.state).toBe("paused");
    stream.sendData("def");
    expect(stream.state).toBe("forwarded");
    expect(text(stream.request?.body)).toBe("abcdef");
  });
});

test("a chain runs requests forward, responses backward; who was never reached gets its context at log time", async () => {
  const module = await scriptedFilter();
  const host = new Host();
  const logged = logReader(host);
  const script = (name: string, more = "") =>
    lines(`create: log 2 ${name} create
      request_headers: log 2 ${name} request
      response_headers: log 2 ${name} response
      log: log 2 ${name} log
      done: log 2 ${name} done
      delete: log 2 ${name} delete
      ${more}`);
  const plugins = ["a", "b", "c"].map((name) =>
    host.load({ name, vmId: name, module, configuration: script(name, name === "b" ? "request_headers: respond 401 x - 0" : "") }),
  );
  logged();
  host.chain(plugins).request({ path: "/" });
  expect(logged()).toEqual([
    ...["a create", "a request", "b create", "b request", "b response", "a response"],
    ...["a log", "b log", "c create", "c log", "a done", "a delete", "b done", "b delete", "c done", "c delete"],
  ]);
});

describe("what would end Envoy is an error", () => {
  test.each([
    ["continue_stream(1) before a response", "request_headers: continue 1", /before a response exists/],
    ["send_local_response in on_log", "log: respond 500 a b 0", /send_local_response in on_log/],
    ["send_local_response in on_done", "done: respond 500 a b 0", /send_local_response in on_done/],
    ["close_stream in on_log", "log: close 0", /close_stream in on_log/],
    ["close_stream twice", "request_headers: close 0\nrequest_headers: close 0", /close_stream twice/],
    ["close_stream when the context is created", "create: close 0", /close_stream in on_context_create/],
  ])("%s", async (_title, script, message) => {
    const { chain } = await scriptedHost(script);
    const play = () => chain.request({ path: "/" }).respond();
    expect(play).toThrow(expect.objectContaining({ code: "would-crash-envoy", message: expect.stringMatching(message) }));
  });

  test.each([
    ["an unknown header action", "request_headers: return 9", /unknown action 9/],
    ["a local response with status 99999", "request_headers: respond 99999 a b 0", /status 99999/],
    ["a local response with status 204 and a body", "request_headers: respond 204 a b 0", /204 and a body/],
    ["continuing a response that was not paused", "response_headers: continue 1", /did not pause/],
    ["continuing a request that is not paused", "request_headers: continue 0", /upstream twice/],
    ["continuing a request before its headers", "create: continue 0", /upstream twice/],
  ])("and what would corrupt a response, too: %s", async (_title, script, message) => {
    const { chain } = await scriptedHost(script);
    const play = () => chain.request({ path: "/" }).respond({ body: "abc" });
    expect(play).toThrow(expect.objectContaining({ code: "would-corrupt-response", message: expect.stringMatching(message) }));
  });

  test("unless the host is not strict", async () => {
    const { chain } = await scriptedHost("request_headers: return 9", {}, { strict: false });
    expect(chain.request({ path: "/" }).state).toBe("paused");
  });
});

test("a client that leaves ends the context at once", async () => {
  const { chain, logged } = await scriptedHost("request_headers: return 1\nlog: log 2 log\ndone: log 2 done\ndelete: log 2 delete");
  const stream = chain.request({ path: "/" });
  stream.disconnect();
  expect(stream.state).toBe("reset");
  expect(logged()).toEqual(["log", "done", "delete"]);
});
