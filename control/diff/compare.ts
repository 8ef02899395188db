import { Configurations } from "../configuration/index.ts";
import { KINDS } from "../kinds/index.ts";
import type { Mesh } from "../mesh/index.ts";
import { problemsInMesh } from "../mesh-problems.ts";
import type { IssuerKeys, MeshObject, Peer, Proxy } from "../model/index.ts";
import type { Snapshot } from "../xds/server/index.ts";
import { XDS_TYPES } from "../xds/types/index.ts";
import { compareProblemLists, told, type ProblemsDifference, type ToldProblem } from "./problems.ts";
import { compareSnapshots, type SnapshotDifference } from "./resources.ts";
import type { Side, Sides } from "./sides.ts";

/** What is known of a mesh beside its objects. */
export interface Surroundings {
  /** Whose configuration is compared. */
  readonly proxies: readonly Proxy[];
  /** What proxies told of themselves, these and others. */
  readonly peers: readonly Peer[];
  /** What issuers of tokens said, by their names. */
  readonly issuers: ReadonlyMap<string, IssuerKeys>;
  /** The problems that there were, where somebody knows more than the objects tell: those that are refused are not among them. Default: those of the objects. */
  readonly problems?: readonly ToldProblem[];
}

export interface ObjectChange {
  readonly change: "added" | "changed" | "removed";
  /** As it is afterwards; of one that is removed, as it was. */
  readonly object: MeshObject;
}

/** Proxies for which the same resources become the same others. */
export interface ProxyGroup extends SnapshotDifference {
  readonly proxies: readonly Proxy[];
}

/** What a proxy gets, before and after. */
export interface SnapshotPair {
  readonly before: Snapshot;
  readonly after: Snapshot;
}

export interface MeshDifference {
  /** By kind, namespace and name. */
  readonly objects: readonly ObjectChange[];
  readonly problems: ProblemsDifference;
  /** Those that have most proxies first. Proxies for which nothing changes are in none. */
  readonly groups: readonly ProxyGroup[];
  /** By the id of the proxy. */
  readonly snapshots: ReadonlyMap<string, SnapshotPair>;
  readonly meshes: { readonly before: Mesh; readonly after: Mesh };
}

/**
 * Says in what two sides of a mesh differ, and for which proxies. The change is made as a control service makes it, resource by resource, so what does not change costs little.
 *
 * @throws what a translation throws, which is an error of ours
 */
export function compareMeshes(
  { before, after, change, modules }: Sides,
  { proxies, peers, issuers, problems }: Surroundings,
): MeshDifference {
  const surrounded = (mesh: Mesh) => mesh.applyIssuers(issuers).mesh.applyPeers({ come: peers, gone: [] }).mesh;
  const configurations = new Configurations(XDS_TYPES, surrounded(before.mesh));
  const meshes = { before: configurations.mesh, after: surrounded(after.mesh) };
  const known = new Map<string, Snapshot>();
  for (const proxy of proxies) {
    const { snapshot, failures } = configurations.add(proxy);
    throwFirst(failures);
    known.set(proxy.id, snapshot);
  }
  throwFirst(configurations.apply(change).failures);
  throwFirst(configurations.applyModules(modules).failures);

  const snapshots = new Map<string, SnapshotPair>();
  const groups = new Map<string, { proxies: Proxy[] } & SnapshotDifference>();
  const compared = new Map<Snapshot, Map<Snapshot, SnapshotDifference>>();
  for (const proxy of proxies) {
    const old = known.get(proxy.id);
    const now = configurations.snapshotOf(proxy.id);
    if (old === undefined || now === undefined) continue;
    snapshots.set(proxy.id, { before: old, after: now });
    const others = compared.get(old) ?? new Map<Snapshot, SnapshotDifference>();
    compared.set(old, others);
    const difference = others.get(now) ?? compareSnapshots(XDS_TYPES, old, now);
    others.set(now, difference);
    if (difference.resources.length === 0) continue;
    const group = groups.get(difference.key);
    if (group === undefined) groups.set(difference.key, { ...difference, proxies: [proxy] });
    else group.proxies.push(proxy);
  }
  return {
    objects: changedObjects(before, after),
    problems: compareProblemLists(problems ?? problemsOf(before, meshes.before), problemsOf(after, meshes.after)),
    groups: [...groups.values()].sort((a, b) => b.proxies.length - a.proxies.length || b.bytes - a.bytes),
    snapshots,
    meshes,
  };
}

function problemsOf({ problems }: Side, mesh: Mesh): readonly ToldProblem[] {
  return [...problems, ...problemsInMesh(mesh, KINDS)].map(told);
}

function changedObjects({ objects: before }: Side, { objects: after }: Side): readonly ObjectChange[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys.flatMap((key): ObjectChange[] => {
    const [old, now] = [before.get(key), after.get(key)];
    if (old === now) return [];
    if (now === undefined) return old === undefined ? [] : [{ change: "removed", object: old }];
    return [{ change: old === undefined ? "added" : "changed", object: now }];
  });
}

function throwFirst([failure]: readonly { readonly error: unknown }[]): void {
  if (failure !== undefined) throw failure.error;
}
