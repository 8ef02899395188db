import { type Gateway, type GatewayServer, isHttp, type ProxyView } from "../../../../model/index.ts";
import { mergedRouteName, plainRouteName } from "../../route/route-name.ts";
import { anyAddress, type Binds } from "../address.ts";

/** A server with the gateway that it is of. */
export interface PlannedServer {
  readonly gateway: Gateway;
  readonly server: GatewayServer;
}

/** Servers that share a listener. */
export interface GatewayListener {
  readonly binds: Binds;
  readonly port: number;
  readonly kind: ServerKind;
  readonly servers: readonly PlannedServer[];
}

/** `http`: plain, all behind one connection manager. `tcp`: plain bytes, one server. `tls`: told apart by SNI. */
type ServerKind = "http" | "tcp" | "tls";

/**
 * The listeners of a gateway's proxy. Servers of all gateways on one port and address share a listener where they can be told apart: plain HTTP by host, TLS by SNI; of those that cannot the
 * oldest counts (Istio's `mergeGateways`).
 */
export function planGateway(view: ProxyView): readonly GatewayListener[] {
  const listeners = new Map<string, { binds: Binds; port: number; kind: ServerKind; servers: PlannedServer[]; names: Set<string> }>();
  if (view.client().type !== "router") return [];
  for (const gateway of view.gateways()) {
    for (const server of gateway.servers) {
      for (const port of targetPorts(view, server)) {
        if (port > 0 && port < 1024 && isUnprivileged(view)) continue;
        const binds: Binds = server.bind === "" ? anyAddress(view.client()) : [server.bind];
        const kind = kindOf(server);
        const key = `${binds[0]} ${port}`;
        const planned = { gateway, server };
        const current = listeners.get(key);
        if (current === undefined) {
          listeners.set(key, { binds, port, kind, servers: [planned], names: new Set(serverNames(server)) });
          continue;
        }
        // Plain bytes are for one server; Envoy refuses two chains for one name.
        if (current.kind !== kind || kind === "tcp") continue;
        const names = serverNames(server);
        if (kind === "tls" && names.some((name) => current.names.has(name))) continue;
        for (const name of names) current.names.add(name);
        // Of both families where one of them is.
        if (binds.length > current.binds.length) current.binds = binds;
        current.servers.push(planned);
      }
    }
  }
  return [...listeners.values()].map(({ binds, port, kind, servers }) => ({ binds, port, kind, servers }));
}

/**
 * The set of hosts of a listener for plain HTTP whose servers have different port numbers, which the gateway's Service leads to one port of its proxies: the hosts of all, as no request shows by which number it came (Istio
 * merges servers by that port too). Undefined where one number is all.
 */
export function mergedRouteNameOf(view: ProxyView, { kind, servers }: GatewayListener): string | undefined {
  if (kind !== "http" || servers.some(({ server }) => plainRouteName(view.client(), server) === undefined)) return undefined;
  const numbers = new Set(servers.map(({ server }) => server.port.number));
  const [first] = servers;
  return first === undefined || numbers.size < 2 ? undefined : mergedRouteName(view.client(), [...numbers], first.server);
}

/** Names by which clients ask for the server in SNI. */
export function serverNames({ hosts }: GatewayServer): readonly string[] {
  return [...new Set(hosts.map(({ host }) => host))];
}

function kindOf({ port: { protocol }, tls }: GatewayServer): ServerKind {
  if (protocol !== "http3" && isHttp(protocol)) return "http";
  return tls === undefined ? "tcp" : "tls";
}

function isUnprivileged(view: ProxyView): boolean {
  const said = view.proxy().metadata["UNPRIVILEGED_POD"];
  return said === "true" || said === true;
}

/** Where the workload listens for the port of its Service (`targetPort`); the port itself where it has no Service for it. */
function targetPorts(view: ProxyView, { port }: GatewayServer): readonly number[] {
  const ports = view
    .inbound()
    .ports.filter(({ service, port: { number } }) => number === port.number && !(NO_TRANSLATION in service.labels))
    .map(({ targetPort }) => targetPort);
  return ports.length === 0 ? [port.number] : [...new Set(ports)].sort((a, b) => a - b);
}

const NO_TRANSLATION = "experimental.istio.io/disable-gateway-port-translation";
