import { create, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AddressSchema, SocketAddress_Protocol } from "../../../control/envoy-api/generated/envoy/config/core/v3/address_pb.ts";
import { TrafficDirection } from "../../../control/envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import {
  type FilterChain,
  ListenerFilterSchema,
} from "../../../control/envoy-api/generated/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../../../control/envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { ProxyProtocolSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts";
import { HttpConnectionManagerSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { RBACSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import { ConfigSchema as SetFilterStateSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.ts";
import { TcpProxySchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import { DownstreamTlsContextSchema } from "../../../control/envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { pack, typeUrl } from "../../../control/envoy-api/index.ts";
import { accessLog, refusedConnectionsLog } from "./access-log.ts";
import { followRequests } from "./http-manager.ts";
import { noteMatches } from "./network-policies.ts";
import { matchPeer, notePeer } from "./peer-address.ts";
import type { MadeUpCertificates } from "./secret.ts";

/** A listener of the proxy that takes connections in the private Envoy. */
export interface OpenListener {
  readonly name: string;
  /** Where it listens now. */
  readonly path: string;
  /** Where the proxy's own listens. Empty for a socket of the file system. */
  readonly address: string;
  /** 0 for a socket of the file system. */
  readonly port: number;
  /** Whether it takes connections that were redirected, to whatever address. */
  readonly redirected: boolean;
  readonly inbound: boolean;
  readonly tls: TlsPorts;
}

/** For connections to which ports TLS ends in a listener. */
export interface TlsPorts {
  readonly some: ReadonlySet<number>;
  /** Whether connections without TLS are taken nowhere. */
  readonly only: boolean;
}

/**
 * Changes a listener so that a private Envoy can have it beside others and without privileges: it listens on a path instead of an address, and learns from a PROXY header whose connection it is and where that was meant to go.
 * On a path, because `original_dst`, and `use_original_dst`, would overwrite what the header says of connections to a port. What listens on nothing (`bind_to_port: false`) stays where it is found by its address.
 *
 * @returns undefined for what listens on nothing
 */
export function makePrivate(listener: Listener, path: string, certificates: MadeUpCertificates): OpenListener | undefined {
  const chains = [...listener.filterChains, ...(listener.defaultFilterChain === undefined ? [] : [listener.defaultFilterChain])];
  for (const chain of chains) followChain(chain, certificates);
  listener.accessLog = [refusedConnectionsLog()];
  delete listener.transparent;
  if (listener.bindToPort === false) return undefined;

  const open = describe(listener, chains, path);
  listener.address = create(AddressSchema, { address: { case: "pipe", value: { path } } });
  listener.additionalAddresses = [];
  const others = listener.listenerFilters.filter(({ configType: { value } }) => !isOf(value, ProxyProtocolSchema));
  const proxyProtocol = create(ListenerFilterSchema, {
    name: "meshwright.try.proxy_protocol",
    configType: { case: "typedConfig", value: pack(ProxyProtocolSchema, {}) },
  });
  listener.listenerFilters = [proxyProtocol, ...others];
  return open;
}

/** Datagrams (HTTP/3) are not tried. */
export function isStream({ address }: Listener): boolean {
  return address?.address.case !== "socketAddress" || address.address.value.protocol === SocketAddress_Protocol.TCP;
}

function describe(listener: Listener, chains: readonly FilterChain[], path: string): OpenListener {
  const { name, address, useOriginalDst, trafficDirection, listenerFilters } = listener;
  const socket = address?.address.case === "socketAddress" ? address.address.value : undefined;
  const redirected =
    useOriginalDst === true || listenerFilters.some(({ name: filter }) => filter === "envoy.filters.listener.original_dst");
  const secure = chains.filter(({ transportSocket }) => isOf(transportSocket?.configType.value, DownstreamTlsContextSchema));
  return {
    name,
    path,
    address: socket?.address ?? "",
    port: socket?.portSpecifier.case === "portValue" ? socket.portSpecifier.value : 0,
    redirected,
    inbound: trafficDirection === TrafficDirection.INBOUND,
    tls: {
      some: new Set(secure.map(({ filterChainMatch }) => filterChainMatch?.destinationPort ?? 0)),
      only: secure.length > 0 && secure.length === chains.length,
    },
  };
}

function followChain(chain: FilterChain, certificates: MadeUpCertificates): void {
  const { transportSocket } = chain;
  for (const { configType } of chain.filters) {
    if (configType.case !== "typedConfig") continue;
    change(configType.value, HttpConnectionManagerSchema, followRequests);
    change(configType.value, SetFilterStateSchema, notePeer);
    change(configType.value, RBACSchema, matchPeer);
    change(configType.value, TcpProxySchema, (proxy) => {
      proxy.accessLog = [accessLog("connection", { object: proxy.statPrefix })];
      delete proxy.accessLogOptions;
    });
  }
  chain.filters = noteMatches(chain.filters);
  if (transportSocket?.configType.case === "typedConfig")
    change(transportSocket.configType.value, DownstreamTlsContextSchema, (tls) => certificates.replaceIn(tls));
}

function isOf(value: Any | object | undefined, schema: DescMessage): boolean {
  return value !== undefined && "typeUrl" in value && value.typeUrl === typeUrl(schema);
}

/** Changes the message in an `Any`, where it is of that type. */
function change<Desc extends DescMessage>(any: Any, schema: Desc, edit: (message: MessageShape<Desc>) => void): void {
  if (!isOf(any, schema)) return;
  const message = fromBinary(schema, any.value);
  edit(message);
  any.value = pack(schema, message).value;
}
