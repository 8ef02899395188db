import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { instantiate } from "@assemblyscript/loader";
import { afterAll, beforeAll, expect, test } from "vitest";

const compiler = fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"));
const transform = fileURLToPath(new URL("literals.ts", import.meta.url));
let folder: string;

const SOURCE = `
  const TOP = "at the top";
  @inline const INLINED = "put in";
  class Pair { left: i32 = 0; right: i32 = 0; }
  export function top(): string { return TOP; }
  export function inlined(): string { return INLINED; }
  export function list(): string { return ["a", "", "at"].join("-"); }
  const LIST: string[] = ["first", "second"];
  export function typed(): string { LIST.push("third"); return LIST.join(" "); }
  export function latin(): string { return "\\0é\\xff"; }
  export function wide(): string { return "→"; }
  export function offset(): i32 { return <i32>offsetof<Pair>("right"); }
  export function same(text: string): bool { return text == "at the top"; }
  export function standard(): string { return "Hello".padEnd(7, "!"); }
`;

interface Module {
  readonly __getString: (pointer: number) => string;
  readonly __newString: (text: string) => number;
  readonly top: () => number;
  readonly inlined: () => number;
  readonly list: () => number;
  readonly typed: () => number;
  readonly latin: () => number;
  readonly wide: () => number;
  readonly offset: () => number;
  readonly same: (text: number) => number;
  readonly standard: () => number;
}

async function compile(...options: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const parameters = ["index.ts", "--outFile", "out.wasm", "--exportRuntime", "-O3", ...options];
  await promisify(execFile)(process.execPath, [compiler, ...parameters], { cwd: folder });
  return new Uint8Array(await readFile(join(folder, "out.wasm")));
}

async function load(bytes: Uint8Array<ArrayBuffer>): Promise<Module> {
  return (await instantiate(bytes)).exports as unknown as Module;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-literals-"));
  await writeFile(join(folder, "index.ts"), SOURCE);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a module is the same with it, and holds each text once and in one byte a character", { timeout: 60_000 }, async () => {
  const plain = await compile();
  const packed = await compile("--transform", transform);
  for (const module of [await load(plain), await load(packed)]) {
    const text = (pointer: number) => module.__getString(pointer);
    expect(text(module.top())).toBe("at the top");
    expect(text(module.inlined())).toBe("put in");
    expect(text(module.list())).toBe("a--at");
    expect(text(module.typed())).toBe("first second third");
    expect(text(module.latin())).toBe("\0é\u00ff");
    expect(text(module.wide())).toBe("→");
    expect(module.offset()).toBe(4);
    expect(module.same(module.__newString("at the top"))).toBe(1);
    expect(text(module.standard())).toBe("Hello!!");
  }
  const wide = Buffer.from("at the top", "utf16le");
  expect(Buffer.from(plain).includes(wide)).toBe(true);
  expect(Buffer.from(packed).includes(wide)).toBe(false);
  expect(Buffer.from(packed).toString("latin1").split("at the top")).toHaveLength(2);
});
