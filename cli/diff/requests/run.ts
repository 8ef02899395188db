import type { Registry } from "@bufbuild/protobuf";
import type { MeshDifference } from "../../../control/diff/index.ts";
import type { Mesh } from "../../../control/mesh/index.ts";
import type { Proxy } from "../../../control/model/index.ts";
import { ensureEnvoy } from "../../provide-envoy.ts";
import type { MeshOptions } from "../../try/mesh/options.ts";
import type { RunningMesh } from "../../try/mesh/running-mesh.ts";
import { behaviourOf } from "./behaviour.ts";
import { type CertainSnapshot, certainSnapshot } from "./certain.ts";
import { compareSides, type RequestsReport, type See } from "./compare.ts";
import type { Recording } from "./read-requests.ts";

export interface RequestsOptions extends Recording {
  readonly proxy: Proxy;
  readonly callouts: MeshOptions["callouts"];
}

/** Requests that are under way at a time, in both Envoys each. */
const LANES = 64;
/**
 * Runs recorded requests in two private Envoys, one with what the proxy gets before a change and one with what it gets after it, and says which are treated differently. However many there are, they
 * are read as they are run.
 */
export async function compareRequests(
  { meshes }: Pick<MeshDifference, "meshes">,
  options: RequestsOptions,
): Promise<{ readonly report: RequestsReport; readonly notes: readonly string[] }> {
  await ensureEnvoy();
  const { registry } = await import("../../../control/envoy-api/generated/registry.ts");
  await using resources = new AsyncDisposableStack();
  const [before, after] = await bothSides([meshes.before, meshes.after], options, registry, resources);

  const report = await compareSides([before.see, after.see], { ...options, name: `--requests ${options.file}`, lanes: LANES, once: true });
  return { report, notes: [...new Set([...before.errors, ...after.errors])] };
}

interface RunningSide {
  readonly see: See;
  /** Resources that Envoy does not take. */
  readonly errors: readonly string[];
}

async function bothSides(
  [before, after]: readonly [Mesh, Mesh],
  options: RequestsOptions,
  registry: Registry,
  resources: AsyncDisposableStack,
): Promise<readonly [RunningSide, RunningSide]> {
  // One that does not start must not leave the other behind.
  const [first, second] = await Promise.allSettled([before, after].map((mesh) => runSide(mesh, options, registry)));
  for (const each of [first, second]) if (each?.status === "fulfilled") resources.use(each.value.target);
  if (first?.status !== "fulfilled") throw first?.reason;
  if (second?.status !== "fulfilled") throw second?.reason;
  return [first.value, second.value];
}

async function runSide(
  mesh: Mesh,
  { proxy, direction, callouts }: RequestsOptions,
  registry: Registry,
): Promise<RunningSide & { readonly target: RunningMesh }> {
  const { startMesh } = await import("../../try/mesh/index.ts");
  let certain: CertainSnapshot = { snapshot: NOTHING, routes: [], faults: new Map() };
  const { target, errors } = await startMesh({
    files: mesh,
    proxy,
    callouts,
    edit: (snapshot) => (certain = certainSnapshot(snapshot, registry)).snapshot,
    ...(direction === undefined ? {} : { direction }),
  });
  return { target, errors, see: async (request) => behaviourOf(await target.observe(request), certain) };
}

const NOTHING: CertainSnapshot["snapshot"] = { version: "", resources: () => ({ get: () => undefined, names: () => [] }) };
