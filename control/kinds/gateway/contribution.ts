import type { Contribution, MeshObject } from "../../model/index.ts";
import { parseNamespacedHost, parseProtocol } from "../../model/parts/index.ts";
import type { GatewaySpec } from "./fields.ts";

export function contribute(object: MeshObject<GatewaySpec>): Contribution {
  const { metadata, spec } = object;
  const servers = spec.servers.map(({ name = "", port, bind = "", hosts, tls }, index) => ({
    name,
    port: { number: port.number, name: port.name, protocol: parseProtocol(port.protocol) ?? ("tcp" as const), targetPort: undefined },
    bind,
    hosts: hosts.map(parseNamespacedHost),
    tls,
    index,
  }));
  return { gateways: [{ name: metadata.name, namespace: metadata.namespace, selector: spec.selector, servers, object }] };
}
