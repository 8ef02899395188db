import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ClientResourceStatus, UpdateFailureStateSchema } from "../../envoy-api/generated/envoy/admin/v3/config_dump_shared_pb.ts";
import { NodeSchema } from "../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import {
  ClientConfigSchema,
  ClientConfig_GenericXdsConfigSchema,
  ClientStatusRequestSchema,
  ClientStatusResponseSchema,
  ConfigStatus,
  type ClientConfig,
  type ClientConfig_GenericXdsConfig,
  type ClientStatusRequest,
} from "../../envoy-api/generated/envoy/service/status/v3/csds_pb.ts";
import type { NodeMatcher } from "../../envoy-api/generated/envoy/type/matcher/v3/node_pb.ts";
import {
  XdsError,
  type Refusal,
  type ResourceTypeRules,
  type StreamStatus,
  type SyncState,
  type XdsServer,
  type XdsStream,
} from "../server/index.ts";

const CONFIG_STATUS: Readonly<Record<SyncState, ConfigStatus>> = {
  SYNCED: ConfigStatus.SYNCED,
  STALE: ConfigStatus.STALE,
  NACK: ConfigStatus.ERROR,
  "NOT SENT": ConfigStatus.NOT_SENT,
};

/**
 * Answers a `ClientStatusRequest` (CSDS) about the clients of this service: what each is to have, and whether it has accepted it. As every management
 * server it asks nobody for that. Throws {@link XdsError} `INVALID_ARGUMENT` for what is no such request, and for matchers other than of the id by text.
 *
 * @param isVisible of which of them whoever asks may know
 */
export function clientStatus(server: XdsServer, bytes: Uint8Array, isVisible: (status: StreamStatus) => boolean): Uint8Array {
  const request = readRequest(bytes);
  const matches = request.nodeMatchers.map(matcherOf);
  const config: ClientConfig[] = [];
  for (const stream of server.streams()) {
    const status = stream.status();
    if (!isVisible(status)) continue;
    const { node: encoded, types } = status;
    const node = fromBinary(NodeSchema, encoded);
    if (matches.length > 0 && !matches.some((match) => match(node.id))) continue;
    const genericXdsConfigs = types.flatMap(({ typeUrl, state, refused, accepted }) => {
      const rules = server.types.find((rule) => rule.typeUrl === typeUrl);
      return rules === undefined ? [] : resourcesOf(stream, rules, request, { state, refused, at: accepted?.at });
    });
    config.push(create(ClientConfigSchema, { node, genericXdsConfigs }));
  }
  return toBinary(ClientStatusResponseSchema, create(ClientStatusResponseSchema, { config }));
}

interface State {
  readonly state: SyncState;
  readonly refused: readonly Refusal[];
  readonly at: number | undefined;
}

function resourcesOf(
  stream: XdsStream,
  rules: ResourceTypeRules,
  request: ClientStatusRequest,
  type: State,
): ClientConfig_GenericXdsConfig[] {
  const { typeUrl, sensitive = false } = rules;
  const refused = new Map(type.refused.map((refusal) => [refusal.name, refusal]));
  return [...stream.resources(typeUrl)].map(({ name, version, value }) => {
    const refusal = refused.get(name);
    const isRefused = refusal?.version === version;
    const state = isRefused ? "NACK" : type.state === "NACK" ? "SYNCED" : type.state;
    return create(ClientConfig_GenericXdsConfigSchema, {
      typeUrl,
      name,
      versionInfo: version,
      configStatus: CONFIG_STATUS[state],
      clientStatus: isRefused
        ? ClientResourceStatus.NACKED
        : state === "SYNCED"
          ? ClientResourceStatus.ACKED
          : ClientResourceStatus.REQUESTED,
      ...(type.at === undefined ? {} : { lastUpdated: timestampFromMs(type.at) }),
      ...(request.excludeResourceContents || sensitive ? {} : { xdsConfig: create(AnySchema, { typeUrl, value }) }),
      ...(refusal === undefined ? {} : { errorState: failure(refusal) }),
    });
  });
}

function failure({ reason, version, since }: Refusal) {
  return create(UpdateFailureStateSchema, { details: reason, versionInfo: version, lastUpdateAttempt: timestampFromMs(since) });
}

function readRequest(bytes: Uint8Array): ClientStatusRequest {
  try {
    return fromBinary(ClientStatusRequestSchema, bytes);
  } catch (cause) {
    throw new XdsError("INVALID_ARGUMENT", "not a ClientStatusRequest", { cause });
  }
}

function matcherOf({ nodeId, nodeMetadatas }: NodeMatcher): (id: string) => boolean {
  if (nodeMetadatas.length > 0) throw new XdsError("INVALID_ARGUMENT", "node_metadatas are not supported: match by node_id");
  if (nodeId === undefined) return () => true;
  const { case: kind, value } = nodeId.matchPattern;
  if (kind === undefined || kind === "safeRegex" || kind === "custom") {
    throw new XdsError("INVALID_ARGUMENT", "node_id: only exact, prefix, suffix and contains are supported");
  }
  const fold = (text: string) => (nodeId.ignoreCase ? text.toLowerCase() : text);
  const pattern = fold(value);
  if (kind === "exact") return (id) => fold(id) === pattern;
  if (kind === "prefix") return (id) => fold(id).startsWith(pattern);
  if (kind === "suffix") return (id) => fold(id).endsWith(pattern);
  return (id) => fold(id).includes(pattern);
}
