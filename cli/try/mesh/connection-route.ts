import { covers, type ProxyView, type TcpRoute, type TlsRoute } from "../../../control/model/index.ts";
import type { LoggedFields } from "./access-log.ts";
import type { RouteOrigin } from "./tagged-routes.ts";

/**
 * The route of a VirtualService that led a connection to its cluster; undefined where none did. A chain with one destination tells Envoy of the destination alone, so it is looked for here: the first route, in
 * the order in which they count, that leads there and takes the server name that the client sent.
 */
export function connectionRouteOf(view: ProxyView, { cluster, sni }: LoggedFields): RouteOrigin | undefined {
  const [, port, subset, host] = /^outbound\|(\d+)\|([^|]*)\|(.+)$/.exec(cluster ?? "") ?? [];
  if (host === undefined) return undefined;
  const leads = ({ route }: TlsRoute | TcpRoute): boolean =>
    route.some(
      ({ destination }) =>
        destination.host === host &&
        (destination.subset ?? "") === subset &&
        (destination.port === undefined || destination.port === Number(port)),
    );
  for (const { tls, tcp } of routingsOf(view)) {
    const byName = sni === null ? [] : tls.filter(({ match }) => match.some(({ sniHosts }) => sniHosts.some((each) => covers(each, sni))));
    const found = [...byName, ...tcp].find(leads);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Layer4 {
  readonly tls: readonly TlsRoute[];
  readonly tcp: readonly TcpRoute[];
}

function* routingsOf(view: ProxyView): Iterable<Layer4> {
  if (view.client().type === "router") {
    for (const { name, namespace, servers } of view.gateways()) {
      const gateway = `${namespace}/${name}`;
      for (const { index } of servers) {
        for (const host of view.gatewayHosts(gateway, index)) yield view.gatewayRouting(gateway, host, index) ?? NONE;
      }
    }
    return;
  }
  for (const host of [...view.hosts(), ...view.routedHosts()]) yield view.routing(host) ?? NONE;
}

const NONE: Layer4 = { tls: [], tcp: [] };
