import { beforeAll, describe, expect, test } from "vitest";
import { hostcallNames } from "../abi/index.ts";
import { CALLBACK_NAMES } from "../callbacks.ts";
import { lines } from "../testing/scripted-host.ts";
import { scriptedFilter } from "../testing/scripted-filter.ts";
import { startProfiled, startTraced } from "../worker/index.ts";
import { hostcallPrice } from "./prices.ts";
import { CALLBACK_WORDS, SHAPES } from "./shapes.ts";

let module: string;
beforeAll(async () => {
  module = await scriptedFilter();
}, 60_000);

const chain = (script: string) => ({ filters: [{ name: "scripted", module, configuration: lines(script) }] });

test("every hostcall and callback has names for its words", () => {
  const known = (["0.1.0", "0.2.0", "0.2.1"] as const).flatMap(hostcallNames);
  expect(known.filter((name) => SHAPES[name] === undefined)).toEqual([]);
  expect(CALLBACK_NAMES.filter((name) => CALLBACK_WORDS[name] === undefined)).toEqual([]);
});

test("a hostcall with more bytes costs more, and one that cannot be timed has no price", () => {
  expect(hostcallPrice("proxy_get_header_map_value", 100_000)).toBeGreaterThan(hostcallPrice("proxy_get_header_map_value", 16) ?? 0);
  expect(hostcallPrice("proxy_send_local_response", 16)).toBeUndefined();
});

describe("a trace", () => {
  test("has callbacks with their hostcalls, what these were called with and what came back", async () => {
    await using target = await startTraced(
      chain("request_headers: set 0 x-a 1\nrequest_headers: get 0 x-none\nrequest_headers: get 0 :path"),
    );
    const started = await target.trace();
    expect(started.map(({ callback }) => callback)).toEqual(expect.arrayContaining(["proxy_on_vm_start", "proxy_on_configure"]));
    await target.send({ path: "/x" });
    const callbacks = await target.trace();
    expect(callbacks.map(({ callback }) => callback)).toEqual(
      expect.arrayContaining(["proxy_on_context_create", "proxy_on_log", "proxy_on_delete"]),
    );
    const headers = callbacks.find(({ callback }) => callback === "proxy_on_request_headers");
    expect(headers).toMatchObject({ plugin: "scripted", arguments: { headers: 7, endOfStream: 1 }, returned: 0 });
    expect(headers?.hostcalls).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          hostcall: "proxy_replace_header_map_value",
          arguments: { map: "RequestHeaders", name: "x-a", value: "1" },
          status: "Ok",
          bytesToHost: 4,
        }),
        expect.objectContaining({ hostcall: "proxy_get_header_map_value", results: {}, status: "NotFound", allocations: 0 }),
        expect.objectContaining({ hostcall: "proxy_get_header_map_value", results: { value: "/x" }, allocations: 1, allocatedBytes: 2 }),
      ]),
    );
    expect(await target.trace()).toEqual([]);
  });

  test("says which callback trapped, and why", async () => {
    await using target = await startTraced(chain("request_headers: trap"));
    await target.trace();
    await target.send({ path: "/" });
    const trapped = (await target.trace()).filter(({ trap }) => trap !== undefined);
    expect(trapped).toMatchObject([{ callback: "proxy_on_request_headers", trap: expect.stringContaining("unreachable") }]);
  });

  test("tells where a module was that looped for ever", async () => {
    await using target = await startTraced(chain("request_headers: set 0 x-a 1\nrequest_headers: loop"), { timeLimit: 1_000 });
    await expect(target.send({ path: "/" })).rejects.toThrow(
      /was ended in proxy_on_request_headers, after proxy_\w+: does a module loop for ever/,
    );
  });

  test("begins anew with a chain that is loaded anew", async () => {
    await using target = await startTraced(chain("request_headers: define 0 hits\nrequest_headers: trap"));
    expect((await target.send({ path: "/" })).details).toBe("wasm_fail_stream");
    await target.restart();
    expect((await target.trace()).length).toBeGreaterThan(2);
    expect(await target.metrics()).toEqual({});
  });
});

test("a profile sums calls, bytes and allocations, and has V8's samples", async () => {
  await using target = await startProfiled(chain("request_headers: get 0 :path\nrequest_headers: get 0 x-none"));
  await target.send({ path: "/ab" });
  await target.begin();
  for (let i = 0; i < 200; i++) await target.send({ path: "/abc" });
  const { callbacks, hostcalls, functions, inModules, memory } = await target.profile();
  expect(callbacks).toContainEqual({ name: "proxy_on_request_headers", calls: 200, price: 50_000 });
  const get = hostcalls.find(({ name }) => name === "proxy_get_header_map_value");
  expect(get).toMatchObject({ calls: 400, failed: 200, bytesToModule: 800, allocations: 200, allocatedBytes: 800 });
  expect(memory.after).toBeGreaterThanOrEqual(memory.before);
  expect(functions.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(functions.length === 0 ? 0 : 1);
  expect(inModules).toBeGreaterThanOrEqual(0);
});
