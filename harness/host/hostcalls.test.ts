import { describe, expect, test } from "vitest";
import { scriptedHost } from "./testing/scripted-host.ts";

// What each hostcall returned was compared with Envoy 1.40, which ran the same scripts.

/** Runs a script for `GET /x?y` that is answered with 201, and gives what was logged. */
async function play(script: string): Promise<string[]> {
  const { chain, logged } = await scriptedHost(script);
  const stream = chain.request({
    path: "/x?y",
    headers: [
      ["x-a", "1"],
      ["x-a", "2"],
      ["authorization", "t"],
    ],
  });
  if (stream.state === "forwarded") stream.respond({ status: 201, headers: [["x-r", "1"]], body: "abc" });
  return logged();
}

describe("header maps", () => {
  test("only the first value of a header is read, whatever the case of its name", async () => {
    expect(await play("request_headers: get 0 X-A")).toEqual(["get 0 X-A = 0:1"]);
  });

  test("a missing header is not found, a missing map a bad argument, its pairs none", async () => {
    const script = "request_headers: get 0 nope\nrequest_headers: get 2 :status\nrequest_headers: pairs 2\nrequest_headers: get 9 x";
    expect(await play(script)).toEqual(["get 0 nope = 1:", "get 2 :status = 2:", "pairs 2 = 0:", "get 9 x = 2:"]);
  });

  test("adding to an O(1) header joins, replacing moves to the end, removing takes all", async () => {
    const script = `request_headers: add 0 :path /z
      request_headers: add 0 authorization u
      request_headers: set 0 x-a 3
      request_headers: pairs 0
      request_headers: remove 0 x-a
      request_headers: get 0 x-a`;
    expect(await play(script.replaceAll("\n      ", "\n"))).toEqual([
      "pairs 0 = 0::method=GET|:scheme=http|:authority=localhost|:path=/x?y,/z|authorization=t,u|x-a=3",
      "get 0 x-a = 1:",
    ]);
  });

  test("host is :authority", async () => {
    expect(await play("request_headers: set 0 host h\nrequest_headers: get 0 :authority")).toEqual(["get 0 :authority = 0:h"]);
  });

  test("malformed pairs wipe the map with status 0", async () => {
    expect(await play("response_headers: badpairs 2\nresponse_headers: pairs 2")).toEqual(["pairs 2 = 0:"]);
  });

  test("request headers cannot be read after they went on, until on_log", async () => {
    const script = "response_headers: get 0 :path\nlog: get 0 :path\nlog: get 2 :status\nlog: add 0 a b\ndone: prop request.path";
    expect(await play(script)).toEqual([
      "get 0 :path = 2:",
      "get 0 :path = 0:/x?y",
      "get 2 :status = 0:201",
      "add 0 a b = 2",
      "prop request.path = 1:",
    ]);
  });
});

describe("properties", () => {
  test("are encoded as CEL values", async () => {
    const script =
      "request_headers: prop request.path\nresponse_headers: prop response.code\nrequest_headers: prop connection.mtls\nrequest_headers: prop request.headers.x-a";
    expect(await play(script)).toEqual([
      "prop request.path = 0:/x?y",
      "prop connection.mtls = 0:\\00",
      "prop request.headers.x-a = 0:1,2",
      "prop response.code = 0:\\c9\\00\\00\\00\\00\\00\\00\\00",
    ]);
  });

  test.each(["upstream.address", "response.code", "request.duration", "route_name", "node.id", "nope", "request.id"])(
    "%s is not there at request headers",
    async (path) => {
      expect(await play(`request_headers: prop ${path}`)).toEqual([`prop ${path} = 1:`]);
    },
  );

  test("a whole map of the stream cannot be serialised", async () => {
    expect(await play("request_headers: prop request")).toEqual(["prop request = 3:"]);
  });

  test("that filters set are single segments below wasm.", async () => {
    const script =
      "request_headers: setprop a 1\nresponse_headers: prop a\nrequest_headers: setprop b.c 2\nresponse_headers: prop b.c\nresponse_headers: prop filter_state.wasm%2Ea\nconfigure: setprop x y";
    expect(await play(script)).toEqual(["setprop x y = 1", "prop a = 0:1", "prop b.c = 1:", "prop filter_state.wasm%2Ea = 0:1"]);
  });
});

