import { describe, expect, test } from "vitest";
import { Host, type FailurePolicy } from "./index.ts";
import { scriptedFilter } from "./testing/scripted-filter.ts";
import { lines, logReader, scriptedHost } from "./testing/scripted-host.ts";

describe("loading", () => {
  test.each(["vm_start", "configure"])("is refused when %s returns false, with what was logged", async (callback) => {
    const script = `${callback}: log 4 bad thing\n${callback}: return 0`;
    const config = callback === "vm_start" ? { vmConfiguration: script } : {};
    const loading = scriptedHost(callback === "vm_start" ? "" : script, config);
    await expect(loading).rejects.toMatchObject({
      code: "configuration-refused",
      message: expect.stringMatching(/Unable to create Wasm plugin scripted.*\n.*bad thing/),
    });
  });

  test("is refused when configure traps", async () => {
    await expect(scriptedHost("configure: trap")).rejects.toMatchObject({
      code: "configuration-refused",
      message: expect.stringContaining("unreachable"),
    });
  });

  test("runs in the canary, the main thread and each worker, as Envoy does, where asked for", async () => {
    const { logged } = await scriptedHost("configure: log 2 here", {}, { instances: { canary: true, mainThread: true, workers: 2 } });
    expect(logged()).toEqual(["here", "here", "here", "here"]);
  });

  test("hands over JSON for what is neither text nor bytes", async () => {
    const host = new Host();
    const module = await scriptedFilter();
    expect(() => host.load({ module, configuration: { a: [1] } })).not.toThrow();
  });
});

describe("plugins of one vm_id, code and VM configuration", () => {
  test("share a VM with a root each", async () => {
    const module = await scriptedFilter();
    const host = new Host();
    const logged = logReader(host);
    const one = host.load({ name: "one", vmId: "v", module, configuration: "request_headers: prop plugin_name" });
    const two = host.load({
      name: "two",
      vmId: "v",
      module,
      configuration: "request_headers: prop plugin_name\nrequest_headers: prop plugin_vm_id",
    });
    expect(one.root().vm).toBe(two.root().vm);
    expect(one.root().id).not.toBe(two.root().id);
    host.chain([one, two]).request({ path: "/" });
    expect(logged()).toEqual(["prop plugin_name = 0:one", "prop plugin_name = 0:two", "prop plugin_vm_id = 0:v"]);
  });

  test("and of one name and configuration share the root", async () => {
    const module = await scriptedFilter();
    const host = new Host();
    const [one, two] = [host.load({ name: "x", module }), host.load({ name: "x", module })];
    expect(one.root()).toBe(two.root());
    expect(host.load({ name: "x", module, vmId: "other" }).root().vm).not.toBe(one.root().vm);
  });
});

describe("an update of the configuration", () => {
  test("serves new streams; the old root goes with its last stream", async () => {
    const { plugin, chain, logged } = await scriptedHost(
      "request_headers: log 2 old\nresponse_headers: log 2 old response\nroot_done: log 2 root done\nroot_delete: log 2 root delete",
    );
    const stream = chain.request({ path: "/" });
    plugin.update("request_headers: log 2 new");
    chain.request({ path: "/" });
    expect(logged()).toEqual(["old", "new"]);
    stream.respond();
    expect(logged()).toEqual(["old response", "root done", "root delete"]);
  });

  test("that is refused leaves the old one serving", async () => {
    const { plugin, chain, logged } = await scriptedHost("request_headers: log 2 old");
    expect(() => plugin.update("configure: return 0")).toThrow(expect.objectContaining({ code: "configuration-refused" }));
    chain.request({ path: "/" });
    expect(logged()).toEqual(["old"]);
  });

  test("that changes nothing does nothing; a root may ask to live until proxy_done", async () => {
    const script = "configure: tick 10\nroot_done: return 0\ntick: done\nroot_delete: log 2 gone";
    const { plugin, host, logged } = await scriptedHost(script);
    plugin.update(script);
    expect(logged()).toEqual([]);
    plugin.update("configure: log 2 next");
    expect(logged()).toEqual(["next"]);
    host.advance(10);
    expect(logged()).toEqual(["gone"]);
  });
});

