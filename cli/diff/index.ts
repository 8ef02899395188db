import { resourceReader } from "../../control/configuration/index.ts";
import { compareMeshes, type MeshDifference, meshSides, type Sides, type Surroundings, workloadProxies } from "../../control/diff/index.ts";
import { IDENTITY_KEY, peerOf, type Proxy } from "../../control/model/index.ts";
import type { AdminOptions } from "../control/admin-client.ts";
import { readProxyOption } from "../control/read-proxy-option.ts";
import { readClusters } from "../try/clusters.ts";
import type { Direction } from "../try/mesh/aim.ts";
import { readSources } from "./read-sources.ts";
import { differs, type DiffReport, reportOf } from "./report.ts";
import { readLogHeaders } from "./requests/log-headers.ts";
import type { RequestsOptions } from "./requests/run.ts";
import { readService } from "./service.ts";
import { asText } from "./text.ts";

export interface Comparison extends AdminOptions {
  /** As it is to be. */
  readonly file: readonly string[];
  readonly meshConfig?: string;
  /** As it is; without it the running service is asked. */
  readonly against?: readonly string[];
  /** Default: `meshConfig`. */
  readonly againstMeshConfig?: string;
  /** Whether the files come beside what the service has. */
  readonly apply?: boolean;
  readonly proxy?: readonly string[];
  readonly metadata?: string;
  /** Recorded requests; with `proxy`, one, which they go through. */
  readonly requests?: string;
  readonly direction?: Direction;
  /** `FIELD=HEADER` */
  readonly logHeader: readonly string[];
  /** `NAME=FILE` */
  readonly cluster: readonly string[];
}

export interface Compared {
  readonly report: DiffReport;
  readonly differs: boolean;
  readonly text: () => string;
}

/** Compares a mesh as it is with one as it is to be. Rejects with a `CliError` where files are not there, or the service does not answer. */
export async function compare(options: Comparison): Promise<Compared> {
  const { requests, direction, cluster } = options;
  const headers = readLogHeaders(options.logHeader);
  const callouts = await readClusters(cluster);
  const { sides, surroundings, notes } = await readSides(options);
  const difference = compareMeshes(sides, surroundings);
  const resources = reportOf(difference, await resourceReader(), notes);
  const [proxy] = surroundings.proxies;
  const report =
    requests === undefined || proxy === undefined
      ? resources
      : await withRequests(resources, difference, {
          file: requests,
          direction: proxy.type === "sidecar" ? (direction ?? "outbound") : undefined,
          headers,
          proxy,
          callouts,
        });
  return { report, differs: differs(report), text: () => (differs(report) ? asText(report) : "nothing differs\n") };
}

async function withRequests(report: DiffReport, difference: MeshDifference, options: RequestsOptions): Promise<DiffReport> {
  const { compareRequests } = await import("./requests/run.ts");
  const { report: requests, notes } = await compareRequests(difference, options);
  return { ...report, requests, notes: [...report.notes, ...notes] };
}

interface BothSides {
  readonly sides: Sides;
  readonly surroundings: Surroundings;
  readonly notes: readonly string[];
}

async function readSides(options: Comparison): Promise<BothSides> {
  const { file, meshConfig, against, againstMeshConfig = meshConfig, apply = false, metadata } = options;
  const named = options.proxy?.map((id) => withIdentity(readProxyOption(id, metadata)));
  const files = await readSources(file, meshConfig);
  if (against === undefined) {
    const { before, after, surroundings, notes } = await readService(options, files, apply);
    const connected = new Map(surroundings.proxies.map((proxy) => [proxy.id, proxy]));
    const proxies = named?.map((proxy) => connected.get(proxy.id) ?? proxy) ?? surroundings.proxies;
    return { sides: await meshSides(before, after), surroundings: { ...surroundings, proxies }, notes };
  }
  const sides = await meshSides(await readSources(against, againstMeshConfig), files);
  const described = [sides.before, sides.after].flatMap(({ mesh }) => workloadProxies(mesh));
  const proxies = named ?? [...new Map(described.map((proxy) => [proxy.id, proxy])).values()];
  // What such proxies would tell of themselves.
  const peers = [...proxies, ...described].flatMap((proxy) => peerOf(proxy) ?? []);
  const distinct = [...new Map(peers.map((peer) => [peer.id, peer])).values()];
  return { sides, surroundings: { proxies, peers: distinct, issuers: new Map() }, notes: [] };
}

/** A proxy as one that has its certificate, unless its metadata says that it has none. */
function withIdentity(proxy: Proxy): Proxy {
  return { ...proxy, identity: proxy.identity || !(IDENTITY_KEY in proxy.metadata) };
}
