import { clientOf } from "./configuration/groups.ts";
import { Configurations } from "./configuration/index.ts";
import { type Mesh, MeshProxyView, Reads } from "./mesh/index.ts";
import { Code, type EnvoyFilter, type EnvoyPatch, formatProblem, type Labels, type Problem, type Proxy, readProxy } from "./model/index.ts";
import { Spaced } from "./spaced.ts";
import { isForProxy, outcomeOf } from "./xds/patches/index.ts";
import { XDS_TYPES } from "./xds/types/index.ts";

/**
 * What became of the patches of EnvoyFilters: those that could not be applied to what they match, and those that match nothing of any proxy that they are for.
 *
 * @param proxies whose configuration was made
 */
export function patchProblems(mesh: Mesh, proxies: readonly Proxy[]): readonly Problem[] {
  const problems: Problem[] = [];
  for (const filter of mesh.policies("EnvoyFilter"))
    for (const patch of filter.patches) problems.push(...problemsOf(mesh, filter, patch, proxies));
  return problems;
}

function problemsOf(mesh: Mesh, filter: EnvoyFilter, patch: EnvoyPatch, proxies: readonly Proxy[]): readonly Problem[] {
  // Those are for whoever makes the bootstrap.
  if (patch.applyTo === "BOOTSTRAP") return [];
  const path = [...patch.path, "patch"];
  const { applied, failures } = outcomeOf(patch);
  const failed = Array.from(failures, ([resource, reason]): Problem => {
    const message = `cannot be applied to ${resource}, which proxies get without it: ${reason}`;
    return { ...filter.object.place(path), level: "error", code: Code.PatchFailed, path, message };
  });
  if (applied || failed.length > 0) return failed;
  const proxy = proxies.find((each) => isForProxy(viewOf(mesh, each), { filter, patch }));
  if (proxy === undefined) return [];
  const message = `${patch.operation} for ${patch.applyTo} has no effect: it matches nothing that ${proxy.id} gets, nor any other proxy that it is for`;
  return [{ ...filter.object.place(patch.path), level: "warning", code: Code.Unreachable, path: patch.path, message }];
}

function viewOf(mesh: Mesh, proxy: Proxy): MeshProxyView {
  return new MeshProxyView(mesh, proxy, clientOf(proxy, mesh), new Reads());
}

/** Looks at what becomes of patches while proxies come and objects change, and tells of each problem once, until it has gone. */
export class PatchProblems implements Disposable {
  private readonly find: () => readonly Problem[];
  private readonly looks: Spaced;
  private told: ReadonlySet<string> = new Set();

  constructor(service: { readonly mesh: Mesh; proxies(): readonly Proxy[] }, tell: (problems: readonly Problem[]) => void) {
    this.find = () => patchProblems(service.mesh, service.proxies());
    this.looks = new Spaced(() => tell(this.news()));
  }

  all(): readonly Problem[] {
    return this.find();
  }

  /** Something was translated. */
  ask(): void {
    this.looks.ask();
  }

  [Symbol.dispose](): void {
    this.looks[Symbol.dispose]();
  }

  private news(): readonly Problem[] {
    const { told } = this;
    const problems = this.find();
    this.told = new Set(problems.map(formatProblem));
    return problems.filter((problem) => !told.has(formatProblem(problem)));
  }
}

/** Workloads for which a mesh without proxies is tried. */
const MOST = 40;

/** The same of a mesh without proxies: as far as its objects tell which there will be. */
export function expectedPatchProblems(mesh: Mesh): readonly Problem[] {
  const filters = mesh.policies("EnvoyFilter");
  if (filters.length === 0) return [];
  const configurations = new Configurations(XDS_TYPES, mesh);
  const proxies = expectedProxies(mesh, filters);
  for (const proxy of proxies) {
    configurations.add(proxy);
    configurations.remove(proxy.id);
  }
  return patchProblems(mesh, proxies);
}

/** Sidecars of the workloads that objects tell of, and gateways that Gateways select. */
function expectedProxies(mesh: Mesh, filters: readonly EnvoyFilter[]): readonly Proxy[] {
  const isConcerned = (namespace: string): boolean =>
    filters.some((each) => each.namespace === namespace || each.namespace === mesh.settings.rootNamespace);
  const found = new Map<string, Proxy>();
  const add = (type: Proxy["type"], namespace: string, address: string, labels: Labels): void => {
    const key = JSON.stringify([type, namespace, labels]);
    if (found.size >= MOST || found.has(key) || !isConcerned(namespace)) return;
    const id = `${type}~${address}~${type}-${found.size}.${namespace}~${namespace}.svc.cluster.local`;
    const proxy = readProxy({ id, metadata: { LABELS: labels } });
    if (typeof proxy !== "string") found.set(key, proxy);
  };
  for (const { namespace, selector } of mesh.gateways()) add("router", namespace, "192.0.2.1", selector);
  for (const { namespace, addresses, labels } of mesh.workloads()) add("sidecar", namespace, addresses[0] ?? "192.0.2.2", labels);
  return [...found.values()];
}
