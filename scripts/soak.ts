// What takes too long for every change, with a result file that says what ran, for how long, and how it ended:
//
//   npm run soak [-- --seconds N --fuzz-minutes N --chaos-rounds N] [STEP...]
//
// `--seconds` is for how long each property is fuzzed, `--fuzz-minutes` for how long each filter, `--chaos-rounds` how often each fault of the chaos suite is
// made. Default: 20, 10 and 10. The file is soak-results/DATE.md; exit code 1 where a step failed.

import { spawn } from "node:child_process";
import { constants, createWriteStream, existsSync, readdirSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { arch, cpus, platform, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DEFAULT_VERSION, SUPPORTED_VERSIONS } from "../harness/envoy/release/index.mjs";

interface Step {
  readonly name: string;
  readonly title: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly prepare?: () => Promise<unknown>;
}

const repository = fileURLToPath(new URL("..", import.meta.url));
const { values, positionals } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    "fuzz-minutes": { type: "string", default: "10" },
    "chaos-rounds": { type: "string", default: "10" },
  },
  allowPositionals: true,
});
const seconds = Number(values.seconds);
const fuzzMinutes = Number(values["fuzz-minutes"]);
const chaosRounds = Number(values["chaos-rounds"]);

/** Named in the titles of the tests that take it, so that a failure can be had again. */
const seed = String(Date.now() % 1_000_000);

const FILTERS = readdirSync(join(repository, "filters"))
  .filter((name) => existsSync(join(repository, "filters", name, "examples/config.json")))
  .toSorted();

/** Their examples decide by the clock or by chance, of which Envoy's are its own. */
const BY_CHANCE: ReadonlySet<string> = new Set(["fault", "mesh", "ratelimit"]);

/** Where requests are kept that led to something new: the next soak begins with them. */
const corpusOf = (filter: string): string => join(repository, ".cache/fuzz", filter);

