import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const repository = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;

beforeEach(async () => {
  // Inside of the repository, so that the tests of the inner run find vitest.
  await mkdir(join(repository, ".cache"), { recursive: true });
  folder = await mkdtemp(join(repository, ".cache/reporter-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs vitest over one file of tests; the last lines of what it prints. */
async function run(tests: string, options: { parameters?: readonly string[]; requireAll?: boolean } = {}) {
  await writeFile(join(folder, "a.test.ts"), `import { expect, test } from "vitest";\n${tests}`);
  const reporter = join(repository, "scripts/reporter/target-reporter.ts");
  await writeFile(join(folder, "vitest.config.ts"), `export default { test: { reporters: [${JSON.stringify(reporter)}] } };`);
  const child = spawn("vitest", ["run", "--root", folder, ...(options.parameters ?? [])], {
    env: { ...process.env, MESHWRIGHT_REQUIRE_ALL_TARGETS: options.requireAll === true ? "1" : "" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  return { code: child.exitCode, lines: output.trimEnd().slice(output.lastIndexOf("\nTargets")).trim().split("\n") };
}

const on = (target: string, body = "") =>
  `test(${JSON.stringify(target)}, (context) => { context.task.meta.target = ${JSON.stringify(target)}; ${body} });`;
const all = ["in-process", "envoy", "container", "foreign"].map((target) => on(target)).join("\n");

test("a run ends with the counts of each target, what did not run and why, and the sum", { timeout: 60_000 }, async () => {
  const notRun = 'context.task.meta.notRun = "no engine answers"; context.skip();';
  const { code, lines } = await run(
    [on("in-process"), on("envoy", "expect(1).toBe(2);"), on("container", notRun), "test('x', () => {});"].join("\n"),
  );
  expect(lines).toEqual([
    "Targets",
    "  unit             1 passed, 0 failed",
    "  in-process       1 passed, 0 failed",
    "  Envoy            0 passed, 1 failed",
    "  container        NOT RUN: 1 test: no engine answers",
    "  foreign modules  NOT RUN: there is no such test",
    "",
    "2 passed, 1 failed",
  ]);
  expect(code).toBe(1);
});

test("a file that does not load is a failure", { timeout: 60_000 }, async () => {
  const { code, lines } = await run("throw new Error('at load');");
  expect(lines.at(-1)).toBe("0 passed, 1 failed");
  expect(code).toBe(1);
});

test("where all targets are required, a target without a test fails the run, but not a part of it", { timeout: 60_000 }, async () => {
  const some = await run(on("in-process"), { requireAll: true });
  expect(some.lines.at(-1)).toBe("1 passed, 4 failed");
  expect(some.code).toBe(1);
  const part = await run(on("in-process"), { requireAll: true, parameters: ["a.test"] });
  expect(part).toMatchObject({ code: 0, lines: expect.arrayContaining(["1 passed, 0 failed"]) });
  const complete = await run(`${all}\ntest("x", () => {});`, { requireAll: true });
  expect(complete).toMatchObject({ code: 0, lines: expect.arrayContaining(["5 passed, 0 failed"]) });
});
