import { create, type JsonObject } from "@bufbuild/protobuf";
import { type AccessLog, AccessLogSchema } from "../../../control/envoy-api/generated/envoy/config/accesslog/v3/accesslog_pb.ts";
import { FileAccessLogSchema } from "../../../control/envoy-api/generated/envoy/extensions/access_loggers/file/v3/file_pb.ts";
import { pack } from "../../../control/envoy-api/index.ts";
import { NETWORK_RBAC } from "./network-policies.ts";
import { STREAM_NUMBER } from "../../../harness/envoy/chain/markers.ts";

/** What one line of the private Envoy's access log says; absent values are null. */
export interface LoggedFields {
  readonly kind: "http" | "connection";
  /** Number of the request, of `http` where its filters ran. */
  readonly stream: string | null;
  /** `%RESPONSE_CODE_DETAILS%` */
  readonly details: string | null;
  /** `%RESPONSE_FLAGS_LONG%`: why a connection without HTTP ended. */
  readonly flags: string | null;
  /** `%CONNECTION_TERMINATION_DETAILS%`: the same, where a filter closed it. */
  readonly termination: string | null;
  readonly route: string | null;
  readonly cluster: string | null;
  /** Of the route, where somebody has marked it (`ROUTE_MARK`). */
  readonly mark: string | null;
  /** What the route, or the chain of a connection, says of the object that it comes from. */
  readonly object: string | null;
  /** Attempts at the upstream, the first one included. */
  readonly attempts: number | null;
  /** What Envoy's filter for policies of connections noted. */
  readonly policies: Readonly<Record<string, unknown>> | null;
  /** `ip:port` of both ends, by which, and by its server name, a connection is known. */
  readonly source: string | null;
  readonly destination: string | null;
  readonly sni: string | null;
}

/** Namespace of a route's metadata in which `mark` tells it from others: routes need no names, and several may have the same. */
export const ROUTE_MARK = "meshwright.try";

const FIELDS: Readonly<Record<Exclude<keyof LoggedFields, "kind">, string>> = {
  stream: STREAM_NUMBER,
  details: "%RESPONSE_CODE_DETAILS%",
  flags: "%RESPONSE_FLAGS_LONG%",
  termination: "%CONNECTION_TERMINATION_DETAILS%",
  route: "%ROUTE_NAME%",
  cluster: "%UPSTREAM_CLUSTER_RAW%",
  mark: `%METADATA(ROUTE:${ROUTE_MARK}:mark)%`,
  object: "%METADATA(ROUTE:istio:config)%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  policies: `%DYNAMIC_METADATA(${NETWORK_RBAC})%`,
  source: "%DOWNSTREAM_REMOTE_ADDRESS%",
  destination: "%DOWNSTREAM_LOCAL_ADDRESS%",
  sni: "%REQUESTED_SERVER_NAME%",
};

/**
 * One JSON object a line, to where Envoy's own log goes, so that both stay in order.
 *
 * @param flag of a response, without which nothing is logged. Default: everything is
 * @param object what stands for it, as connections have no routes
 */
export function accessLog(
  kind: LoggedFields["kind"],
  { flag, object }: { readonly flag?: string; readonly object?: string } = {},
): AccessLog {
  const value: JsonObject = { kind, ...FIELDS, ...(object === undefined ? {} : { object: object.replaceAll("%", "%%") }) };
  const format = { format: { case: "jsonFormat", value } } as const;
  const file = pack(FileAccessLogSchema, { path: "/dev/stderr", accessLogFormat: { case: "logFormat", value: format } });
  return create(AccessLogSchema, {
    name: "envoy.access_loggers.file",
    configType: { case: "typedConfig", value: file },
    ...(flag === undefined ? {} : { filter: { filterSpecifier: { case: "responseFlagFilter", value: { flags: [flag] } } } }),
  });
}

/** Of connections that no filter chain of a listener takes (`NR`), about which nobody else writes. */
export function refusedConnectionsLog(): AccessLog {
  return accessLog("connection", { flag: "NR" });
}
