import { type Client, type MeshObject, type Proxy, readProxy } from "../../model/index.ts";
import { Reads } from "../cell.ts";
import { Mesh } from "../mesh.ts";
import { MeshProxyView } from "../proxy-view.ts";
import { CONTRIBUTED, SETTINGS } from "./contributions.ts";

/** A mesh of objects of {@link CONTRIBUTED}. */
export function meshOf(...objects: readonly MeshObject[]): Mesh {
  return Mesh.empty([CONTRIBUTED], SETTINGS).apply({ upserted: objects, removed: [] }).mesh;
}

/** What a client in `default` sees of it, unless it is told to be another. */
export function viewOf(
  mesh: Mesh,
  { reads = new Reads(), ...client }: Partial<Client> & { readonly reads?: Reads; readonly addresses?: readonly string[] } = {},
): MeshProxyView {
  const type = client.type ?? "sidecar";
  const proxy = readProxy({
    id: `${type}~10.0.0.9~client.${client.namespace ?? "default"}~default.svc.cluster.local`,
    metadata: { LABELS: client.labels ?? {} },
  });
  if (typeof proxy === "string") throw new Error(proxy);
  const one: Proxy = { ...proxy, addresses: client.addresses ?? proxy.addresses };
  const { namespace, labels, locality, network, clusterId, dnsDomain, interceptionMode, onDemand } = one;
  return new MeshProxyView(
    mesh,
    one,
    {
      type,
      namespace,
      labels,
      locality,
      network,
      clusterId,
      dnsDomain,
      interceptionMode,
      onDemand,
      ipMode: "ipv4",
      identity: false,
      ...client,
    },
    reads,
  );
}
