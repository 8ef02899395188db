import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build, run, version, type Recipe } from "./build.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-foreign-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Copies its source, and counts how often. Names differ, because a process builds a name once. */
async function recipe(name: string, text: string, compiler: string): Promise<Recipe & { builds: number }> {
  const source = join(folder, "source");
  await writeFile(source, text);
  const own = {
    name: `test-${name}`,
    toolchain: { needs: "compiler", find: async () => ({ command: "cp", version: compiler }) },
    source,
    builds: 0,
    async build(command: string, output: string) {
      own.builds++;
      await run(command, [source, output]);
    },
  };
  return own;
}

test("a missing toolchain is named, and is no error", async () => {
  const lacking: Recipe = { ...(await recipe("lacking", "x", "1")), toolchain: { needs: "cc (Debian: gcc)", find: async () => undefined } };
  expect(await build(lacking, folder)).toEqual({ missing: `${lacking.name}: this machine has no cc (Debian: gcc)` });
});

test("a module is built once for its source and its compiler", async () => {
  const first = await recipe("once", "x", "1");
  const [one, two] = await Promise.all([build(first, folder), build(first, folder)]);
  expect(one).toBe(two);
  expect(first.builds).toBe(1);
  if ("missing" in one) throw new Error(one.missing);
  expect(await readFile(one.module, "utf8")).toBe("x");
});

test("another compiler or source makes another file", async () => {
  const paths = [];
  for (const [name, text, compiler] of [
    ["a", "x", "1"],
    ["b", "x", "2"],
    ["c", "y", "2"],
  ] as const) {
    const own = await recipe(name, text, compiler);
    const built = await build(own, folder);
    if ("missing" in built) throw new Error(built.missing);
    paths.push(built.module);
  }
  expect(new Set(paths.map((path) => path.split("-").at(-1))).size).toBe(3);
});

test("a compiler that fails is an error with what it printed", async () => {
  await expect(run("sh", ["-c", "echo oops >&2; exit 1"])).rejects.toThrow("oops");
  expect(await version("sh", ["-c", "exit 1"])).toBeUndefined();
  expect(await version("no-such-command")).toBeUndefined();
});
