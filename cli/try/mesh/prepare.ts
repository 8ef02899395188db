import { clientOf } from "../../../control/configuration/groups.ts";
import { type Mesh, MeshProxyView, Reads } from "../../../control/mesh/index.ts";
import { formatProblem, IDENTITY_KEY, type Problem, type Proxy, type ProxyView, spiffeId } from "../../../control/model/index.ts";
import { MeshProver, readMesh } from "../../../control/offline.ts";
import type { StartedEnvoy } from "../../../harness/envoy/index.ts";
import { meshSources } from "../../control/mesh-sources.ts";
import { Range } from "./aim.ts";
import { DecisionPlaces } from "./decision-places.ts";
import { decisionsOf } from "./decisions.ts";
import type { MeshOptions } from "./options.ts";
import { privateConfiguration } from "./private-configuration.ts";
import { PrivateControl } from "./private-control.ts";
import { RunningMesh } from "./running-mesh.ts";
import { type Exchange, startServer } from "./scripted-server.ts";
import { StreamRecords } from "./stream-records.ts";
import { withTaggedRoutes } from "./tagged-routes.ts";
import { UpstreamHosts } from "./upstream-hosts.ts";

export { PrivateControl };

/** A mesh that is read and served, and waits for its Envoy. */
export interface PreparedMesh {
  /** Of objects, one text each. */
  readonly problems: readonly string[];
  /** @param resources what ends with it */
  readonly run: (envoy: StartedEnvoy, resources: AsyncDisposableStack) => RunningMesh;
}

/** Reads a mesh, makes what its proxy would get, and has `control` serve it as a private Envoy can run it. */
export async function prepareMesh(
  { files, meshConfig, proxy: given, direction = "outbound", callouts, edit = (snapshot) => snapshot }: MeshOptions,
  folder: string,
  control: PrivateControl,
  resources: AsyncDisposableStack,
): Promise<PreparedMesh> {
  const proxy = withEverything(given);
  await using prover = new MeshProver();
  const { mesh, problems } =
    "settings" in files ? { mesh: files, problems: [] } : await readMesh(await meshSources(files, meshConfig), "all", prover);
  const view = viewOf(mesh, proxy);
  const tagged = withTaggedRoutes(mesh);
  const principal = spiffeId(view.settings().trustDomain, proxy.namespace, proxy.serviceAccount);
  const hosts = new UpstreamHosts(folder);
  const { snapshot, listeners, filters, countsRequests } = privateConfiguration(edit(await prover.translate(tagged.mesh, proxy)), {
    folder,
    hosts,
    principal,
  });
  const underWay = new Map<number, Exchange>();
  resources.use(await startServer(hosts.socket, underWay, callouts));
  control.serve(snapshot);
  const range = new Range(view, listeners, direction);
  const decisions = decisionsOf(view, tagged, new DecisionPlaces(mesh, view), proxy.type === "sidecar" && direction === "inbound");
  return {
    problems: problems.filter(isError).map(formatProblem),
    run: (envoy, all) => {
      const records = all.use(new StreamRecords(envoy.log, filters));
      return new RunningMesh({ exited: envoy.exited, range, records, underWay, decisions, oneByOne: countsRequests, resources: all });
    },
  };
}

/**
 * The proxy as one that has its certificate, as every proxy of a mesh with identities has; unless its metadata says that it has none. What it would get on demand it has from the beginning: it makes no
 * difference to a request but time.
 */
function withEverything(proxy: Proxy): Proxy {
  return { ...proxy, identity: proxy.identity || !(IDENTITY_KEY in proxy.metadata), onDemand: false };
}

function isError({ level }: Problem): boolean {
  return level === "error";
}

/** What a proxy may see of a mesh. */
function viewOf(mesh: Mesh, proxy: Proxy): ProxyView {
  return new MeshProxyView(mesh, proxy, clientOf(proxy, mesh), new Reads());
}
