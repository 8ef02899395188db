import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";

const MODULE = new URL("./small-memory.ts", import.meta.url).href;

/** What a process prints that keeps its memory small, and then tells how it was called. */
async function called(options: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const program = `
    const { keepMemorySmall } = await import(${JSON.stringify(MODULE)});
    console.log("begun");
    keepMemorySmall();
    console.log(JSON.stringify({ pid: process.pid, options: process.execArgv.slice(0, 2), rest: process.argv.slice(1), arenas: process.env.MALLOC_ARENA_MAX }));`;
  const parameters = [...options, "--input-type=module", "--eval", program, "one", "two words"];
  const child = spawn(process.execPath, parameters, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "", MALLOC_ARENA_MAX: undefined, ...env },
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  const lines = output.trim().split("\n");
  const { pid, ...how } = JSON.parse(lines.at(-1) ?? "") as { readonly pid: number; readonly options: readonly string[] };
  return { ...how, starts: lines.length - 1, isSameProcess: pid === child.pid, errors };
}

const REST = { rest: ["one", "two words"], isSameProcess: true, errors: "" };

test("the process is replaced once by itself, with a small young generation and one heap of glibc's", async () => {
  expect(await called([])).toEqual({ ...REST, starts: 2, options: ["--max-semi-space-size=4", "--heap-growing-percent=60"], arenas: "1" });
  expect(await called([], { MALLOC_ARENA_MAX: "2" })).toMatchObject({ starts: 2, arenas: "2" });
});

test.each([
  ["on the command line", ["--max-semi-space-size=32"], {}, ["--max-semi-space-size=32", "--input-type=module"]],
  ["in the words of V8", ["--max_semi_space_size=32"], {}, ["--max_semi_space_size=32", "--input-type=module"]],
  ["in the environment", ["--no-warnings"], { NODE_OPTIONS: "--max-semi-space-size=32" }, ["--no-warnings", "--input-type=module"]],
])("a size that is given %s holds", async (_, options, env, expected) => {
  expect(await called(options, env)).toEqual({ ...REST, starts: 1, options: expected });
});
