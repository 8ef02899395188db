import { type Client, type HostName, isVisible, isWildcard, overlaps, type Routing, selects } from "../model/index.ts";
import { cell, type Reads } from "./cell.ts";
import { withDelegates } from "./delegation.ts";
import { gatewaysOf } from "./indices.ts";
import { patternsOf } from "./host-patterns.ts";
import type { Mesh } from "./mesh.ts";

/** The gateway that stands for all sidecars. */
export const MESH_GATEWAY = "mesh";

/** Objects that a client sees and that speak of a host on a gateway; the most specific host first, then the oldest. */
export function* routingsOf(
  mesh: Mesh,
  client: Pick<Client, "namespace">,
  gateway: string,
  host: HostName,
  reads: Reads,
): Iterable<Routing> {
  for (const pattern of patternsOf(host)) {
    reads.cells.add(cell.routing(pattern));
    for (const routing of mesh.index.routings.get(pattern) ?? []) {
      const { exportTo, object } = routing;
      if (gatewaysOf(routing).has(gateway) && isVisible(exportTo, object.metadata.namespace, client.namespace)) yield routing;
    }
  }
}

const applied = new WeakMap<Routing, { readonly key: string; readonly delegates: readonly unknown[]; readonly routing: Routing }[]>();

/**
 * A routing as it holds for a client on a gateway: delegates put in their place, matches that are for other gateways, namespaces or labels taken out. The same object as long as
 * what it is made of is the same.
 */
export function applicable(
  mesh: Mesh,
  client: Pick<Client, "namespace" | "labels">,
  gateway: string,
  routing: Routing,
  reads: Reads,
): Routing {
  const delegates: unknown[] = [];
  const whole = withDelegates(routing, (namespace, name) => {
    reads.cells.add(cell.routingObject(namespace, name));
    const visible = delegateOf(mesh, routing, namespace, name);
    delegates.push(visible);
    return visible;
  });
  const key = `${gateway} ${client.namespace} ${JSON.stringify(client.labels)}`;
  const known = applied
    .get(routing)
    ?.find(
      (each) =>
        each.key === key && each.delegates.length === delegates.length && each.delegates.every((one, index) => one === delegates[index]),
    );
  if (known !== undefined) return known.routing;
  const inLabels = ({ sourceNamespace, sourceLabels }: Source): boolean =>
    (sourceNamespace === undefined || sourceNamespace === client.namespace) && selects(sourceLabels, client.labels);
  // "The gateway match is independent of sourceLabels" (Istio's `HTTPMatchRequest.gateways`), for HTTP alone.
  const holds = (match: Source): boolean => match.gateways?.includes(gateway) ?? inLabels(match);
  // On gateways connections are told apart by port and gateway alone (Istio's `l4SingleMatch`).
  const holdsAll = (match: Source): boolean =>
    (match.gateways ?? [gateway]).includes(gateway) && (gateway !== MESH_GATEWAY || inLabels(match));
  const result = {
    ...whole,
    http: whole.http.flatMap((route) => narrow(route, holds)),
    tls: whole.tls.flatMap((route) => narrow(route, holdsAll)),
    tcp: whole.tcp.flatMap((route) => narrow(route, holdsAll)),
  };
  const same = result.http.every((route, index) => route === routing.http[index]) && result.http.length === routing.http.length;
  const untouched = same && [...result.tls, ...result.tcp].length === routing.tls.length + routing.tcp.length && unchanged(result, routing);
  const kept = untouched ? routing : result;
  applied.set(routing, [...(applied.get(routing) ?? []).slice(-15), { key, delegates, routing: kept }]);
  return kept;
}

/** The delegate of a name, where the object that names it sees it. */
export function delegateOf(mesh: Mesh, { object: { metadata } }: Routing, namespace: string, name: string): Routing | undefined {
  const found = mesh.index.routingObjects.get(`${namespace}/${name}`);
  return found !== undefined && isVisible(found.exportTo, namespace, metadata.namespace) ? found : undefined;
}

interface Source {
  readonly gateways: readonly string[] | undefined;
  readonly sourceNamespace: string | undefined;
  readonly sourceLabels: Readonly<Record<string, string>>;
}

function unchanged(a: Routing, b: Routing): boolean {
  return a.tls.every((route, index) => route === b.tls[index]) && a.tcp.every((route, index) => route === b.tcp[index]);
}

/** A route with the matches that hold; none where none does. */
function narrow<Route extends { readonly match: readonly Source[] }>(route: Route, holds: (match: Source) => boolean): readonly Route[] {
  if (route.match.length === 0) return [route];
  const match = route.match.filter(holds);
  if (match.length === 0) return [];
  return match.length === route.match.length ? [route] : [{ ...route, match }];
}

/** The hosts of a routing that a gateway's server lets through: of two wildcards the narrower. */
export function sharedHost(serverHost: HostName, routingHost: HostName): HostName | undefined {
  if (!overlaps(serverHost, routingHost)) return undefined;
  if (!isWildcard(routingHost)) return routingHost;
  if (!isWildcard(serverHost)) return serverHost;
  return routingHost.length >= serverHost.length ? routingHost : serverHost;
}
