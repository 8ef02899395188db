import { type Explainer } from "../../control/explain/index.ts";
import type { MeshObject, Proxy } from "../../control/model/index.ts";
import type { ExchangeRequest } from "../../harness/target/index.ts";
import type { Observed } from "../try/mesh/running-mesh.ts";

/** A request that was sent, and what was seen of it. */
export interface Sent {
  readonly request: ExchangeRequest;
  readonly observed: Observed;
}

/**
 * The objects that come into question for what became of requests: without them, something would be another that requests for these hosts, on their way through these listeners and clusters, meet. What an object hides
 * is meant too: a Sidecar may have a request go where nobody knows its host.
 */
export function concernedObjects(
  explainer: Explainer,
  proxy: Proxy,
  objects: readonly MeshObject[],
  sent: readonly Sent[],
): readonly MeshObject[] {
  const ways = sent.map(wayOf);
  return objects.filter((object) =>
    explainer.resourcesTouchedBy(proxy, object).some((resource) => ways.some((way) => isOn(way, resource))),
  );
}

interface Way {
  readonly listener: string;
  readonly cluster: string;
  readonly hosts: readonly string[];
}

function wayOf({ request: { authority = "" }, observed: { listener, result } }: Sent): Way {
  const [, , , host = ""] = result.cluster?.split("|") ?? [];
  const asked = authority.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, "");
  return { listener, cluster: result.cluster ?? "", hosts: [host, asked].filter((each) => each !== "") };
}

function isOn({ listener, cluster, hosts }: Way, { type, name }: { readonly type: string; readonly name: string }): boolean {
  const isAboutHost = hosts.some((host) => name.includes(host));
  switch (type) {
    case "listener":
      return name === listener || isAboutHost || isSamePort(name, listener);
    case "scope":
    case "route":
      // Behind all others stand wildcards, and what becomes of hosts that nobody knows.
      return isAboutHost || name.endsWith("|*");
    case "cluster":
    case "endpoint":
      return name === cluster || isAboutHost;
    default:
      // Filters are for every request of a side, secrets for every handshake of a listener.
      return true;
  }
}

/** Whether a listener could take the place of another, as one for an address does for that of all: `10.96.0.10_80`, `0.0.0.0_80`. */
function isSamePort(name: string, listener: string): boolean {
  const port = (of: string) => /_(\d+)$/.exec(of)?.[1];
  return port(name) !== undefined && port(name) === port(listener);
}
