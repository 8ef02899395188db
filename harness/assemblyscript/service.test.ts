import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../until.ts";
import { compileFilter, expectChanges, SERVICE } from "./compile.ts";
import { CompilerService } from "./service.ts";

let folder: string;
let service: CompilerService;
let entry: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-service-"));
  entry = join(folder, "index.ts");
  await writeFile(join(folder, "asconfig.json"), JSON.stringify({ options: { runtime: "stub", optimizeLevel: 3 } }));
  service = await CompilerService.start();
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function compile(
  source: string,
  options: { readonly warm: boolean; readonly quick?: boolean; readonly cache?: string },
): Promise<string> {
  await writeFile(entry, source);
  if (options.warm) process.env[SERVICE] = service.path;
  try {
    return await compileFilter(entry, { quick: options.quick ?? true, cache: options.cache ?? "cache" });
  } finally {
    delete process.env[SERVICE];
  }
}

async function answer(path: string): Promise<unknown> {
  const { instance } = await WebAssembly.instantiate(await readFile(path), {});
  return (instance.exports["answer"] as () => number)();
}

const returning = (value: string) => `export function answer(): i32 {\n  return ${value};\n}\n`;

test("a compiler that stays warm compiles each change anew, and what it did once not again", async () => {
  const first = await compile(returning("1"), { warm: true });
  const second = await compile(returning("2"), { warm: true });
  expect([await answer(first), await answer(second)]).toEqual([1, 2]);
  expect(await compile(returning("1"), { warm: true })).toBe(first);
});

test("with the same options it makes the same module as one that was started for it", async () => {
  await compile(returning("3"), { warm: true, quick: false });
  const warm = await compile(returning("4"), { warm: true, quick: false });
  const cold = await compile(returning("4"), { warm: false, cache: "other" });
  expect(await readFile(warm)).toEqual(await readFile(cold));
});

test("what does not compile is said with its place, and the next goes on", async () => {
  const refused = expect(compile(returning('"text"'), { warm: true })).rejects;
  await refused.toThrow(/^index\.ts does not compile:\nERROR TS2322[^]*in index\.ts\(2,10\)/);
  await expect(compile(returning('"text"'), { warm: false })).rejects.toThrow(
    /^index\.ts does not compile:\nERROR TS2322[^]*in index\.ts\(2,10\)/,
  );
  expect(await answer(await compile(returning("5"), { warm: true }))).toBe(5);
});

test("several that ask for a module at once get the same", async () => {
  await writeFile(entry, returning("6"));
  process.env[SERVICE] = service.path;
  const paths = await Promise.all([1, 2, 3].map(() => compileFilter(entry, { cache: "cache" })));
  delete process.env[SERVICE];
  expect(new Set(paths).size).toBe(1);
  expect(await answer(paths[0] ?? "")).toBe(6);
});

test("a source that is written while its module is compiled makes another module, not a wrong one", async () => {
  // Which of both the compiler reads is open; what each makes is not.
  const values = Array.from({ length: 8 }, (_, index) => String(100 + index));
  for (const value of values) {
    await writeFile(entry, returning(value));
    process.env[SERVICE] = service.path;
    const asked = compileFilter(entry, { quick: true, cache: "cache" });
    await writeFile(entry, returning(`${value}0`));
    await asked;
  }
  for (const value of values.flatMap((each) => [each, `${each}0`])) {
    expect(await answer(await compile(returning(value), { warm: true }))).toBe(Number(value));
  }
});

test("a module that was asked for is compiled when its sources change, before anybody asks again", async () => {
  await compile(returning("9"), { warm: true, cache: "ahead" });
  await writeFile(entry, returning("10"));
  service.changed(join(folder, "other.ts"));
  service.changed(entry);
  expect(await answer(await newestOf("ahead", 2))).toBe(10);
});

test("so is one that is there already, where somebody said so", async () => {
  await writeFile(entry, returning("11"));
  process.env[SERVICE] = service.path;
  await expectChanges(entry, { cache: "expected" });
  delete process.env[SERVICE];
  expect(existsSync(join(folder, "expected"))).toBe(false);
  await writeFile(entry, returning("12"));
  service.changed(entry);
  expect(await answer(await newestOf("expected", 1))).toBe(12);
});

/** The last written of as many modules as there shall be. */
async function newestOf(cache: string, count: number): Promise<string> {
  const modules = () => (existsSync(join(folder, cache)) ? readdirSync(join(folder, cache)).filter((name) => name.endsWith(".wasm")) : []);
  const names = await until("the modules are there", modules, ({ length }) => length === count);
  const paths = names.map((name) => join(folder, cache, name)).toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  return paths[0] ?? "";
}