/** The first soak begins with the example's requests: no generator thinks of a token that is valid. */
async function makeCorpus(filter: string): Promise<void> {
  await mkdir(corpusOf(filter), { recursive: true });
  const requests = join(repository, "filters", filter, "examples/requests.jsonl");
  await copyFile(requests, join(corpusOf(filter), "corpus.jsonl"), constants.COPYFILE_EXCL).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

const STEPS: readonly Step[] = [
  {
    name: "fuzz",
    title: `every property of the unit tests for ${seconds} s`,
    command: ["vitest", "run", "--project", "unit"],
    environment: { MESHWRIGHT_FUZZ_SECONDS: String(seconds) },
  },
  {
    name: "native-rbac",
    title: "10,000 pairs of policies and requests against native RBAC",
    command: ["vitest", "run", "--project", "integration", "test/integration/native-rbac.test.ts"],
    environment: { MESHWRIGHT_RBAC_PAIRS: "10000", MESHWRIGHT_RBAC_SEED: seed },
  },
  {
    name: "native-ext-authz",
    title: "3,000 requests and answers of an external authoriser against Envoy's own ext_authz",
    command: ["vitest", "run", "--project", "integration", "test/integration/native-ext-authz.test.ts"],
    environment: { MESHWRIGHT_EXT_AUTHZ_RUNS: "3000", MESHWRIGHT_EXT_AUTHZ_SEED: seed },
  },
  {
    name: "mixed-requests",
    title:
      "1,000,000 mixed requests through authentication and authorization and through the whole of mesh, and a flood of clients through ratelimit, leave memory flat",
    command: ["vitest", "run", "--project", "integration", "test/bench/measure/memory.test.ts"],
    environment: { MESHWRIGHT_MIXED_REQUESTS: "1000000" },
  },
  {
    name: "host-crashes",
    title: "every hostcall that the in-process host refuses because it would end Envoy, each in an Envoy that ends",
    command: ["vitest", "run", "--project", "integration", "test/conformance/host"],
    environment: { MESHWRIGHT_PROBE_CRASHES: "all" },
  },
  {
    name: "attempts",
    // Envoy's own pools fill for some 700,000 of them.
    title: "2,000,000 attempts of every sort through ejection, on its own and inside mesh; the second million leaves memory flat",
    command: ["vitest", "run", "--project", "integration", "test/bench/measure/attempts.test.ts"],
    environment: { MESHWRIGHT_MIXED_REQUESTS: "2000000" },
  },
  {
    name: "fault-percentages",
    title: "10,000,000 draws of each percentage of fault",
    command: ["vitest", "run", "--project", "unit", "filters/fault/percentages.test.ts"],
    environment: { MESHWRIGHT_FAULT_DRAWS: "10000000" },
  },
  {
    name: "pushes",
    title: "500 pushes under load, in real Envoy, lose no request",
    command: ["vitest", "run", "--project", "integration", "test/integration/control/pushes.test.ts"],
    environment: { MESHWRIGHT_PUSHES: "500" },
  },
  {
    name: "policy-pushes",
    title: "500 pushes of policies under load, in real Envoy, let no denied request through and refuse no allowed one",
    command: ["vitest", "run", "--project", "integration", "test/integration/control/policy-pushes.test.ts"],
    environment: { MESHWRIGHT_POLICY_PUSHES: "500" },
  },
  {
    name: "token-pushes",
    title: "500 pushes of RequestAuthentications under load, whose keys come late, in real Envoy, take no bad token and refuse no good one",
    command: ["vitest", "run", "--project", "integration", "test/integration/control/token-pushes.test.ts"],
    environment: { MESHWRIGHT_POLICY_PUSHES: "500" },
  },
  {
    name: "outage",
    title: "a control service that is killed for a minute under load loses no request, and sends only what has changed after it",
    command: ["vitest", "run", "--project", "integration", "test/integration/control/killed.test.ts"],
    environment: { MESHWRIGHT_OUTAGE: "60" },
  },
  {
    name: "rotation",
    title:
      "certificates that are replaced every 5 seconds, and one root after the other, for 200 s under load, in real Envoy, lose no request",
    command: ["vitest", "run", "--project", "integration", "test/integration/control/rotation.test.ts"],
    environment: { MESHWRIGHT_ROTATION_SECONDS: "200" },
  },
  {
    name: "chaos",
    title: `each fault of the chaos suite ${chaosRounds} times (seed ${seed}); what it costs stands in docs/testing-a-mesh.md afterwards`,
    command: ["vitest", "run", "--project", "integration", "test/chaos"],
    environment: { MESHWRIGHT_CHAOS_ROUNDS: String(chaosRounds), MESHWRIGHT_CHAOS_SEED: seed },
  },
  {
    name: "diff-requests",
    title: "100,000 requests, no two alike, through meshwright diff: each is treated as the rules say, and how many there are a second",
    command: ["vitest", "run", "--project", "integration", "cli/diff/requests/many.test.ts"],
    environment: { MESHWRIGHT_DIFF_REQUESTS: "100000" },
  },
  {
    name: "planted-defects",
    title: "meshwright fuzz finds each planted defect",
    command: ["vitest", "run", "--project", "integration", "test/integration/planted-defects.test.ts"],
    environment: { MESHWRIGHT_PLANTED_DEFECTS: "all", MESHWRIGHT_PLANTED_SEED: seed },
  },
  ...FILTERS.map((filter) => ({
    name: `fuzz-${filter}`,
    title: `meshwright fuzz finds nothing in ${filter} in ${fuzzMinutes} minutes, in the host${BY_CHANCE.has(filter) ? "" : " and in Envoy"} (seed ${seed})`,
    command: [
      ...["node", "cli/main.ts", "fuzz", filter, "--config", `filters/${filter}/examples/config.json`],
      ...["--time", `${fuzzMinutes}m`, "--seed", seed, "--corpus", corpusOf(filter), "--reproduction", "soak-results"],
      ...(BY_CHANCE.has(filter) ? ["--host-only"] : []),
    ],
    prepare: () => makeCorpus(filter),
  })),
  ...SUPPORTED_VERSIONS.filter((version) => version !== DEFAULT_VERSION).map((version) => ({
    name: `envoy-${version}`,
    title: `the tests on Envoy ${version}`,
    command: ["node", "scripts/test-envoy.mjs", version, "--project", "integration", "--project", "scenarios"],
  })),
];

interface Result {
  readonly step: Step;
  readonly minutes: number;
  readonly code: number;
  /** `N passed, N failed`, where it was printed. */
  readonly counts: string;
}

async function run(step: Step, log: string): Promise<Result> {
  await step.prepare?.();
  const started = performance.now();
  const [command = "", ...parameters] = step.command;
  const file = createWriteStream(log);
  const child = spawn(command, parameters, {
    cwd: repository,
    env: { ...process.env, ...step.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let counts = "";
  const keep = (chunk: Buffer) => {
    file.write(chunk);
    process.stdout.write(chunk);
    counts = /^\d+ passed, \d+ failed$/m.exec(chunk.toString())?.[0] ?? counts;
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve(exitCode ?? 1));
  });
  file.end();
  return { step, minutes: (performance.now() - started) / 60_000, code, counts };
}

function report(date: string, results: readonly Result[]): string {
  const rows = results.map(
    ({ step, minutes, code, counts }) =>
      `| ${step.name} | ${step.title} | ${minutes.toFixed(1)} | ${code === 0 ? "passed" : "FAILED"} | ${counts} |`,
  );
  const machine = `${platform()} ${arch()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  return [
    `# Soak of ${date}`,
    "",
    machine,
    "",
    "| step | what | minutes | result | counts |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

const unknown = positionals.filter((name) => !STEPS.some((step) => step.name === name));
if (unknown.length > 0 || !(seconds > 0) || !(fuzzMinutes > 0) || !(Number.isInteger(chaosRounds) && chaosRounds > 0)) {
  console.error(
    `soak: usage: npm run soak [-- --seconds N --fuzz-minutes N --chaos-rounds N] [${STEPS.map(({ name }) => name).join("|")}]...`,
  );
  process.exit(2);
}
const date = new Date().toISOString().slice(0, 16).replace(":", "");
const folder = join(repository, "soak-results");
await mkdir(folder, { recursive: true });
const results: Result[] = [];
for (const step of STEPS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  console.error(`soak: ${step.name}: ${step.title}`);
  results.push(await run(step, join(folder, `${date}-${step.name}.log`)));
  // After each step, so that a soak that is cut off leaves what it found.
  await writeFile(join(folder, `${date}.md`), report(date, results));
}
const failed = results.filter(({ code }) => code !== 0).length;
console.log(`soak: see soak-results/${date}.md`);
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
