import { fromBytes } from "../byte-string.ts";
import { Status } from "../abi/enums.ts";
import type { LifeSpan, PropertyDeclaration } from "../stream-info.ts";
import { NO_RESULTS, type ForeignFunction } from "./foreign-function.ts";
import { bytesField, numberField, readMessage } from "./protobuf.ts";

const TYPES: readonly PropertyDeclaration["type"][] = ["bytes", "string", "flatbuffers", "protobuf"];
const LIFE_SPANS: readonly LifeSpan[] = ["filter-chain", "request", "connection"];

/** `declare_property` `{1 name, 2 readonly, 3 type, 4 schema, 5 span}`: says how `set_property` keeps a value. Once for each name. */
export const declareProperty: ForeignFunction = (vm, parameters) => {
  const fields = readMessage(parameters);
  const context = vm.current;
  if (fields === undefined || context === undefined) return { status: Status.BadArgument, results: NO_RESULTS };
  const name = fromBytes(bytesField(fields, 1));
  if (context.declaredProperties.has(name)) return { status: Status.BadArgument, results: NO_RESULTS };
  context.declaredProperties.set(name, {
    readonly: numberField(fields, 2) !== 0,
    type: TYPES[numberField(fields, 3)] ?? "bytes",
    lifeSpan: LIFE_SPANS[numberField(fields, 5)] ?? "filter-chain",
  });
  return { status: Status.Ok, results: NO_RESULTS };
};

// Keys with an ObjectFactory in stock Envoy; any other is not found.
const REGISTERED_KEYS = new Set([
  "envoy.string",
  "envoy.hashable_string",
  "envoy.tcp_proxy.cluster",
  "envoy.tcp_proxy.per_connection_idle_timeout_ms",
  "envoy.network.upstream_server_name",
  "envoy.network.upstream_subject_alt_names",
  "envoy.network.application_protocols",
  "envoy.network.transport_socket.original_dst_address",
  "envoy.upstream.dynamic_host",
  "envoy.upstream.dynamic_port",
  "envoy.ratelimit.hits_addend",
]);

/** `set_envoy_filter_state` `{1 path, 2 value, 3 span}`: only keys that Envoy itself registered. */
export const setEnvoyFilterState: ForeignFunction = (vm, parameters) => {
  const fields = readMessage(parameters);
  if (fields === undefined) return { status: Status.BadArgument, results: NO_RESULTS };
  const path = fromBytes(bytesField(fields, 1));
  if (!REGISTERED_KEYS.has(path)) return { status: Status.NotFound, results: NO_RESULTS };
  const info = vm.context().streamInfo;
  if (info === undefined) return { status: Status.NotFound, results: NO_RESULTS };
  info.filterState.set(path, { value: fromBytes(bytesField(fields, 2)), readonly: false });
  return { status: Status.Ok, results: NO_RESULTS };
};
