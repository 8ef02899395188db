import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../harness/index.ts";

// An author's folder, watched: what a changed source of a filter runs again.

const repository = fileURLToPath(new URL("../..", import.meta.url));
const harness = JSON.stringify(join(repository, "harness/assemblyscript/index.ts"));

const FILES = {
  "asconfig.json": JSON.stringify({ options: { runtime: "stub" } }),
  "vitest.config.ts": `import { assemblyScript } from ${harness};
    export default { plugins: [assemblyScript()], test: { reporters: ["verbose"], testTimeout: 60_000 } };`,
  "value.ts": "export const value: i32 = 1;",
  "index.ts": 'import { value } from "./value";\nexport function answer(): i32 { return value; }',
  "filter.test.ts": `import { readFile } from "node:fs/promises";
    import { expect, test } from "vitest";
    import { compileFilter } from ${harness};
    globalThis.files = (globalThis.files ?? 0) + 1;
    console.log("file " + globalThis.files + " of process " + process.pid + " started at " + Math.round(performance.timeOrigin));
    test("asked for", async () => {
      const { instance } = await WebAssembly.instantiate(await readFile(await compileFilter(new URL("index.ts", import.meta.url))), {});
      expect("the answer is " + instance.exports.answer()).toBe("nothing");
    });`,
  "other.test.ts": 'import { test } from "vitest";\ntest("another", () => {});',
};

let folder: string;
let watching: ChildProcess;
let output = "";
beforeEach(async () => {
  await mkdir(join(repository, ".cache"), { recursive: true });
  folder = await mkdtemp(join(repository, ".cache/watched-"));
});
afterEach(async () => {
  const exited = once(watching, "exit");
  watching.kill();
  await exited;
  await rm(folder, { recursive: true });
});

async function watch(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  const { VITEST: _, VITEST_MODE: __, NODE_ENV: ___, ...inherited } = process.env;
  const vitest = fileURLToPath(new URL("../vitest.mjs", import.meta.resolve("vitest")));
  output = "";
  watching = spawn(process.execPath, [vitest, "watch", "-t", "asked for"], { cwd: folder, env: { ...inherited, NO_COLOR: "1" } });
  for (const stream of [watching.stdout, watching.stderr]) stream?.on("data", (chunk: Buffer) => (output += String(chunk)));
}

/** What vitest says until it waits again. */
async function round(): Promise<string> {
  const look = () => output;
  const said = await until("vitest has ended a run", look, (text) => /(?:Waiting|Watching) for file changes/.test(text), {
    timeout: 60_000,
  });
  output = "";
  return said;
}

function processOf(said: string): { readonly file: number; readonly id: number; readonly startedAt: number } {
  const [, file, id, startedAt] = /file (\d+) of process (\d+) started at (\d+)/.exec(said) ?? [];
  return { file: Number(file), id: Number(id), startedAt: Number(startedAt) };
}

test(
  "a changed source is compiled by the compiler that stays warm, and runs the tests that have to do with it",
  { timeout: 180_000 },
  async () => {
    await watch(FILES);
    const first = await round();
    expect(first).toContain("the answer is 1");
    let changed = Date.now();
    await writeFile(join(folder, "value.ts"), "export const value: i32 = 2;");
    const second = await round();
    expect(second).toContain("the answer is 2");
    // A file of which no test has a name that is asked for has nothing to say.
    expect(second).toMatch(/Test Files {2}1 failed \(1\)/);
    // In a process of its own, which was there before, unless the change came before that.
    const processes = [first, second].map(processOf);
    for (let value = 3; (processes.at(-1)?.startedAt ?? 0) >= changed && value < 20; value++) {
      changed = Date.now();
      await writeFile(join(folder, "value.ts"), `export const value: i32 = ${value};`);
      const said = await round();
      expect(said).toContain(`the answer is ${value}`);
      processes.push(processOf(said));
    }
    expect(processes.at(-1)?.startedAt).toBeLessThan(changed);
    expect(new Set(processes.map(({ id }) => id)).size).toBe(processes.length);
    expect(processes.map(({ file }) => file)).toEqual(processes.map(() => 1));
    await writeFile(join(folder, "value.ts"), "export const value: i32 = ;");
    expect(await round()).toContain("index.ts does not compile:");
    await writeFile(join(folder, "value.ts"), "export const value: i32 = 100;");
    expect(await round()).toContain("the answer is 100");
  },
);

test(
  "with isolate: false the process stays, with nothing of test files and their helpers that have changed",
  { timeout: 180_000 },
  async () => {
    await watch({
      ...FILES,
      "vitest.config.ts": FILES["vitest.config.ts"].replace("test: {", "test: { isolate: false,"),
      "helper.ts": "export const HELP = 1;",
      "filter.test.ts": `import { HELP } from "./helper.ts";\nprocess.stdout.write("helped by " + HELP + "\\n");\n${FILES["filter.test.ts"]}`,
    });
    const first = await round();
    expect(first).toContain("the answer is 1");
    expect(first).toContain("helped by 1");
    await writeFile(join(folder, "value.ts"), "export const value: i32 = 2;");
    const second = await round();
    expect(second).toContain("the answer is 2");
    // As editors do: whoever looks meanwhile sees the old one or the new one.
    await writeFile(join(folder, "helper.new"), "export const HELP = 2;");
    await rename(join(folder, "helper.new"), join(folder, "helper.ts"));
    const third = await round();
    expect(third).toContain("the answer is 2");
    expect(third).toContain("helped by 2");
    const processes = [first, second, third].map(processOf);
    expect(new Set(processes.map(({ id }) => id)).size).toBe(1);
    expect(processes.map(({ file }) => file)).toEqual([1, 2, 3]);
    // One that has ended is replaced.
    process.kill(processes[0]?.id ?? 0, "SIGKILL");
    await writeFile(join(folder, "value.ts"), "export const value: i32 = 3;");
    const fourth = await round();
    expect(fourth).toContain("the answer is 3");
    expect(processOf(fourth).file).toBe(1);
  },
);

test(
  "a changed file of the harness runs the tests that import it, in processes that have loaded it as it is",
  { timeout: 180_000 },
  async () => {
    await cp(join(repository, "harness"), join(folder, "harness"), { recursive: true });
    const changing = join(folder, "harness/until.ts");
    const loaded = join(folder, "loaded.txt");
    const text = `import { appendFileSync } from "node:fs";\n${await readFile(changing, "utf8")}`;
    const write = (mark: number) =>
      writeFile(changing, `${text}appendFileSync(${JSON.stringify(loaded)}, "${mark} ");\nexport const MARK = ${mark};\n`);
    await write(1);
    await watch({
      "vitest.config.ts": `import { assemblyScript } from "./harness/assemblyscript/index.ts";
      export default { plugins: [assemblyScript()], test: { include: ["*.test.ts"], reporters: ["verbose"], testTimeout: 60_000 } };`,
      "mark.test.ts": `import { expect, test } from "vitest";
      import { MARK } from "./harness/until.ts";
      import "./harness/vitest.ts";
      test("asked for", () => expect("the mark is " + MARK).toBe("nothing"));`,
    });
    expect(await round()).toContain("the mark is 1");
    // By that test file, and by the process for the next.
    await until(
      "the next process has loaded it",
      () => readFile(loaded, "utf8"),
      (marks) => marks === "1 1 ",
      { timeout: 60_000 },
    );
    await write(2);
    expect(await round()).toContain("the mark is 2");
  },
);
