import type { RouteConfigurationMatch } from "../../model/index.ts";
import type { Place } from "./bound-patch.ts";

/** A route configuration by the name that Istio's would have: here each host of it is one of its own (`9080|reviews.default.svc.cluster.local`), and one is for wildcards and strangers (`9080|*`). */
export interface RoutePlace {
  readonly place: Place;
  readonly name: string;
  /** Whether what is added for further hosts is found here. */
  readonly takesHosts: boolean;
}

export function routePlace(name: string, place: Place): RoutePlace {
  const bar = place === "SIDECAR_INBOUND" ? -1 : name.lastIndexOf("|");
  if (bar < 0) return { place, name, takesHosts: true };
  return { place, name: name.slice(0, bar), takesHosts: name.endsWith("|*") };
}

/** Istio's `routeConfigurationMatch`. */
export function matchesRoutes({ place, name }: RoutePlace, match: RouteConfigurationMatch | undefined): boolean {
  if (match === undefined) return true;
  if (match.name !== undefined && match.name !== name) return false;
  if (place === "GATEWAY") {
    const { port, portName, gateway } = ofGateway(name);
    return (
      (match.portNumber === undefined || match.portNumber === port) &&
      (match.portName === undefined || match.portName === portName) &&
      (match.gateway === undefined || match.gateway === gateway)
    );
  }
  const port = place === "SIDECAR_INBOUND" ? Number(name.split("|")[1]) : Number(name);
  return match.portNumber === undefined || match.portNumber === port;
}

/** `http.80`, `https.443.https.web.prod` (Istio's `ParseGatewayRDSRouteName`). */
function ofGateway(name: string): { readonly port: number; readonly portName?: string | undefined; readonly gateway?: string } {
  const [kind, port, portName, gateway, namespace] = name.split(".");
  if (kind !== "https" || gateway === undefined || namespace === undefined) return { port: Number(port) };
  return { port: Number(port), portName, gateway: `${namespace}/${gateway}` };
}
