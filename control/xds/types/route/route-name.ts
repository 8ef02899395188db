import type { Client, Gateway, GatewayServer, HostName } from "../../../model/index.ts";
import { anyAddress } from "../listener/address.ts";

// Names of sets of hosts that listeners route by, as Istio names its route configurations. A sidecar's listener for a port has that number: `9080`.

/** Of a port whose protocol Envoy finds out, at the address of one service: the route configuration that has this service alone. */
export function sniffedRouteName(host: HostName, port: number): string {
  return `${host}:${port}`;
}

/**
 * Of a gateway's server: `http.80` for all that speak plain HTTP on a port, and `https.443.https.web.prod` (port, its name, gateway, namespace) for each that terminates TLS, so that
 * one certificate never opens the hosts of another (Istio's `gatewayRDSRouteName`). Undefined where the server takes no requests.
 */
export function gatewayRouteName(
  client: Pick<Client, "ipMode">,
  gateway: Pick<Gateway, "name" | "namespace">,
  server: GatewayServer,
): string | undefined {
  const plain = plainRouteName(client, server);
  if (plain !== undefined) return plain;
  const { port, bind, tls } = server;
  if (tls === undefined || tls.mode === "PASSTHROUGH" || tls.mode === "AUTO_PASSTHROUGH") return undefined;
  if (!speaksHttp(server) && port.protocol !== "https" && port.protocol !== "http3") return undefined;
  return `https.${port.number}.${port.name}.${gateway.name}.${gateway.namespace}${boundAt(client, bind)}`;
}

/** `http.80` of a server that speaks plain HTTP; undefined of others. */
export function plainRouteName(client: Pick<Client, "ipMode">, server: GatewayServer): string | undefined {
  return speaksHttp(server) && (server.tls === undefined || server.tls.httpsRedirect)
    ? mergedRouteName(client, [server.port.number], server)
    : undefined;
}

/** `http.80+8080` of servers with these numbers, which share a listener and have their bind address in common. */
export function mergedRouteName(client: Pick<Client, "ipMode">, numbers: readonly number[], { bind }: Pick<GatewayServer, "bind">): string {
  return `http.${numbers.toSorted((a, b) => a - b).join("+")}${boundAt(client, bind)}`;
}

function speaksHttp({ port: { protocol } }: GatewayServer): boolean {
  return protocol === "http" || protocol === "http2" || protocol === "grpc" || protocol === "grpc-web";
}

/** Whoever binds every address shares the listener of those that bind none, and so its hosts. */
function boundAt(client: Pick<Client, "ipMode">, bind: string): string {
  return bind === "" || bind === anyAddress(client)[0] ? "" : `.${bind}`;
}
