import { fromBinary } from "@bufbuild/protobuf";
import { NodeSchema } from "./envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import type { Mesh } from "./mesh/index.ts";
import { type MtlsMode, type Peer, type Proxy, readProxy, workloadMtls } from "./model/index.ts";
import type { Authorization, ClientConnection } from "./proxy-authorizer.ts";
import { type ConnectRequest, XdsError } from "./xds/server/index.ts";

/**
 * Who connects, as its node says.
 *
 * @param onDemand whether proxies are on demand that say nothing of it
 * @throws XdsError `INVALID_ARGUMENT` where the node is that of no proxy
 */
export function proxyOf({ node, variant }: ConnectRequest, onDemand: boolean): Proxy {
  const { id, metadata, locality, userAgentVersionType } = fromBinary(NodeSchema, node);
  const build = userAgentVersionType.case === "userAgentBuildVersion" ? userAgentVersionType.value.version : undefined;
  const envoyVersion = build === undefined ? undefined : `${build.majorNumber}.${build.minorNumber}.${build.patch}`;
  const read = readProxy({ id, metadata: metadata ?? {}, locality, envoyVersion, onDemand });
  if (typeof read === "string") throw new XdsError("INVALID_ARGUMENT", read);
  // Envoy asks for single clusters in the incremental variant only.
  return read.onDemand && variant === "sotw" ? { ...read, onDemand: false } : read;
}

/**
 * Ids are not proved, accounts are: who has the id of a proxy that is connected, and another account, is another proxy, and neither gets what the other gets.
 *
 * @param known who is connected with that id
 */
export function apart(proxy: Proxy, known: Proxy | undefined): Proxy {
  if (known === undefined || (known.namespace === proxy.namespace && known.serviceAccount === proxy.serviceAccount)) return proxy;
  return { ...proxy, id: `${proxy.id} (${proxy.namespace}/${proxy.serviceAccount})` };
}

/** Of proxies those whose workload takes mTLS alone, though they have no certificate. */
export function refusingPeers(mesh: Mesh, peers: readonly Peer[]): readonly { readonly id: string; readonly mode: MtlsMode }[] {
  const { settings } = mesh;
  return peers
    .filter((peer) => !peer.identity && peer.draining !== true && mesh.isReached(peer))
    .map((peer) => ({ id: peer.id, mode: workloadMtls(mesh.peerAuthentications(), settings.rootNamespace, peer).mode }))
    .filter(({ mode }) => mode === "STRICT");
}

/** Who a client is that says on another stream, or another connection, that it is a proxy. */
export interface ConnectedAs {
  /** Of the proxy here. */
  readonly id: string;
  /** Whether it has shown a certificate for it. */
  readonly proved: boolean;
}

/**
 * Which of the proxies that are connected a client is: ids are not proved, so several may have come with one (`apart`).
 *
 * @param find a connected proxy by its id
 * @param ids of all of them
 * @param authorize Default: who says so is believed
 * @returns undefined where no such proxy is connected
 * @throws XdsError `UNAUTHENTICATED` or `PERMISSION_DENIED`
 */
export async function connectedAs(
  find: (id: string) => Proxy | undefined,
  ids: Iterable<string>,
  nodeId: string,
  client: ClientConnection,
  authorize: ((proxy: Proxy, client: ClientConnection) => Promise<Authorization>) | undefined,
): Promise<ConnectedAs | undefined> {
  let refusal: unknown;
  for (const id of [nodeId, ...Array.from(ids).filter((each) => each.startsWith(`${nodeId} (`))]) {
    const proxy = find(id);
    if (proxy === undefined) continue;
    try {
      const { identity } = (await authorize?.(proxy, client)) ?? {};
      return { id, proved: identity !== undefined };
    } catch (error) {
      refusal ??= error;
    }
  }
  if (refusal !== undefined) throw XdsError.from(refusal);
  return undefined;
}
