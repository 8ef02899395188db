import { isIP } from "node:net";
import type { Labels } from "./labels.ts";
import type { Locality } from "./service.ts";

/** An Envoy that asks for configuration, as its node says. */
export interface Proxy {
  /** `sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local` */
  readonly id: string;
  readonly type: "sidecar" | "router";
  /** Of its workload: from the id, then `INSTANCE_IPS`. */
  readonly addresses: readonly string[];
  /** Of the pod or the like. */
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly serviceAccount: string;
  readonly clusterId: string;
  readonly network: string;
  readonly locality: Locality;
  readonly dnsDomain: string;
  /** How traffic reaches it: iptables' REDIRECT or TPROXY, or not by itself. */
  readonly interceptionMode: "REDIRECT" | "TPROXY" | "NONE";
  /** `1.40.0`; empty where the node does not say. */
  readonly envoyVersion: string;
  /** Whether it gets routes and clusters when a request wants them, and not before. */
  readonly onDemand: boolean;
  /**
   * Whether it has a certificate of the mesh: its bootstrap has a cluster `sds-grpc`, where it gets `default` and `ROOTCA`. Istio's agents, and `meshwright proxy`, say so by the name of the socket
   * behind that cluster. A proxy that does not say it is never told to use a certificate.
   */
  readonly identity: boolean;
  /** Our modules that are files beside the proxy: path by name, of the digest that it announced. */
  readonly modules: Readonly<Record<string, { readonly path: string; readonly sha256: string }>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What an Envoy says of itself, as far as a proxy is made of it (`envoy.config.core.v3.Node`). */
export interface ProxyNode {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly locality?: { readonly region: string; readonly zone: string; readonly subZone: string } | undefined;
  readonly envoyVersion?: string | undefined;
  /** What holds where its metadata does not say (`ON_DEMAND_KEY`). Default: false. */
  readonly onDemand?: boolean;
}

/** Of which families a proxy has addresses; it listens on those (Istio's `IPMode`). */
export type IpMode = "ipv4" | "ipv6" | "dual";

/** The families of a proxy's addresses; those that only hold on one cable (`fe80::/10`) say nothing. IPv4 where there are none. */
export function ipModeOf({ addresses }: Pick<Proxy, "addresses">): IpMode {
  const families = new Set(addresses.filter((address) => !/^fe[89ab]/i.test(address)).map((address) => isIP(address)));
  if (!families.has(6)) return "ipv4";
  return families.has(4) ? "dual" : "ipv6";
}

/** Metadata key under which `meshwright proxy` announces the modules beside it: `{NAME: {path, sha256}}`. */
export const MODULES_KEY = "MESHWRIGHT_MODULES";

/** Metadata key by which a proxy says that it has an identity: the name of the socket behind its cluster `sds-grpc` (Istio's `NodeMetadata.WorkloadIdentitySocketFile`). */
export const IDENTITY_KEY = "WORKLOAD_IDENTITY_SOCKET_FILE";

// The certificate of a proxy and those that it trusts come from beside it, by the names that Istio's agents know (`pkg/model/authentication.go`).

/** The certificate of the proxy's workload and its key. */
export const OWN_CERTIFICATE = "default";
/** The authorities of the mesh. */
export const MESH_AUTHORITIES = "ROOTCA";
/** The control service in the bootstrap of every proxy, by the name that it has in Istio's: statistics are asked for by it. */
export const CONTROL_CLUSTER = "xds-grpc";
/** The cluster of the proxy's bootstrap behind which the socket for secrets is. */
export const SECRETS_CLUSTER = "sds-grpc";

/** Metadata key, `"true"` or `"false"`: whether the proxy gets what it uses on demand (`Proxy.onDemand`). Istio has it for all proxies only (`PILOT_ENABLE_LAZY_CDS`). */
export const ON_DEMAND_KEY = "MESHWRIGHT_ON_DEMAND";

/** A proxy from its node; a text that says what is wrong and what the id should look like where it is none. */
export function readProxy({ id, metadata, locality, envoyVersion = "", onDemand = false }: ProxyNode): Proxy | string {
  const [type, address, workload, dnsDomain, ...rest] = id.split("~");
  if ((type !== "sidecar" && type !== "router") || address === undefined || !workload || !dnsDomain || rest.length > 0) {
    return `node id ${JSON.stringify(id.slice(0, 200))} is none of Istio's; expected TYPE~IP~NAME.NAMESPACE~DOMAIN with TYPE sidecar or router, such as sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local`;
  }
  const dot = workload.lastIndexOf(".");
  const name = dot < 0 ? workload : workload.slice(0, dot);
  const instances = textOf(metadata["INSTANCE_IPS"]).split(",");
  const mode = metadata["INTERCEPTION_MODE"];
  return {
    id,
    type,
    addresses: [...new Set([address, ...instances].filter((each) => each !== ""))],
    name,
    namespace: textOf(metadata["NAMESPACE"]) || (dot < 0 ? (dnsDomain.split(".")[0] ?? "default") : workload.slice(dot + 1)),
    labels: textsOf(metadata["LABELS"]),
    serviceAccount: textOf(metadata["SERVICE_ACCOUNT"]) || "default",
    clusterId: textOf(metadata["CLUSTER_ID"]) || "Kubernetes",
    network: textOf(metadata["NETWORK"]),
    locality: locality === undefined ? "" : [locality.region, locality.zone, locality.subZone].join("/").replace(/\/+$/, ""),
    dnsDomain,
    interceptionMode: mode === "TPROXY" || mode === "NONE" ? mode : "REDIRECT",
    envoyVersion,
    onDemand: flagOf(metadata[ON_DEMAND_KEY]) ?? onDemand,
    identity: textOf(metadata[IDENTITY_KEY]) !== "",
    modules: modulesOf(metadata[MODULES_KEY]),
    metadata,
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function flagOf(value: unknown): boolean | undefined {
  return value === true || value === "true" ? true : value === false || value === "false" ? false : undefined;
}

function textsOf(value: unknown): Labels {
  const texts: Record<string, string> = {};
  if (typeof value !== "object" || value === null) return texts;
  for (const [key, entry] of Object.entries(value)) if (typeof entry === "string") texts[key] = entry;
  return texts;
}

function modulesOf(value: unknown): Proxy["modules"] {
  const modules: Record<string, { path: string; sha256: string }> = {};
  if (typeof value !== "object" || value === null) return modules;
  for (const [name, entry] of Object.entries(value)) {
    const { path, sha256 } = textsOf(entry);
    if (path !== undefined && sha256 !== undefined) modules[name] = { path, sha256 };
  }
  return modules;
}
