import type { AccessLogSchema } from "../../../envoy-api/generated/envoy/config/accesslog/v3/accesslog_pb.ts";
import type { JsonObject } from "@bufbuild/protobuf";
import type { SubstitutionFormatStringSchema } from "../../../envoy-api/generated/envoy/config/core/v3/substitution_format_string_pb.ts";
import { FileAccessLogSchema } from "../../../envoy-api/generated/envoy/extensions/access_loggers/file/v3/file_pb.ts";
import { ReqWithoutQuerySchema } from "../../../envoy-api/generated/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import type { Init } from "./init.ts";

export type AccessLog = Init<typeof AccessLogSchema>;

/** Istio's since 1.9; documented at https://istio.io/latest/docs/tasks/observability/logs/access-log/. */
export const TEXT_FORMAT =
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

type Format = Init<typeof SubstitutionFormatStringSchema>;

export function fileLog(path: string, format: Format): AccessLog {
  return {
    name: "envoy.access_loggers.file",
    configType: { case: "typedConfig", value: pack(FileAccessLogSchema, { path, accessLogFormat: { case: "logFormat", value: format } }) },
  };
}

/** A line; Istio's where the text is empty. It ends where the user's format does not say so (MeshConfig's `accessLogFormat`). */
export function textFormat(format: string, omitEmptyValues = false): Format {
  const inlineString = format === "" ? TEXT_FORMAT : format.endsWith("\n") ? format : `${format}\n`;
  return {
    format: { case: "textFormatSource", value: { specifier: { case: "inlineString", value: inlineString } } },
    omitEmptyValues,
    formatters: formatters(inlineString),
  };
}

/** A JSON object, or the text of one; Istio's where it is empty. */
export function jsonFormat(format: string | JsonObject, omitEmptyValues = false): Format {
  const given = typeof format !== "string" ? format : format === "" ? {} : (JSON.parse(format) as JsonObject);
  const value = Object.keys(given).length === 0 ? JSON_FORMAT : given;
  return { format: { case: "jsonFormat", value }, omitEmptyValues, formatters: formatters(JSON.stringify(value)) };
}

/** The operators that Envoy does not have without an extension. */
function formatters(text: string): NonNullable<Format["formatters"]> {
  if (!text.includes("%REQ_WITHOUT_QUERY")) return [];
  return [{ name: "envoy.formatter.req_without_query", typedConfig: pack(ReqWithoutQuerySchema, {}) }];
}
