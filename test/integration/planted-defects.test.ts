import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { meshwright } from "../../cli/testing/run.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { plantedModule } from "../foreign/planted.ts";

// `meshwright fuzz` against defects as people make them (test/foreign/planted). A soak runs all, for ten minutes each at most; each change those that are found soonest.

const ALL = process.env["MESHWRIGHT_PLANTED_DEFECTS"] === "all";
const SEED = process.env["MESHWRIGHT_PLANTED_SEED"] ?? "1";

interface Defect {
  readonly name: string;
  readonly kind: string;
  readonly options?: readonly string[];
  /** Whether each change is tested with it. */
  readonly always?: true;
}

const DEFECTS: readonly Defect[] = [
  { name: "empty-value", kind: "trap" },
  { name: "long-path", kind: "trap", always: true },
  { name: "large-body", kind: "trap" },
  { name: "empty-segment", kind: "loop" },
  { name: "waits", kind: "hang" },
  { name: "continues-response", kind: "crash", always: true },
  { name: "status", kind: "corrupt" },
  { name: "leak", kind: "memory" },
  { name: "announced-size", kind: "memory" },
  { name: "state", kind: "state", options: ["--stateless"] },
  { name: "clock", kind: "trap", always: true },
  { name: "answer-in-pieces", kind: "trap", always: true },
  { name: "client-gone", kind: "trap", always: true },
  { name: "difference", kind: "difference", always: true },
];

let module: string;
let folder: string;
beforeAll(async () => {
  module = await plantedModule();
  folder = await mkdtemp(join(tmpdir(), "meshwright-planted-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.for(DEFECTS.filter(({ always }) => ALL || always))(
  "$name is found, and made small (seed " + SEED + ")",
  { timeout: 720_000 },
  async ({ name, kind, options = [] }, context) => {
    // The others show in the host, where Envoy would die of some of them.
    const inEnvoy = kind === "difference";
    if (inEnvoy) await requireTarget(envoyTarget, context);
    const config = join(folder, `${name}.json`);
    await writeFile(config, name);
    const limits = inEnvoy ? [] : ["--host-only"];
    const command = ["fuzz", module, "--config", config, "--seed", SEED, "--time", "10m", "--reproduction", folder, "--output", "json"];
    const { code, output, errors } = await meshwright([...command, ...limits, ...options]);
    expect({ code, errors }).toEqual({ code: 1, errors: "" });
    const { finding } = JSON.parse(output) as { finding: { kind: string; requests: readonly object[] } };
    expect(finding.kind).toBe(kind);
    expect(finding.requests.length).toBeLessThanOrEqual(2);
  },
);
