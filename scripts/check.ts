// Everything that must hold before a change is shared, but for the tests that start an Envoy or a container:
//
//   npm run check [-- STEP...]
//
// Every step runs, also after one that failed. Ends with the count of steps; exit code 1 where one failed.

import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** What to do about a failure. */
  readonly remedy: string;
}

const repository = fileURLToPath(new URL("..", import.meta.url));

const STEPS: readonly Step[] = [
  {
    name: "format",
    command: ["prettier", "--check", "--log-level", "warn", "--cache", "--cache-location", ".cache/prettier", "."],
    remedy: "`npm run format` rewrites the files",
  },
  {
    name: "lint",
    command: ["eslint", "--cache", "--cache-location", ".cache/eslint", "--max-warnings", "0", "."],
    remedy: "`npm run lint` repeats this step",
  },
  { name: "types", command: ["tsc", "-p", "tsconfig.json"], remedy: "`npx tsc` repeats this step" },
  {
    // Filters are compiled by the build; this compiles what none of them uses. `stateless` and `stateful` exclude each other.
    name: "sdk",
    command: ["asc", ...sdkExports(), "--noEmit", "--config", "asconfig.json"],
    remedy: "asc's message says where",
  },
  {
    name: "imports",
    command: [
      "depcruise",
      "--config",
      ".dependency-cruiser.js",
      "--output-type",
      "err-long",
      "filters",
      "harness",
      "control",
      "cli",
      "scripts",
    ],
    remedy: "the rules and their reasons stand in .dependency-cruiser.js",
  },
  { name: "build", command: ["node", "scripts/build.ts"], remedy: "`npm run build` repeats this step" },
  { name: "unit", command: ["vitest", "run", "--project", "unit"], remedy: "`npm test -- --project unit` repeats this step" },
];

function sdkExports(): string[] {
  return globSync("filters/sdk/exports/*.ts", { cwd: repository }).filter((path) => !path.endsWith("/stateless.ts"));
}

const git = async (...parameters: string[]) =>
  (await promisify(execFile)("git", parameters, { cwd: repository, maxBuffer: 256 << 20 })).stdout;

/** What differs from the last commit, with its content; undefined outside of a Git work tree (an unpacked archive). */
async function workTree(): Promise<string | undefined> {
  try {
    const untracked = (await git("ls-files", "--others", "--exclude-standard", "-z")).split("\0").filter((path) => path !== "");
    const hash = createHash("sha256").update(await git("diff", "HEAD"));
    for (const path of untracked) hash.update(path).update(await readFile(join(repository, path)).catch(() => ""));
    return hash.digest("hex");
  } catch {
    return undefined;
  }
}

function run([command = "", ...parameters]: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { cwd: repository, stdio: "inherit" });
    child.once("error", reject);
    child.once("close", (code) => resolve(code === 0));
  });
}

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !STEPS.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`check: there is no step ${unknown.join(", ")}; steps: ${STEPS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const before = await workTree();
const failures: string[] = [];
const steps = STEPS.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
for (const { name, command, remedy } of steps) {
  const started = performance.now();
  console.log(`check: ${name}`);
  const good = await run(command);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`check: ${name} ${good ? "passed" : "FAILED"} in ${seconds} s${good ? "" : ` (${remedy})`}`);
  if (!good) failures.push(name);
}

const changed = before !== (await workTree());
if (changed) {
  console.log("check: FAILED: the steps changed the work tree (`git status` shows it). What they write belongs into the commit");
  failures.push("work tree");
}
if (failures.length > 0) console.log(`check: failed: ${failures.join(", ")}`);
console.log(`${steps.length + 1 - failures.length} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
