import { describe, expect, test } from "vitest";
import { Host, inspectModule, loadModule } from "./index.ts";
import { BASICS, CALL, DROP, I32_CONST, UNREACHABLE, wasmModule, type WasmModuleSpec } from "./testing/wasm-module.ts";

const [marker, malloc] = BASICS;
if (marker === undefined || malloc === undefined) throw new Error("the basics are a marker and malloc");

const callSetTick = [I32_CONST, 0, CALL, 0, DROP];
const setTick = { name: "proxy_set_tick_period_milliseconds", signature: "i32 -> i32" };
const initialize = (code: readonly number[]) => ({ export: "_initialize", signature: "->", code });

/** A module as bytes, what the host says of it, and the message. */
const refused: ReadonlyArray<readonly [title: string, module: WasmModuleSpec | Uint8Array, code: string, message: RegExp]> = [
  ["no wasm", Buffer.from("hello"), "not-wasm", /Failed to load Wasm bytecode: the file is text, no WebAssembly: /],
  [
    "cut off",
    wasmModule({ functions: BASICS }).subarray(0, 40),
    "not-wasm",
    /Failed to load Wasm bytecode: the module is cut off, damaged, or more than the engine takes: /,
  ],
  ["without a marker", { functions: [malloc] }, "missing-abi", /Missing or unknown Proxy-Wasm ABI version.*proxy_abi_version_0_2_1/],
  ["without malloc", { functions: [marker] }, "missing-export", /missing malloc function/],
  ["without a memory", { functions: BASICS, memory: false }, "missing-export", /exports no memory.*SIGSEGV/],
  [
    "with an import that Envoy has not",
    { imports: [{ name: "abort", signature: "i32 i32 i32 i32 ->" }], functions: BASICS },
    "missing-import",
    /missing import: env\.abort.*--use abort=/,
  ],
  [
    "with a hostcall of an older ABI",
    { imports: [{ name: "proxy_get_configuration", signature: "i32 i32 -> i32" }], functions: BASICS },
    "missing-import",
    /proxy_get_configuration/,
  ],
  [
    "with a hostcall of another type",
    { imports: [{ name: "proxy_done", signature: "i32 -> i32" }], functions: BASICS },
    "bad-signature",
    /want: i32 -> i32, but host exports: -> i32/,
  ],
  [
    "with a callback of another type",
    { functions: [...BASICS, { export: "proxy_on_tick", signature: "->", code: [] }] },
    "bad-signature",
    /proxy_on_tick/,
  ],
  [
    "that calls the host in its START section",
    { imports: [setTick], functions: [...BASICS, { signature: "->", code: callSetTick }], start: 3 },
    "would-crash-envoy",
    /START section.*--exportStart/,
  ],
  ["that traps in _initialize", { functions: [...BASICS, initialize([UNREACHABLE])] }, "start-failed", /unreachable/],
  [
    "that sets a tick in _initialize",
    { imports: [setTick], functions: [...BASICS, initialize(callSetTick)] },
    "start-failed",
    /restricted_callback/,
  ],
];

describe("a module is refused", () => {
  test.each(refused)("%s", (_title, spec, code, message) => {
    const module = spec instanceof Uint8Array ? spec : wasmModule(spec);
    expect(() => new Host().load({ name: "bad", module })).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  test("that is not there", () => {
    expect(() => loadModule("/nowhere/filter.wasm")).toThrow(expect.objectContaining({ code: "not-wasm" }));
  });
});

describe("a module is loaded", () => {
  test("that exports nothing but what it must", () => {
    const host = new Host();
    const stream = host.chain([host.load({ name: "least", module: wasmModule({ functions: BASICS }) })]).request({ path: "/" });
    expect(stream.state).toBe("forwarded");
  });

  test.each(["0_1_0", "0_2_0", "0_2_1"])("with the marker of ABI %s", (version) => {
    const functions = [{ ...marker, export: `proxy_abi_version_${version}` }, malloc];
    expect(loadModule(wasmModule({ functions })).abi).toBe(version.replaceAll("_", "."));
  });

  test("that logs in _initialize", () => {
    const log = { name: "proxy_log", signature: "i32 i32 i32 -> i32" };
    const code = [I32_CONST, 2, I32_CONST, 0, I32_CONST, 0, CALL, 0, DROP];
    const host = new Host();
    host.load({ module: wasmModule({ imports: [log], functions: [...BASICS, initialize(code)] }) });
    expect(host.logs.lines).toHaveLength(1);
  });

  test("and can be inspected", () => {
    const module = wasmModule({ imports: [setTick], functions: BASICS });
    expect(inspectModule(module)).toMatchObject({
      abi: "0.2.1",
      imports: ["env.proxy_set_tick_period_milliseconds"],
      exports: ["proxy_abi_version_0_2_1", "malloc", "memory"],
      hasStartSection: false,
    });
  });
});
