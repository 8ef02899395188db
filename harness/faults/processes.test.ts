import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { FullDisk, killProcess, pauseProcess, resumeProcess, WallClock } from "./index.ts";

/** A Node process that answers each line of its input with what the program makes of it. */
function answering(
  program: string,
  environment: Readonly<Record<string, string>> = {},
): { child: ChildProcessWithoutNullStreams; ask(line?: string): Promise<string> } {
  const source = `require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => console.log(String((${program})(line))))`;
  const child = spawn(process.execPath, ["-e", source], { env: { ...process.env, ...environment } });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async ask(line = "") {
      child.stdin.write(`${line}\n`);
      return (await lines.next()).value ?? "";
    },
  };
}

test("a process stands still while it is paused, goes on, and is gone when it is killed", async () => {
  const { child, ask } = answering("(line) => line");
  expect(await ask("a")).toBe("a");
  {
    await using _paused = await pauseProcess(child);
    const answer = ask("b").then(() => "answered");
    expect(await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 50, "silent"))])).toBe("silent");
    await resumeProcess(child);
    expect(await answer).toBe("answered");
    await pauseProcess(child);
  }
  expect(await ask("c")).toBe("c");
  await pauseProcess(child);
  await killProcess(child);
  await expect.poll(() => child.signalCode).toBe("SIGKILL");
  await expect(killProcess(child)).rejects.toThrow(/is gone already: SIGKILL cannot be sent/);
  await expect(pauseProcess({ pid: undefined })).rejects.toThrow(/never started/);
  await expect(killProcess({ pid: 0 })).rejects.toThrow(/never started/);
});

test("all threads of a process stand still while it is paused", async () => {
  const spin = `const { Worker } = require("node:worker_threads");
    Promise.all(Array.from({ length: 6 }, () => new Promise((resolve) => new Worker("for (;;);", { eval: true }).once("online", resolve)))).then(() => console.log("spinning"));`;
  const child = spawn(process.execPath, ["-e", spin]);
  onTestFinished(() => void child.kill("SIGKILL"));
  await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const states = async () => {
    const threads = await readdir(`/proc/${child.pid}/task`);
    const stats = threads.map((thread) => readFile(`/proc/${child.pid}/task/${thread}/stat`, "utf8"));
    return new Set((await Promise.all(stats)).map((stat) => stat.slice(stat.lastIndexOf(")") + 2)[0]));
  };
  for (let round = 0; round < 50; round++) {
    await using _paused = await pauseProcess(child);
    expect(await states()).toEqual(new Set(["T"]));
  }
});

test("a wall clock can be stepped under a process; the monotonic clock is left alone", async () => {
  await using clock = await WallClock.start();
  const { ask } = answering("() => [Date.now(), performance.now()].join()", clock.environment);
  const off = async () => {
    const [wall = NaN, monotonic = NaN] = (await ask()).split(",").map(Number);
    return { seconds: Math.round((wall - Date.now()) / 100_000) * 100 + 0, monotonic };
  };
  const before = await off();
  await clock.step(-3_600);
  const after = await off();
  await clock.step(0);
  expect([before.seconds, after.seconds, (await off()).seconds]).toEqual([0, -3_600, 0]);
  expect(after.monotonic).toBeGreaterThanOrEqual(before.monotonic);
});

test("a disk can be full under a process, and for nobody else", async () => {
  await using disk = await FullDisk.start();
  const write = `(text) => { try { require("node:fs").writeFileSync(process.env.FULL_DISK_FOLDER + "/file", text); return "written"; } catch (error) { return error.code; } }`;
  const { ask } = answering(write, disk.environment);
  expect(await ask("a")).toBe("written");
  await disk.fill();
  expect(await ask("b")).toBe("ENOSPC");
  await disk.free();
  expect(await ask("c")).toBe("written");
  expect(await readFile(join(disk.folder, "file"), "utf8")).toBe("c");
});

test("nothing is left behind, also where the test's process is killed", async () => {
  const program = `import { FullDisk } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
    const disk = await FullDisk.start();
    console.log(JSON.stringify([disk.folder, disk.environment.LD_PRELOAD]));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const { value = "[]" } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const paths = JSON.parse(value) as string[];
  expect(paths).toHaveLength(2);
  for (const path of paths) await access(dirname(path));
  await killProcess(child);
  const left = () =>
    Promise.all(
      paths.map((path) =>
        access(dirname(path)).then(
          () => path,
          () => undefined,
        ),
      ),
    );
  await expect.poll(left, { timeout: 20_000 }).toEqual([undefined, undefined]);
});
