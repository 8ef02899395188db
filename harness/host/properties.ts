import { toByteString } from "./byte-string.ts";
import { Status } from "./abi/enums.ts";
import { HostError } from "./errors.ts";
import type { Context } from "./context.ts";
import { HeaderMap } from "./header-map.ts";
import { encodePairs } from "./pairs.ts";
import { toGrpcStatus } from "./http/local-reply.ts";
import type { StreamInfo } from "./stream-info.ts";

/**
 * A property before it is serialised: text, bytes (as a byte string in {@link RawBytes}), bool, 64-bit number, double, map, list.
 * Durations and timestamps are nanoseconds. JavaScript numbers are doubles, as numbers in a protobuf `Struct` are.
 */
export type PropertyValue = string | boolean | number | bigint | null | RawBytes | PropertyObject | readonly PropertyValue[];

export interface PropertyObject {
  readonly [name: string]: PropertyValue | undefined;
}

/** A value that is bytes already. */
export class RawBytes {
  readonly bytes: string;

  constructor(bytes: string) {
    this.bytes = bytes;
  }
}

/** What properties of a stream read besides its {@link StreamInfo}; `HttpContext` has it. */
export interface Activation {
  readonly activationRequestHeaders?: HeaderMap | undefined;
  readonly activationResponseHeaders?: HeaderMap | undefined;
  readonly activationResponseTrailers?: HeaderMap | undefined;
}

/** Reads a property; the path's segments are separated by NUL. A byte string, or the status that says why there is none. */
export function getProperty(context: Context & Activation, path: string): string | number {
  // Without a segment Envoy looks nothing up, and what it has then cannot be serialised.
  if (path === "") return Status.SerializationFailure;
  const segments = path.endsWith("\0") ? path.slice(0, -1).split("\0") : path.split("\0");
  let value = findValue(context, segments);
  for (const segment of segments.slice(1)) {
    if (value === undefined || value === null) return Status.NotFound;
    if (value instanceof Lookup) value = value.find(segment);
    else if (Array.isArray(value)) value = /^\d+$/.test(segment) ? (value as readonly PropertyValue[])[Number(segment)] : undefined;
    else if (typeof value === "object" && !(value instanceof RawBytes))
      value = Object.hasOwn(value, segment) ? (value as PropertyObject)[segment] : undefined;
    else return Status.NotFound;
  }
  if (value === undefined) return Status.NotFound;
  if (isWholeMessage(segments)) return wholeMessage(value);
  return serialize(value instanceof Lookup ? value.all() : value) ?? Status.SerializationFailure;
}

/** Whether a path names a protobuf message of Envoy's (Node, Metadata) and not a field of it. */
function isWholeMessage(segments: readonly string[]): boolean {
  const last = segments.at(-1) ?? "";
  return segments.length === 1
    ? last === "metadata"
    : segments.length === 2 && segments[0] === "xds" && (last === "node" || last.endsWith("_metadata"));
}

/** Envoy serialises the message. An empty one is no bytes; for any other a test would have to carry Envoy's descriptors. */
function wholeMessage(value: unknown): string {
  const fields: readonly unknown[] = typeof value === "object" && value !== null ? Object.values(value) : [];
  if (fields.every((field) => typeof field === "object" && field !== null && Object.keys(field).length === 0)) return "";
  throw new HostError("not-supported", "a whole message (xds.node, metadata) cannot be read as protobuf here: name a field of it");
}

/** Sets `wasm.<path>` in the stream's filter state. */
export function setProperty(context: Context, path: string, value: string): number {
  const info = context.streamInfo;
  if (info === undefined) return Status.NotFound;
  const key = `wasm.${path}`;
  const state = info.filterState.get(key);
  if (state === undefined) {
    info.filterState.set(key, { value, readonly: context.root.declaredProperties.get(path)?.readonly ?? false });
    return Status.Ok;
  }
  if (state.readonly) return Status.BadArgument;
  state.value = value;
  return Status.Ok;
}

/** Values that are looked up one by one, such as headers. */
class Lookup {
  readonly find: (name: string) => PropertyValue | undefined;
  /** `undefined` where Envoy cannot list the fields, so that the whole cannot be serialised. */
  readonly all: () => PropertyObject | undefined;

  constructor(find: (name: string) => PropertyValue | undefined, all: () => PropertyObject | undefined = () => undefined) {
    this.find = find;
    this.all = all;
  }
}

