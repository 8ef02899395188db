import { type Labels, selects } from "./labels.ts";
import type { MeshObject } from "./object.ts";

/** What a workload takes on a port, in the words of Istio's PeerAuthentication: mTLS alone, mTLS and plain text beside each other, or plain text alone. */
export type MtlsMode = "STRICT" | "PERMISSIVE" | "DISABLE";

/** Who may connect to workloads. Undefined is UNSET: what the next wider policy says. */
export interface PeerAuthentication {
  readonly name: string;
  readonly namespace: string;
  /** Empty: every workload of the namespace; in the root namespace every one of the mesh. */
  readonly selector: Labels;
  readonly mode: MtlsMode | undefined;
  /** By the number of the workload's port. */
  readonly ports: ReadonlyMap<number, MtlsMode | undefined>;
  readonly object: MeshObject;
}

/** What holds for one workload. */
export interface WorkloadMtls {
  readonly mode: MtlsMode;
  /** What said so; undefined where nobody did, and it is the default. */
  readonly object: MeshObject | undefined;
  /** Ports of which something else may hold, with what said so. */
  readonly ports: ReadonlyMap<number, { readonly mode: MtlsMode; readonly object: MeshObject }>;
}

const UNSAID: WorkloadMtls = { mode: "PERMISSIVE", object: undefined, ports: new Map() };

/**
 * Istio's `ComposePeerAuthentication`: the workload's policy goes before the namespace's, and that before the mesh's; of two of a level the oldest counts, and what it leaves UNSET comes from
 * the next wider level, not from the younger. A policy of the root namespace that selects workloads never holds.
 *
 * @param policies of the workload's namespace and of the root namespace, the oldest first
 */
export function workloadMtls(
  policies: readonly PeerAuthentication[],
  rootNamespace: string,
  workload: { readonly namespace: string; readonly labels: Labels },
): WorkloadMtls {
  if (policies.length === 0) return UNSAID;
  const whole = (namespace: string) => policies.find((each) => each.namespace === namespace && isForAll(each));
  const own =
    workload.namespace === rootNamespace
      ? undefined
      : policies.find((each) => each.namespace === workload.namespace && !isForAll(each) && selects(each.selector, workload.labels));
  const deciding = [own, workload.namespace === rootNamespace ? undefined : whole(workload.namespace), whole(rootNamespace)].find(
    (policy) => policy?.mode !== undefined,
  );
  const mode = deciding?.mode ?? "PERMISSIVE";
  const ports = [...(own?.ports ?? [])].flatMap(([port, each]) => (own === undefined ? [] : [portOf(port, each ?? mode, own.object)]));
  return { mode, object: deciding?.object, ports: new Map(ports) };
}

function portOf(port: number, mode: MtlsMode, object: MeshObject): [number, { mode: MtlsMode; object: MeshObject }] {
  return [port, { mode, object }];
}

/** Whether a policy is for all workloads of its namespace. */
export function isForAll({ selector }: Pick<PeerAuthentication, "selector">): boolean {
  return Object.keys(selector).length === 0;
}

/** What holds for one port. */
export function mtlsModeOf({ mode, ports }: WorkloadMtls, port: number): MtlsMode {
  return ports.get(port)?.mode ?? mode;
}
