import { text } from "../../model/fields/index.ts";
import { wrongDnsLabel } from "../../model/parts/index.ts";

/** The gateway that stands for all sidecars. */
export const MESH_GATEWAY = "mesh";

/** `mesh`, a Gateway of the object's namespace, `namespace/name`, or the older `name.namespace`, which may go on as names of services do. */
export const gatewayName = text({ shape: "gateway", check: wrongGatewayName });

function wrongGatewayName(value: string): string | undefined {
  const parts = value.split("/");
  if (parts.length > 2) return `${JSON.stringify(value)} is no gateway; write NAME, NAMESPACE/NAME or mesh`;
  const [first = "", second] = parts;
  if (second === undefined)
    return first
      .split(".")
      .map(wrongDnsLabel)
      .find((wrong) => wrong !== undefined);
  return first === "."
    ? wrongDnsLabel(second)
    : (wrongDnsLabel(first) ??
        second
          .split(".")
          .map(wrongDnsLabel)
          .find((wrong) => wrong !== undefined));
}

/** In full: `namespace/name` (Istio's `resolveGatewayName`). */
export function fullGatewayName(name: string, namespace: string): string {
  if (name === MESH_GATEWAY) return name;
  if (!name.includes("/")) {
    // Names of Gateways have no dots: `gateway.istio-system.svc.cluster.local`.
    const [gateway = "", its = namespace] = name.split(".");
    return `${its}/${gateway}`;
  }
  return name.startsWith("./") ? `${namespace}/${name.slice(2)}` : name;
}
