import { text } from "../../model/fields/index.ts";
import { wrongDnsLabel } from "../../model/parts/index.ts";

/** The gateway that stands for all sidecars. */
export const MESH_GATEWAY = "mesh";

/** `mesh`, a Gateway of the object's namespace, or `namespace/name`. */
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

/** In full: `namespace/name`. */
export function fullGatewayName(name: string, namespace: string): string {
  if (name === MESH_GATEWAY) return name;
  const slash = name.indexOf("/");
  if (slash < 0) return `${namespace}/${name}`;
  return name.startsWith("./") ? `${namespace}/${name.slice(2)}` : name;
}
