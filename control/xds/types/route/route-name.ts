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
  { port, bind, tls }: GatewayServer,
): string | undefined {
  // Whoever binds every address shares the listener of those that bind none, and so its hosts.
  const at = bind === "" || bind === anyAddress(client)[0] ? "" : `.${bind}`;
  const speaksHttp = port.protocol === "http" || port.protocol === "http2" || port.protocol === "grpc" || port.protocol === "grpc-web";
  if (speaksHttp && (tls === undefined || tls.httpsRedirect)) return `http.${port.number}${at}`;
  if (tls === undefined || tls.mode === "PASSTHROUGH" || tls.mode === "AUTO_PASSTHROUGH") return undefined;
  if (!speaksHttp && port.protocol !== "https" && port.protocol !== "http3") return undefined;
  return `https.${port.number}.${port.name}.${gateway.name}.${gateway.namespace}${at}`;
}
