import { createRegistry, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import type { ConfigSource } from "../envoy-api/generated/envoy/config/core/v3/config_source_pb.ts";
import { ListenerSchema } from "../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import {
  type ScopedRouteConfiguration,
  ScopedRouteConfigurationSchema,
} from "../envoy-api/generated/envoy/config/route/v3/scoped_route_pb.ts";
import { HttpConnectionManagerSchema } from "../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { HttpProtocolOptionsSchema } from "../envoy-api/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { typeUrl } from "../envoy-api/index.ts";
import type { Resource, ResourceView, Snapshot, StreamStatus } from "../xds/server/index.ts";
import type { ProxyStatus } from "./proxy-status.ts";

// An Envoy asks for one type after the other, in requests of their own: for clusters first, for listeners when these are warm, for what listeners and clusters refer to
// (scopes, routes, filters, endpoints, secrets) as it takes them; and for all of them again on a new stream. Between two of these requests it has answered everything, and lacks the rest.

/**
 * Milliseconds after which a proxy has nothing more to ask for: Envoy's default of `initial_fetch_timeout`, for which it waits for the endpoints of its first clusters before it asks for listeners
 * (https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/operations/init). Who has not asked by then never will: a bootstrap may have its listeners in a file.
 */
const PATIENCE = 15_000;

/** Types that say which others are asked for, and how their resources are read. All others are asked for by name. */
const REFERRING: Readonly<Record<string, DescMessage>> = {
  listener: ListenerSchema,
  scope: ScopedRouteConfigurationSchema,
  cluster: ClusterSchema,
};

/** Messages of Envoy's that name resources of a type by the stream of all others (`ads`), the field with the source, and the type. */
const REFERENCES: Readonly<Record<string, readonly [field: string, type: string]>> = {
  "envoy.extensions.filters.network.http_connection_manager.v3.Rds": ["configSource", "route"],
  "envoy.extensions.filters.network.http_connection_manager.v3.ScopedRds": ["scopedRdsConfigSource", "scope"],
  "envoy.config.core.v3.ExtensionConfigSource": ["configSource", "filter"],
  "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig": ["sdsConfig", "secret"],
  "envoy.config.cluster.v3.Cluster.EdsClusterConfig": ["edsConfig", "endpoint"],
};

/** What is looked for references within what an Any holds. */
const CONTAINERS = createRegistry(
  HttpConnectionManagerSchema,
  HttpProtocolOptionsSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
);

/**
 * The types that a proxy has not asked for and will: those that Envoy asks for next, and those that what it has refers to. Who asks for resources by their names, as gRPC without a proxy does, says itself what
 * it wants.
 *
 * @param streams of the proxy
 * @param snapshot what it gets
 * @param now milliseconds since 1970
 */
export function unaskedTypes(
  proxy: ProxyStatus,
  streams: readonly StreamStatus[],
  snapshot: Snapshot | undefined,
  now: number,
): readonly string[] {
  const asked = new Set(proxy.types.filter(({ state }) => state !== "NOT SENT").map(({ type }) => type));
  const whole = proxy.types.filter(({ wildcard }) => wildcard);
  const connectedAt = Math.max(...streams.map((stream) => stream.connectedAt));
  const expected = new Set<string>();
  if (now - connectedAt < PATIENCE) {
    // Who stands beside an Envoy asks for roots, and the Envoy for clusters.
    if (asked.has("roots")) expected.add("cluster");
    if (whole.some(({ type }) => type === "cluster")) expected.add("listener");
  }
  const since = Math.max(connectedAt, ...whole.map(({ accepted }) => accepted?.at ?? 0));
  // What was refused may be what refers to others.
  if (now - since < PATIENCE && whole.every(({ refused }) => refused.length === 0))
    for (const { type } of whole) {
      const schema = REFERRING[type];
      if (schema === undefined || snapshot === undefined) continue;
      for (const each of referencesOfAll(snapshot.resources(typeUrl(schema)), schema)) expected.add(each);
    }
  return [...expected].filter((type) => !asked.has(type));
}

const OF_VIEWS = new WeakMap<ResourceView, ReadonlySet<string>>();
const OF_RESOURCES = new WeakMap<Resource, ReadonlySet<string>>();

/** Views and resources are shared by proxies that are alike, and never changed. */
function referencesOfAll(view: ResourceView, schema: DescMessage): ReadonlySet<string> {
  let found = OF_VIEWS.get(view);
  if (found === undefined) {
    const types = new Set<string>();
    for (const name of view.names()) {
      const resource = view.get(name);
      if (resource !== undefined) for (const type of referencesOf(resource, schema)) types.add(type);
    }
    OF_VIEWS.set(view, (found = types));
  }
  return found;
}

function referencesOf(resource: Resource, schema: DescMessage): ReadonlySet<string> {
  let found = OF_RESOURCES.get(resource);
  if (found === undefined) {
    const types = new Set<string>();
    collect(fromBinary(schema, resource.value), types);
    OF_RESOURCES.set(resource, (found = types));
  }
  return found;
}

function collect(value: unknown, types: Set<string>): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  if (Array.isArray(value)) return value.forEach((entry) => collect(entry, types));
  const { $typeName: name } = value as { readonly $typeName?: string };
  if (name === "google.protobuf.Any") return collect(anyUnpack(value as Any, CONTAINERS), types);
  // Routes of a scope that is on demand are asked for when a request wants them.
  if (name === ScopedRouteConfigurationSchema.typeName && !(value as ScopedRouteConfiguration).onDemand) types.add("route");
  const [field, type] = REFERENCES[name ?? ""] ?? [];
  if (field !== undefined && type !== undefined) {
    const source = (value as Readonly<Record<string, ConfigSource | undefined>>)[field];
    if (source?.configSourceSpecifier.case === "ads") types.add(type);
  }
  for (const each of Object.values(value)) collect(each, types);
}
