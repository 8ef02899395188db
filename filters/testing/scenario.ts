import { globSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChainSpec, FilterSpec } from "../../harness/target/index.ts";
import { scenario as run, type ScenarioOptions, type ScenarioRun } from "../../harness/vitest.ts";
import { compileFilter } from "./assembly.ts";

const mesh = fileURLToPath(new URL("../mesh/index.ts", import.meta.url));
const names = new Set(globSync("*/manifest.json", { cwd: fileURLToPath(new URL("..", import.meta.url)) }).map(dirname));

/** The first scenario of a file may have to wait for a compiler. */
const COMPILATION = 180_000;

/** As the harness's `scenario`: once with this project's filters, each under its own name, as they are, and once with them inside `mesh`. */
export function scenario(title: string, options: ScenarioOptions, body: (run: ScenarioRun) => Promise<void>): void {
  const { chain } = options;
  run(title, { ...options, timeout: COMPILATION }, body);
  run(
    `${title}, in mesh`,
    { ...options, timeout: COMPILATION, chain: async () => inMesh(typeof chain === "function" ? await chain() : chain) },
    body,
  );
}

async function inMesh(chain: ChainSpec): Promise<ChainSpec> {
  const { filters, upstreamFilters = [] } = chain;
  const module = await compileFilter(mesh);
  return { ...chain, filters: fused(module, "downstream", filters), upstreamFilters: fused(module, "upstream", upstreamFilters) };
}

/** Neighbours that `mesh` has become one; a filter that it lacks stays where it is. */
function fused(module: string, rootId: string, filters: readonly FilterSpec[]): FilterSpec[] {
  const result: FilterSpec[] = [];
  let members: Array<Pick<FilterSpec, "name" | "configuration">> = [];
  for (const filter of filters) {
    if (!names.has(filter.name)) {
      members = [];
      result.push(filter);
      continue;
    }
    if (members.length === 0) result.push({ ...filter, name: "mesh", module, rootId, configuration: { filters: members } });
    members.push({ name: filter.name, configuration: filter.configuration });
  }
  return result;
}
