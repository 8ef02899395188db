import type { Labels } from "./labels.ts";
import type { Proxy } from "./proxy.ts";

/** What a proxy that connected told of itself, as far as it matters to those that connect to its workload. */
export interface Peer {
  /** Of its node. */
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Labels;
  readonly addresses: readonly string[];
  /** Whether it has a certificate of the mesh (see `Proxy.identity`). */
  readonly identity: boolean;
  /** Whether connections to its addresses are redirected to it. Where they are not, it takes those to the ports that its Sidecar's `ingress` names, and no others. */
  readonly redirected: boolean;
  /** Whether it has said that it is about to end. Default: false. */
  readonly draining?: boolean;
}

/** How telemetry, policies and other proxies know a workload: `spiffe://cluster.local/ns/default/sa/reviews`. */
export function spiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `${SPIFFE}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

export const SPIFFE = "spiffe://";

/** The peer that a proxy is to others; undefined where nobody's connections end at it by themselves: a gateway takes what its servers say. */
export function peerOf({ id, type, interceptionMode, namespace, serviceAccount, labels, addresses, identity }: Proxy): Peer | undefined {
  const redirected = interceptionMode !== "NONE";
  return type === "sidecar" ? { id, namespace, serviceAccount, labels, addresses, identity, redirected } : undefined;
}