describe("metrics", () => {
  test("counters only grow, gauges move, histograms take records", async () => {
    const script = [
      "define 0 c",
      "define 1 g",
      "define 2 h",
      "define 3 x",
      "increment c 0",
      "increment c 2",
      "metric c",
      "increment g -5",
      "record g 7",
      "metric g",
      "record h 5",
      "metric h",
      "metric 9999",
    ];
    expect(await play(script.map((line) => `request_headers: ${line}`).join("\n"))).toEqual([
      "define x = 2",
      "increment c 0 = 2",
      "metric c = 0:2",
      "metric g = 0:7",
      "metric h = 2:",
      "metric 9999 = 2:",
    ]);
  });

  test("are shared by name", async () => {
    const { host, chain } = await scriptedHost("request_headers: define 0 hits\nrequest_headers: increment hits 1");
    for (let i = 0; i < 3; i++) chain.request({ path: "/" });
    expect(host.metrics.values()).toEqual({ hits: 3 });
  });
});

describe("shared data", () => {
  test("a compare-and-swap number that is not the last is refused, except for a missing key", async () => {
    const script = ["load k", "store k v 0", "load k", "store k w 1", "store k x 77777", "store n y 77777", "load n"];
    expect(await play(script.map((line) => `request_headers: ${line}`).join("\n"))).toEqual([
      "load k = 1:",
      "load k = 0:v cas",
      "store k x 77777 = 8",
      "load n = 0:y cas",
    ]);
  });

  test("survives a trap and ends with the last VM of its id", async () => {
    const { plugin, chain, logged, host } = await scriptedHost(
      "request_headers: load k\nrequest_headers: store k v 0\nrequest_trailers: trap",
      {
        failurePolicy: "FAIL_RELOAD",
      },
    );
    chain.request({ path: "/", trailers: [["t", "1"]] });
    host.advance(2000);
    chain.request({ path: "/" }).respond();
    expect(logged()).toEqual(["load k = 1:", "load k = 0:v cas"]);
    plugin.unload();
    expect(host.sharedData.get("", "k")).toBeUndefined();
  });
});

describe("shared queues", () => {
  test("an event comes to the root that registered, after the callback", async () => {
    const script = [
      "request_headers: resolve - q",
      "request_headers: register q",
      "request_headers: enqueue 1 hello",
      "request_headers: dequeue 99",
      "queue_ready: dequeue 1",
      "queue_ready: dequeue 1",
    ];
    expect(await play(script.join("\n"))).toEqual([
      "resolve - q = 1:",
      "register q = 0:1",
      "dequeue 99 = 1:",
      "dequeue 1 = 0:hello",
      "dequeue 1 = 7:",
    ]);
  });
});

describe("the rest", () => {
  test("bad arguments", async () => {
    const script = ["effective 99999", "continue 5", "close 9", "done", "foreign nope", "level"];
    expect(await play(script.map((line) => `request_headers: ${line}`).join("\n"))).toEqual([
      "effective 99999 = 2",
      "continue 5 = 2",
      "close 9 = 2",
      "done = 1",
      "foreign nope = 1:",
      "level = 0:2",
    ]);
  });

  test("time stands still until the test advances it", async () => {
    const { host, chain, logged } = await scriptedHost("request_headers: time");
    chain.request({ path: "/" });
    host.advance(1500);
    chain.request({ path: "/" });
    const start = BigInt(Date.parse("2026-01-01T00:00:00Z")) * 1_000_000n;
    expect(logged()).toEqual([`time = 0:${start}`, `time = 0:${start + 1_500_000_000n}`]);
  });
});
