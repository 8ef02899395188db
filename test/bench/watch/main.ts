// `node test/bench/watch/main.ts [FILTER]...`: what whoever works on a filter waits for, from a changed line to the last result of its scenarios in the host, alone and
// in `mesh`, while vitest watches. Works on a copy. On a machine that does something else too, compare processor times.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../harness/until.ts";
import { REPOSITORY } from "../../foreign/build.ts";
import { processorTime } from "./processor-time.ts";

/** Measured changes of each filter, behind {@link UNCOUNTED}, in which V8 still compiles the compiler. */
const CHANGES = 5;
const UNCOUNTED = 2;
const RUN_ENDED = /(?:Waiting|Watching) for file changes/;
const TIMEOUT = { timeout: 300_000 };

interface Round {
  /** Milliseconds. */
  readonly wall: number;
  /** Milliseconds of all processes that had to do with it. */
  readonly processor: number;
}

async function copyRepository(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "meshwright-watch-"));
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "--deduplicate"], { cwd: REPOSITORY, encoding: "utf8" });
  for (const path of files.trim().split("\n")) await cp(join(REPOSITORY, path), join(folder, path)).catch(ifThere);
  for (const path of ["node_modules", "dist"]) symlinkSync(join(REPOSITORY, path), join(folder, path));
  return folder;
}

/** One that was deleted and not committed yet is listed too. */
function ifThere(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

async function measure(folder: string, filter: string): Promise<{ readonly results: string; readonly rounds: readonly Round[] }> {
  const source = join(folder, "filters", filter, "stream.ts");
  const text = readFileSync(source, "utf8");
  const command = ["vitest", "watch", `filters/${filter}`, "-t", "in-process", "--project", "scenarios"];
  const watching = spawn(join(REPOSITORY, "node_modules/.bin", command[0] ?? ""), command.slice(1), {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1" },
  });
  let output = "";
  for (const stream of [watching.stdout, watching.stderr]) stream.on("data", (chunk: Buffer) => (output += String(chunk)));
  const rounds: Round[] = [];
  let results = "";
  try {
    for (let change = -UNCOUNTED; ; change++) {
      await until(
        "the tests have run",
        () => output,
        (said) => RUN_ENDED.test(said),
        TIMEOUT,
      );
      results = /Tests +(.*)/.exec(output)?.[1] ?? "";
      if (!/^\d+ passed/.test(results)) throw new Error(`scenarios of ${filter} fail:\n${output}`);
      await quiet(watching.pid ?? 0);
      if (change === CHANGES) return { results, rounds };
      output = "";
      const begun = performance.now();
      const before = processorTime(watching.pid ?? 0);
      writeFileSync(source, `${text}// ${Date.now()}\n`);
      await until(
        "the tests have run",
        () => output,
        (said) => RUN_ENDED.test(said),
        { ...TIMEOUT, interval: 5 },
      );
      if (change >= 0) rounds.push({ wall: performance.now() - begun, processor: processorTime(watching.pid ?? 0) - before });
    }
  } finally {
    const exited = once(watching, "exit");
    watching.kill();
    await exited;
  }
}

/** What is got ready for the next change is ready long before somebody has read the results of the last. */
async function quiet(pid: number): Promise<void> {
  for (let before = -1, now = processorTime(pid); now - before > 20; now = processorTime(pid)) {
    before = now;
    await sleep(400);
  }
}

const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(2);

const folder = await copyRepository();
process.once("SIGINT", () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(130);
});
try {
  const asked = process.argv.slice(2);
  const all = globSync("*/*.scenarios.ts", { cwd: join(folder, "filters") }).map(dirname);
  const filters = asked.length > 0 ? asked : [...new Set(all)].filter((name) => name !== "sdk" && name !== "mesh").toSorted();
  console.log(`seconds from a changed line to the last result; ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`);
  for (const filter of filters) {
    const { results, rounds } = await measure(folder, filter);
    const walls = rounds.map(({ wall }) => wall);
    const processor = middle(rounds.map((round) => round.processor));
    console.log(
      `${filter}: ${seconds(middle(walls))} (${seconds(Math.min(...walls))} to ${seconds(Math.max(...walls))}), of the processor ${seconds(processor)}; ${results}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
