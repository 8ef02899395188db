import type { JsonObject } from "@bufbuild/protobuf";
import type { Init } from "./init.ts";
import { pack } from "../../../envoy-api/index.ts";
import type { AccessLogSchema } from "../../../envoy-api/generated/envoy/config/accesslog/v3/accesslog_pb.ts";
import { FileAccessLogSchema } from "../../../envoy-api/generated/envoy/extensions/access_loggers/file/v3/file_pb.ts";
import type { MeshSettings, ProxyView } from "../../../model/index.ts";

export type AccessLog = Init<typeof AccessLogSchema>;

/** Istio's since 1.9; documented at https://istio.io/latest/docs/tasks/observability/logs/access-log/. */
const TEXT_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% ' +
  '%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" ' +
  '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% ' +
  "%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

const JSON_FORMAT: JsonObject = {
  authority: "%REQ(:AUTHORITY)%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  connection_termination_details: "%CONNECTION_TERMINATION_DETAILS%",
  downstream_local_address: "%DOWNSTREAM_LOCAL_ADDRESS%",
  downstream_remote_address: "%DOWNSTREAM_REMOTE_ADDRESS%",
  duration: "%DURATION%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  request_id: "%REQ(X-REQUEST-ID)%",
  requested_server_name: "%REQUESTED_SERVER_NAME%",
  response_code: "%RESPONSE_CODE%",
  response_code_details: "%RESPONSE_CODE_DETAILS%",
  response_flags: "%RESPONSE_FLAGS%",
  route_name: "%ROUTE_NAME%",
  start_time: "%START_TIME%",
  upstream_cluster: "%UPSTREAM_CLUSTER_RAW%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_local_address: "%UPSTREAM_LOCAL_ADDRESS%",
  upstream_service_time: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  upstream_transport_failure_reason: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
  user_agent: "%REQ(USER-AGENT)%",
  x_forwarded_for: "%REQ(X-FORWARDED-FOR)%",
};

/** Logs of requests. */
export function requestLogs(view: ProxyView): AccessLog[] {
  return logs(view.settings());
}

/** Logs of connections that are passed on as bytes. */
export function connectionLogs(view: ProxyView): AccessLog[] {
  return logs(view.settings());
}

/** Logs of connections that no filter chain takes (`NR`): nobody else would write about them. */
export function listenerLogs(view: ProxyView): AccessLog[] {
  const settings = view.settings();
  if (settings.disableEnvoyListenerLog) return [];
  return logs(settings).map((log) => ({
    ...log,
    filter: { filterSpecifier: { case: "responseFlagFilter", value: { flags: ["NR"] } } },
  }));
}

function logs({ accessLogFile, accessLogEncoding, accessLogFormat }: MeshSettings): AccessLog[] {
  if (accessLogFile === "") return [];
  return [fileLog(accessLogFile, accessLogEncoding === "JSON" ? jsonFormat(accessLogFormat) : textFormat(accessLogFormat))];
}

type LogFormat = NonNullable<Init<typeof FileAccessLogSchema>["accessLogFormat"]>;

function fileLog(path: string, accessLogFormat: LogFormat): AccessLog {
  return {
    name: "envoy.access_loggers.file",
    configType: { case: "typedConfig", value: pack(FileAccessLogSchema, { path, accessLogFormat }) },
  };
}

/** A line ends where the user's format does not say so (MeshConfig's `accessLogFormat`). */
function textFormat(format: string): LogFormat {
  const inlineString = format === "" ? TEXT_FORMAT : format.endsWith("\n") ? format : `${format}\n`;
  return {
    case: "logFormat",
    value: { format: { case: "textFormatSource", value: { specifier: { case: "inlineString", value: inlineString } } } },
  };
}

function jsonFormat(format: string): LogFormat {
  const value = format === "" ? JSON_FORMAT : (JSON.parse(format) as JsonObject);
  return { case: "logFormat", value: { format: { case: "jsonFormat", value } } };
}
