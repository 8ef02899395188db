import { Code, isForAll, type MeshObject, type MeshView, type Peer, type Report, selects, workloadMtls } from "../../model/index.ts";
import { contribute } from "./contribution.ts";
import type { PeerAuthenticationSpec } from "./fields.ts";

/** `istioctl analyze` has nothing but that a selector selects nobody; the rest is what people find out late: policies that never hold, and workloads that answer nobody. */
export function checkInMesh(object: MeshObject<PeerAuthenticationSpec>, mesh: MeshView, report: Report): void {
  checkSelector(object, mesh, report);
  checkOlder(object, mesh, report);
  for (const peer of mesh.peers()) checkPeer(object, peer, mesh, report);
}

function checkSelector({ metadata, spec }: MeshObject<PeerAuthenticationSpec>, mesh: MeshView, report: Report): void {
  const labels = spec.selector?.matchLabels ?? {};
  if (Object.keys(labels).length === 0) return;
  const path = ["spec", "selector"];
  if (metadata.namespace === mesh.settings.rootNamespace) {
    const message = `has no effect, in Istio either: a policy of the root namespace, ${metadata.namespace}, is for the whole mesh and selects nobody`;
    report("warning", Code.Surprise, path, message);
    return;
  }
  const known = [...mesh.workloads(), ...mesh.peers()].filter(({ namespace }) => namespace === metadata.namespace);
  // A mesh without pods is described by its proxies alone, whose labels come with them.
  if (mesh.workloads().length > 0 && !known.some((each) => selects(labels, each.labels)))
    report("warning", "IST0127", path, "no workload has these labels");
}

/** Of two policies of one level the oldest counts, and nothing of the younger. */
function checkOlder(object: MeshObject<PeerAuthenticationSpec>, mesh: MeshView, report: Report): void {
  const { namespace } = object.metadata;
  const mine = policyOf(object);
  for (const other of mesh.objects("PeerAuthentication") as readonly MeshObject<PeerAuthenticationSpec>[]) {
    if (other === object) return;
    const older = policyOf(other);
    if (older === undefined || mine === undefined || older.namespace !== namespace || !sameSelector(older.selector, mine.selector))
      continue;
    const whom = isForAll(mine) ? `all workloads of namespace ${namespace}` : "the same workloads";
    report(
      "warning",
      Code.Unreachable,
      ["metadata", "name"],
      `has no effect: PeerAuthentication ${older.name} is older and for ${whom} too`,
    );
    return;
  }
}

function policyOf(object: MeshObject<PeerAuthenticationSpec>) {
  return contribute(object).peerAuthentications?.[0];
}

function sameSelector(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return selects(a, b) && selects(b, a);
}

/** A workload that takes mTLS alone and whose proxy has no certificate answers nobody. */
function checkPeer(object: MeshObject<PeerAuthenticationSpec>, peer: Peer, mesh: MeshView, report: Report): void {
  if (peer.identity) return;
  const mtls = workloadMtls(mesh.peerAuthentications(), mesh.settings.rootNamespace, peer);
  const why = `: proxy ${peer.id} has no identity, so nobody can connect; give it one, or let the workload be PERMISSIVE until it has`;
  if (mtls.mode === "STRICT" && mtls.object === object)
    report("error", Code.NoIdentity, ["spec", "mtls", "mode"], `a STRICT workload refuses every connection${why}`);
  for (const [port, each] of mtls.ports) {
    if (each.mode === "STRICT" && each.object === object && mtls.mode !== "STRICT")
      report("error", Code.NoIdentity, ["spec", "portLevelMtls", String(port), "mode"], `port ${port} refuses every connection${why}`);
  }
}
