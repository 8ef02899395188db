import type { Registry } from "@bufbuild/protobuf";
import type { MeshDifference } from "../../../control/diff/index.ts";
import type { Mesh } from "../../../control/mesh/index.ts";
import type { Proxy } from "../../../control/model/index.ts";
import type { ExchangeRequest } from "../../../harness/target/index.ts";
import { CliError, ExitCode } from "../../cli-error.ts";
import { ensureEnvoy } from "../../provide-envoy.ts";
import type { MeshOptions } from "../../try/mesh/options.ts";
import type { RunningMesh } from "../../try/mesh/running-mesh.ts";
import { type Behaviour, behaviourOf, causeOf } from "./behaviour.ts";
import { type CertainSnapshot, certainSnapshot } from "./certain.ts";
import { Distinct } from "./distinct.ts";
import { type RequestGroup, RequestGroups } from "./groups.ts";
import { Progress } from "./progress.ts";
import { readRecorded, type Recording } from "./read-requests.ts";

export interface RequestsOptions extends Recording {
  readonly proxy: Proxy;
  readonly callouts: MeshOptions["callouts"];
}

/** Lines that are no requests, or could not be run, and why. */
export interface Failures {
  readonly count: number;
  /** The first of them. */
  readonly first: readonly { readonly line: number; readonly error: string }[];
}

/** What a change does to recorded requests. */
export interface RequestsReport {
  /** Requests that were compared. */
  readonly total: number;
  /** How many of them differ in more than an id, and so were run. */
  readonly distinct: number;
  /** How many are treated differently. */
  readonly changed: number;
  /** Lines about something else, by what: requests in the other direction, connections without HTTP. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Lines that are no requests. */
  readonly broken: Failures;
  /** Requests that could not be run. */
  readonly failed: Failures;
  readonly groups: readonly RequestGroup[];
}

/** Requests that are under way at a time, in both Envoys each. */
const LANES = 64;
/** Of what is wrong, this many are named. */
const NAMED = 10;

type Verdict = { readonly error: string } | { readonly count: () => void };

/**
 * Runs recorded requests in two private Envoys, one with what the proxy gets before a change and one with what it gets after it, and says which are treated differently. However many there are, they
 * are read as they are run.
 */
export async function compareRequests(
  { meshes }: Pick<MeshDifference, "meshes">,
  options: RequestsOptions,
): Promise<{ readonly report: RequestsReport; readonly notes: readonly string[] }> {
  await ensureEnvoy();
  const { registry } = await loadRegistry();
  await using resources = new AsyncDisposableStack();
  const [before, after] = await bothSides([meshes.before, meshes.after], options, registry, resources);

  const distinct = new Distinct<Verdict>();
  const groups = new RequestGroups();
  const broken = new Collected();
  const failed = new Collected();
  const skipped: Record<string, number> = {};
  let total = 0;
  let changed = 0;
  using _progress = new Progress(
    process.stderr,
    () =>
      `${total.toLocaleString("en")} requests, ${distinct.size.toLocaleString("en")} of them run, ${changed.toLocaleString("en")} treated differently`,
  );

  const judge = async (line: number, request: ExchangeRequest): Promise<Verdict> => {
    try {
      const [old, now] = await Promise.all([before.see(request), after.see(request)]);
      const cause = causeOf(old, now);
      return { count: cause === undefined ? SAME : groups.add(cause, line, request, old, now) };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };
  const take = async (line: number, request: ExchangeRequest): Promise<void> => {
    const verdict = await distinct.find(request, () => judge(line, request));
    if ("error" in verdict) return failed.add(line, verdict.error);
    total++;
    if (verdict.count !== SAME) changed++;
    verdict.count();
  };

  const underWay = new Set<Promise<void>>();
  for await (const recorded of readRecorded(options)) {
    if ("error" in recorded) broken.add(recorded.line, recorded.error);
    else if ("skipped" in recorded) skipped[recorded.skipped] = (skipped[recorded.skipped] ?? 0) + 1;
    else {
      const taken = take(recorded.line, recorded.request).finally(() => underWay.delete(taken));
      underWay.add(taken);
      if (underWay.size >= LANES) await Promise.race(underWay);
    }
  }
  await Promise.all(underWay);
  if (total + broken.count + failed.count + Object.keys(skipped).length === 0)
    throw new CliError(
      ExitCode.Input,
      `--requests ${options.file}: holds no request; a line is {"path": "/"}, or one of Envoy's access log in JSON`,
    );
  const report = { total, distinct: distinct.size, changed, skipped, broken: broken.all(), failed: failed.all(), groups: groups.all() };
  return { report, notes: [...new Set([...before.errors, ...after.errors])] };
}

const SAME = (): void => undefined;

interface RunningSide {
  readonly see: (request: ExchangeRequest) => Promise<Behaviour>;
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

/** Counts what is wrong, and keeps the first of it. */
class Collected {
  count = 0;
  private readonly first: { line: number; error: string }[] = [];

  add(line: number, error: string): void {
    this.count++;
    if (this.first.length < NAMED) this.first.push({ line, error });
  }

  all(): Failures {
    return { count: this.count, first: this.first.toSorted((a, b) => a.line - b.line) };
  }
}

// Apart from `await using`, inside of whose function TypeScript 6 does not rewrite the extensions of dynamic imports.
function loadRegistry() {
  return import("../../../control/envoy-api/generated/registry.ts");
}