describe("a trap", () => {
  const failing = "request_body: trap\nrequest_headers: log 2 seen\ntick: trap";

  async function play(failurePolicy: FailurePolicy) {
    const scripted = await scriptedHost(failing, { failurePolicy });
    const first = scripted.chain.request({ path: "/", method: "POST", body: "x" });
    return { ...scripted, first, next: () => scripted.chain.request({ path: "/" }) };
  }

  test.each(["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"] as const)("answers 503 under %s and is logged with its reason", async (policy) => {
    const { first, host } = await play(policy);
    expect(first).toMatchObject({ details: "wasm_fail_stream", response: { status: 503 } });
    expect(host.logs.lines.filter((line) => line.source === "host").map((line) => line.message)).toEqual([
      "Function: proxy_on_request_body failed: Uncaught RuntimeError: unreachable",
    ]);
  });

  test("then FAIL_CLOSED answers 503, FAIL_OPEN passes", async () => {
    expect((await play("FAIL_CLOSED")).next()).toMatchObject({
      state: "responded",
      details: "wasm_fail_stream",
      response: { status: 503 },
    });
    expect((await play("FAIL_OPEN")).next().state).toBe("forwarded");
  });

  test("then FAIL_RELOAD answers 503 until the back-off is over", async () => {
    const { next, host } = await play("FAIL_RELOAD");
    expect(next().response?.status).toBe(503);
    host.advance(1600);
    expect(next().state).toBe("forwarded");
    expect(Object.fromEntries(host.stats)).toEqual({ "wasm.scripted.vm_reload_backoff": 1, "wasm.scripted.vm_reload_success": 1 });
  });

  test("takes every stream and every plugin of the VM down", async () => {
    const module = await scriptedFilter();
    const host = new Host();
    const good = host.load({ name: "good", module, configuration: "" });
    const bad = host.load({ name: "bad", module, configuration: "request_headers: trap" });
    const stream = host.chain([good]).request({ path: "/" });
    host.chain([bad]).request({ path: "/" });
    stream.respond();
    expect(stream).toMatchObject({ details: "wasm_fail_stream", response: { status: 503 } });
  });

  test("in a tick ends the ticks, and FAIL_RELOAD repairs it with the next stream", async () => {
    const { chain, host } = await scriptedHost("configure: tick 100\ntick: trap\nrequest_headers: log 2 seen", {
      failurePolicy: "FAIL_RELOAD",
    });
    host.advance(5000);
    expect(host.logs.lines.filter((line) => line.source === "host")).toHaveLength(1);
    expect(chain.request({ path: "/" }).state).toBe("forwarded");
  });

  test("loses its callouts", async () => {
    const { chain, host } = await scriptedHost(
      "request_headers: call backend 100 :path / :method GET :authority b\nrequest_headers: return 1\nresponse_body: trap\ncreate: tick 5\ntick: trap",
    );
    host.clusters.set("backend");
    chain.request({ path: "/" });
    expect(host.worker.callouts.pending).toHaveLength(1);
    host.advance(5);
    expect(host.worker.callouts.pending).toHaveLength(0);
  });
});

describe("capabilities", () => {
  const basic = ["proxy_on_context_create", "proxy_on_configure", "proxy_log", "proxy_get_buffer_bytes", "proxy_on_request_headers"];

  test("a hostcall that is not among them fails with 10", async () => {
    const { chain, logged, host } = await scriptedHost("request_headers: set 0 x-a 1", { allowedCapabilities: basic });
    const stream = chain.request({ path: "/" });
    expect(stream.requestHeader("x-a")).toBeUndefined();
    expect(logged()).toEqual(["set 0 x-a 1 = 10"]);
    expect(host.logs.lines.map((line) => line.message)).toContain(
      "Attempted call to restricted proxy-wasm capability: proxy_replace_header_map_value",
    );
  });

  test("a callback that is not among them is not called", async () => {
    const { chain, logged } = await scriptedHost(lines("request_headers: log 2 request\nresponse_headers: log 2 response"), {
      allowedCapabilities: basic,
    });
    chain.request({ path: "/" }).respond();
    expect(logged()).toEqual(["request"]);
  });
});
