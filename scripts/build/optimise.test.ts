import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import binaryen from "binaryen";
import { afterAll, beforeAll, expect, test } from "vitest";
import { optimise } from "./optimise.ts";

/** Functions that are exported, so that they stay, and call one another. `add` is worth no call, `sum` is too large to be put in where it is called. */
const SOURCE = `(module
  (memory (export "memory") 1)
  (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $sum (export "sum") (param $from i32) (param $to i32) (result i32)
    (local $total i32)
    (loop $next
      (if (i32.lt_u (local.get $from) (local.get $to)) (then
        (local.set $total (call $add (local.get $total) (i32.load8_u (local.get $from))))
        (local.set $from (call $add (local.get $from) (i32.const 1)))
        (br $next))))
    (local.get $total))
  (func $twice (export "twice") (param i32 i32) (result i32)
    (call $add (call $sum (local.get 0) (local.get 1)) (call $sum (local.get 0) (local.get 1))))
  (func $often (export "often") (param i32 i32) (result i32)
    ${"(if (i32.gt_u (call $twice (local.get 0) (local.get 1)) (i32.const 5)) (then (local.set 1 (call $sum (local.get 0) (local.get 1)))))\n".repeat(12)}
    (local.get 1)))`;
const EXPORTS = ["sum", "twice", "often"] as const;
type Exports = Readonly<Record<(typeof EXPORTS)[number], (from: number, to: number) => number>> & { readonly memory: WebAssembly.Memory };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-optimise-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const compiled = (): Uint8Array => binaryen.parseText(SOURCE).emitBinary();
function load(bytes: Uint8Array): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports as unknown as Exports;
}

/** Which exports V8 puts into other functions when it compiles as in Envoy. */
async function putIn(bytes: Uint8Array): Promise<string[]> {
  const path = join(folder, "module.wasm");
  await writeFile(path, bytes);
  const flags = ["--no-liftoff", "--no-wasm-lazy-compilation", "--trace-wasm-inlining"];
  const script = `new WebAssembly.Module(require("node:fs").readFileSync(${JSON.stringify(path)}))`;
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "-e", script]);
  const functions = new Set([...stdout.matchAll(/inlining direct call #\d+ to function (\d+)\]/g)].map(([, index]) => index));
  const exported = load(bytes);
  // The name of an exported function is its index (WebAssembly JavaScript interface, 5.6).
  return EXPORTS.filter((name) => functions.has(exported[name].name));
}

test("an optimised module does the same", () => {
  const results = [compiled(), optimise(compiled())].map((bytes) => {
    const { memory, ...exported } = load(bytes);
    new Uint8Array(memory.buffer).set([1, 2, 3, 4, 5, 6, 7, 8]);
    return EXPORTS.map((name) => [exported[name](0, 3), exported[name](2, 8)]);
  });
  expect(results[1]).toEqual(results[0]);
  expect(results[0]?.slice(0, 2)).toEqual([
    [6, 33],
    [12, 66],
  ]);
});

test("V8 puts nothing of it into other functions when it compiles as in Envoy", async () => {
  expect(await putIn(compiled())).toEqual(["sum", "twice"]);
  expect(await putIn(optimise(compiled()))).toEqual([]);
});

test("what is worth no call is put in once and for all", () => {
  const module = binaryen.readBinary(optimise(compiled()));
  const names = Array.from({ length: module.getNumFunctions() }, (_, i) => binaryen.getFunctionInfo(module.getFunctionByIndex(i)).params);
  expect(names.filter((parameters) => parameters !== binaryen.none)).toHaveLength(EXPORTS.length);
});

test("of functions with one caller small ones are put into it, and large ones are not", () => {
  const stores = (count: number) =>
    Array.from({ length: count }, (_, i) => `(i32.store offset=${4 * i} (local.get 0) (i32.const ${i}))`).join("\n");
  const source = `(module
    (memory (export "memory") 1)
    (func $small (param i32) ${stores(20)})
    (func $large (param i32 i32) ${stores(200)} (i32.store (local.get 1) (i32.const 1)))
    (func (export "run") (param i32 i32 i32) (call $small (local.get 0)) (call $large (local.get 1) (local.get 2))))`;
  const module = binaryen.readBinary(optimise(binaryen.parseText(source).emitBinary()));
  const parameters = Array.from({ length: module.getNumFunctions() }, (_, i) => {
    const { params } = binaryen.getFunctionInfo(module.getFunctionByIndex(i));
    return binaryen.expandType(params).length;
  });
  expect(parameters.filter((count) => count > 0).toSorted()).toEqual([2, 3]);
});

test("the module says what it is written in", () => {
  const [producers] = WebAssembly.Module.customSections(new WebAssembly.Module(Uint8Array.from(optimise(compiled()))), "producers");
  expect(Buffer.from(producers ?? new ArrayBuffer()).toString("latin1")).toBe("\u0001\u0008language\u0001\u000eAssemblyScript\u0000");
});