function findValue(context: Context & Activation, segments: readonly string[]): PropertyValue | Lookup | undefined {
  const name = segments[0] ?? "";
  const info = context.streamInfo;
  switch (name) {
    case "request":
      return info && new Lookup((field) => requestProperty(context, info, field) as PropertyValue);
    case "response":
      return info && new Lookup((field) => responseProperty(context, info, field) as PropertyValue);
    case "connection":
      return info && new Lookup((field) => connectionProperty(info, field));
    case "source":
      return info && new Lookup((field) => peerProperty(info.connection.sourceAddress, field));
    case "destination":
      return info && new Lookup((field) => peerProperty(info.connection.destinationAddress, field));
    case "upstream":
      return info && new Lookup((field) => upstreamProperty(info, field));
    case "metadata":
      return info && { filter_metadata: info.dynamicMetadata as PropertyObject, typed_filter_metadata: {} };
    case "filter_state":
      return info && new Lookup((key) => stateProperty(info, key));
    case "xds":
      return new Lookup((field) => xdsProperty(context, info, field));
    case "plugin_name":
      return context.plugin?.name;
    case "plugin_root_id":
      return context.plugin?.rootId ?? "";
    case "plugin_vm_id":
      return context.vm.config.vmId;
    case "connection_id":
      return info && BigInt(info.connection.id);
    default:
      return info && stateProperty(info, `wasm.${name}`);
  }
}

function stateProperty(info: StreamInfo, key: string): PropertyValue | undefined {
  const state = info.filterState.get(key);
  return state && new RawBytes(state.value);
}

function requestProperty(context: Activation, info: StreamInfo, field: string): PropertyValue | Lookup | undefined {
  const headers = context.activationRequestHeaders;
  switch (field) {
    case "time":
      return info.startTime;
    case "protocol":
      return info.protocol === "" ? undefined : info.protocol;
    case "duration":
      return info.duration;
    case "headers":
      return headerLookup(headers);
    case "size":
      return BigInt(headers?.get("content-length") ?? info.bytesReceived);
    case "total_size":
      return BigInt(info.bytesReceived + (headers?.byteSize ?? 0));
  }
  const value = headers && requestHeaderProperty(headers, field);
  return value === undefined ? undefined : new RawBytes(value);
}

