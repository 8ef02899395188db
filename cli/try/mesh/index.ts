import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientOf, relevantLabels } from "../../../control/configuration/groups.ts";
import { type Mesh, MeshProxyView, Reads } from "../../../control/mesh/index.ts";
import { readMesh, translate } from "../../../control/offline.ts";
import { formatProblem, IDENTITY_KEY, type Problem, type Proxy, type ProxyView, spiffeId } from "../../../control/model/index.ts";
import { meshSources } from "../../control/mesh-sources.ts";
import type { Snapshot } from "../../../control/xds/server/index.ts";
import { binaryProvider } from "../../../harness/envoy/index.ts";
import { type Direction, Range } from "./aim.ts";
import { privateBootstrap } from "./bootstrap.ts";
import { PrivateControl } from "./private-control.ts";
import { privateConfiguration } from "./private-configuration.ts";
import { RunningMesh } from "./running-mesh.ts";
import { type Callouts, type Exchange, startServer } from "./scripted-server.ts";
import { StreamRecords } from "./stream-records.ts";
import { UpstreamHosts } from "./upstream-hosts.ts";

export interface MeshOptions {
  /** Files and directories with the objects of the mesh. */
  readonly files: readonly string[];
  readonly meshConfig?: string;
  readonly proxy: Proxy;
  /** Of a sidecar. Default: `outbound`. */
  readonly direction?: Direction;
  /** What clusters answer that filters call. */
  readonly callouts: Callouts;
}

export interface StartedMesh extends AsyncDisposable {
  readonly target: RunningMesh;
  /** Errors of objects, and resources that Envoy does not take: the rest runs without them, as in a mesh. */
  readonly errors: readonly string[];
}

/**
 * Runs a private Envoy with what a proxy would get of a mesh. Envoy starts while the mesh is read.
 */
export async function startMesh({ files, meshConfig, proxy: given, direction = "outbound", callouts }: MeshOptions): Promise<StartedMesh> {
  const proxy = withEverything(given);
  const sources = await meshSources(files, meshConfig);
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "meshwright-try-"));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const control = resources.use(await PrivateControl.start());
  const starting = binaryProvider.start(privateBootstrap(proxy, control.port), { componentLogLevels: { wasm: "debug", lua: "info" } });
  const ended = starting.catch(() => undefined);
  resources.defer(async () => {
    // One that has got nothing yet would wait for it until its time is up.
    control.serve(NOTHING);
    await (await ended)?.[Symbol.asyncDispose]();
  });

  const { mesh, problems } = await readMesh(sources);
  const hosts = new UpstreamHosts(folder);
  const view = viewOf(mesh, proxy);
  const principal = spiffeId(view.settings().trustDomain, proxy.namespace, proxy.serviceAccount);
  const surroundings = { folder, hosts, principal };
  const { snapshot, listeners, filters, countsRequests } = privateConfiguration(translate(mesh, proxy), surroundings);
  const underWay = new Map<number, Exchange>();
  resources.use(await startServer(hosts.socket, underWay, callouts));
  control.serve(snapshot);
  const envoy = await starting;

  const records = resources.use(new StreamRecords(envoy.log, filters));
  const range = new Range(view, listeners, direction);
  const errors = [
    ...problems.filter(isError).map(formatProblem),
    ...control.refusals().map(({ type, name, reason }) => `error: Envoy does not take the ${type} ${name}: ${reason}`),
  ];
  const target = new RunningMesh({ envoy, range, records, underWay, oneByOne: countsRequests, resources: resources.move() });
  return { target, errors, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
}

/**
 * The proxy as one that has its certificate, as every proxy of a mesh with identities has; unless its metadata says that it has none. What it would get on demand it has from the beginning: it makes no difference to a request
 * but time.
 */
function withEverything(proxy: Proxy): Proxy {
  return { ...proxy, identity: proxy.identity || !(IDENTITY_KEY in proxy.metadata), onDemand: false };
}

function isError({ level }: Problem): boolean {
  return level === "error";
}

const NOTHING: Snapshot = { version: "", resources: () => ({ get: () => undefined, names: () => [] }) };

/** What a proxy may see of a mesh. */
function viewOf(mesh: Mesh, proxy: Proxy): ProxyView {
  return new MeshProxyView(mesh, proxy, clientOf(proxy, relevantLabels(mesh)), new Reads());
}
