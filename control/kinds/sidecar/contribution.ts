import {
  type Contribution,
  fullHost,
  type MeshObject,
  type MeshSettings,
  type OutboundTrafficPolicy,
  type SidecarPort,
} from "../../model/index.ts";
import { parseNamespacedHost, parseProtocol } from "../../model/parts/index.ts";
import type { SidecarSpec } from "./fields.ts";

export function contribute(object: MeshObject<SidecarSpec>, { domainSuffix }: MeshSettings): Contribution {
  const { metadata, spec } = object;
  const labels = spec.workloadSelector?.labels ?? {};
  return {
    sidecars: [
      {
        name: metadata.name,
        namespace: metadata.namespace,
        workloadSelector: Object.keys(labels).length === 0 ? undefined : labels,
        ingress: spec.ingress.map(({ port, bind, captureMode, defaultEndpoint, tls, connectionPool }) => ({
          port: portOf(port),
          bind,
          captureMode,
          defaultEndpoint,
          tls,
          connectionPool,
        })),
        egress: spec.egress.map(({ port, bind, captureMode, hosts }) => ({
          port: port === undefined ? undefined : portOf(port),
          bind,
          captureMode,
          hosts: hosts.map(parseNamespacedHost),
        })),
        outboundTrafficPolicy: policyOf(spec.outboundTrafficPolicy, metadata.namespace, domainSuffix),
        inboundConnectionPool: spec.inboundConnectionPool,
        object,
      },
    ],
  };
}

function portOf({ number, protocol, name = "" }: SidecarSpec["ingress"][number]["port"]): SidecarPort {
  const httpProxy = protocol.toLowerCase() === "http_proxy" ? ({ httpProxy: true } as const) : {};
  return { number, protocol: parseProtocol(protocol) ?? "auto", name, ...httpProxy };
}

function policyOf(
  policy: SidecarSpec["outboundTrafficPolicy"],
  namespace: string,
  domainSuffix: string,
): OutboundTrafficPolicy | undefined {
  if (policy === undefined) return undefined;
  const { mode, egressProxy } = policy;
  if (egressProxy === undefined) return { mode, egressProxy };
  const { host, subset, port } = egressProxy;
  return { mode, egressProxy: { host: fullHost(host, namespace, domainSuffix), subset, port: port?.number } };
}
