import { beforeAll, describe, expect, test } from "vitest";
import { Host } from "./index.ts";
import { MAX_MEMORY } from "./memory-limit.ts";
import { readSections } from "./module-sections.ts";

const GROWS = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 4096)) (i32.const -1))))";

const module = (pages: number) => `(module (memory (export "memory") ${pages})
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${GROWS} (i32.const 0)))`;

let compile: (source: string) => Uint8Array;
beforeAll(async () => {
  const { default: binaryen } = await import("binaryen");
  compile = (source) => binaryen.parseText(source).emitBinary();
});

describe("a module", () => {
  test("that takes all memory it can get is refused more than Envoy gives", () => {
    const host = new Host();
    const plugin = host.load({ name: "hog", module: compile(module(4096)) });
    host.chain([plugin]).request({ path: "/" });
    expect(plugin.memorySize()).toBe(MAX_MEMORY);
  });

  test("that begins with more is told so", () => {
    const load = () => new Host().load({ name: "hog", module: compile(module(65_536)) });
    expect(load).toThrow(/Failed to initialize Wasm code: .* more memory to begin with than there is; Envoy gives 1024 MiB at most/);
  });

  test("with more functions than a call has arguments is read", () => {
    const count = [0xa0, 0xc2, 0x1e];
    const types = [1, 4, 1, 0x60, 0, 0];
    const functions = Buffer.concat([Buffer.of(3, 0xa3, 0xc2, 0x1e, ...count), Buffer.alloc(500_000)]);
    const exported = [7, 5, 1, 1, 0x66, 0, 0];
    const bytes = Buffer.concat([Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...types]), functions, Buffer.from(exported)]);
    expect(readSections(bytes).exports.get("f")).toEqual({ kind: "func", signature: "->" });
  });
});