function requestHeaderProperty(headers: HeaderMap, field: string): string | undefined {
  const path = headers.get(":path");
  switch (field) {
    case "path":
      return path;
    case "url_path":
      return path?.split("?", 1)[0];
    case "query":
      return path === undefined ? undefined : (/\?([^#]*)/s.exec(path)?.[1] ?? "");
    case "host":
      return headers.get(":authority");
    case "scheme":
      return headers.get(":scheme");
    case "method":
      return headers.get(":method");
    case "referer":
      return headers.get("referer");
    case "useragent":
      return headers.get("user-agent");
    case "id":
      return headers.get("x-request-id");
    default:
      return undefined;
  }
}

function responseProperty(context: Activation, info: StreamInfo, field: string): PropertyValue | Lookup | undefined {
  switch (field) {
    case "code":
      return info.responseCode === undefined ? undefined : BigInt(info.responseCode);
    case "code_details":
      return info.responseCodeDetails;
    case "flags":
      return legacyFlags(info.responseFlags);
    case "size":
      return BigInt(info.bytesSent);
    case "total_size":
      return BigInt(
        info.bytesSent + (context.activationResponseHeaders?.byteSize ?? 0) + (context.activationResponseTrailers?.byteSize ?? 0),
      );
    case "headers":
      return headerLookup(context.activationResponseHeaders);
    case "trailers":
      return headerLookup(context.activationResponseTrailers);
    case "grpc_status": {
      const status = context.activationResponseTrailers?.get("grpc-status") ?? context.activationResponseHeaders?.get("grpc-status");
      if (status !== undefined && /^\d+$/.test(status)) return BigInt(status);
      // Without one the HTTP status is mapped, also where the response is no gRPC: 200 is 2, UNKNOWN.
      return info.responseCode === undefined ? undefined : BigInt(toGrpcStatus(info.responseCode));
    }
    default:
      return undefined;
  }
}

// The bits of Envoy's `CoreResponseFlag`, which `response.flags` gives as one number.
const FLAG_BITS = [
  "LH",
  "UH",
  "UT",
  "LR",
  "UR",
  "UF",
  "UC",
  "UO",
  "NR",
  "DI",
  "FI",
  "RL",
  "UAEX",
  "RLSE",
  "DC",
  "URX",
  "SI",
  "IH",
  "DPE",
  "UMSDR",
  "RFCF",
  "NFCF",
  "DT",
  "UPE",
  "NC",
  "OM",
  "DF",
  "DO",
  "DR",
  "UDO",
];

function legacyFlags(flags: ReadonlySet<string>): bigint {
  let bits = 0n;
  for (const flag of flags) {
    const index = FLAG_BITS.indexOf(flag);
    if (index >= 0) bits |= 1n << BigInt(index);
  }
  return bits;
}

function connectionProperty(info: StreamInfo, field: string): PropertyValue | undefined {
  const { connection } = info;
  switch (field) {
    case "id":
      return BigInt(connection.id);
    case "mtls":
      return connection.mtls;
    case "requested_server_name":
      return connection.requestedServerName ?? "";
    case "tls_version":
      return connection.tlsVersion;
    default:
      return Object.hasOwn(connection.certificate, field) ? connection.certificate[field] : undefined;
  }
}

function peerProperty(address: string, field: string): PropertyValue | undefined {
  if (field === "address") return address;
  return field === "port" ? BigInt(address.slice(address.lastIndexOf(":") + 1)) : undefined;
}

function upstreamProperty(info: StreamInfo, field: string): PropertyValue | undefined {
  switch (field) {
    case "address":
      return info.upstreamAddress;
    case "port":
      return info.upstreamAddress && peerProperty(info.upstreamAddress, "port");
    case "local_address":
      return info.upstreamLocalAddress;
    case "transport_failure_reason":
      // A TCP connection has an upstream from the start, if none that is connected.
      return info.upstreamAddress !== undefined || info.protocol === "" ? "" : undefined;
    case "request_attempt_count":
      return BigInt(info.attempts);
    default:
      return undefined;
  }
}

function xdsProperty(context: Context, info: StreamInfo | undefined, field: string): PropertyValue | undefined {
  const { host } = context.vm.worker;
  if (field === "node") return host.node;
  if (info === undefined) return undefined;
  switch (field) {
    case "cluster_name":
      return info.cluster;
    case "cluster_metadata":
      return info.cluster === undefined ? undefined : { filter_metadata: info.clusterMetadata };
    case "upstream_host_metadata":
      return info.endpointMetadata && { filter_metadata: info.endpointMetadata };
    case "route_name":
      return info.route?.name;
    case "route_metadata":
      return info.route && { filter_metadata: info.route.metadata };
    case "virtual_host_name":
      return info.route?.virtualHostName;
    case "virtual_host_metadata":
      return info.route && { filter_metadata: info.route.virtualHostMetadata };
    case "listener_direction":
      return BigInt(host.listener.direction);
    case "listener_metadata":
      return { filter_metadata: host.listener.metadata };
    case "filter_chain_name":
      return host.listener.filterChainName;
    default:
      return undefined;
  }
}

/** Headers that cannot be read now are an empty map. */
function headerLookup(headers: HeaderMap = new HeaderMap("request")): PropertyValue {
  const lookup = new Lookup(
    (name) => {
      const value = headers.getAll(name.toLowerCase());
      return value === undefined ? undefined : new RawBytes(value);
    },
    () => Object.fromEntries([...new Set(headers.names)].map((name) => [name, new RawBytes(headers.getAll(name) ?? "")])),
  );
  return lookup as unknown as PropertyValue;
}

/** The bytes that a filter gets; `undefined` for a value that Envoy cannot serialise (null). */
export function serialize(value: PropertyValue | undefined): string | undefined {
  if (value instanceof RawBytes) return value.bytes;
  if (value instanceof Lookup) return serialize(value.all());
  switch (typeof value) {
    case "string":
      return toByteString(value);
    case "boolean":
      return value ? "\x01" : "\0";
    case "bigint": {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(BigInt.asIntN(64, value));
      return bytes.toString("latin1");
    }
    case "number": {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value);
      return bytes.toString("latin1");
    }
    default:
      break;
  }
  if (value === null || value === undefined) return undefined;
  const isList = Array.isArray(value);
  const entries = isList ? (value as readonly PropertyValue[]).map((item) => [item, ""] as const) : Object.entries(value as PropertyObject);
  const names: string[] = [];
  const values: string[] = [];
  for (const [name, item] of entries) {
    const first = serialize(name);
    const second = serialize(item);
    if (first === undefined || second === undefined) return undefined;
    names.push(first);
    values.push(second);
  }
  return Buffer.from(encodePairs(names, values)).toString("latin1");
}
