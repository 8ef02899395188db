import type { JsonObject } from "@bufbuild/protobuf";
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
  type CommonGrpcAccessLogConfigSchema,
} from "../../../envoy-api/generated/envoy/extensions/access_loggers/grpc/v3/als_pb.ts";
import { OpenTelemetryAccessLogConfigSchema } from "../../../envoy-api/generated/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.ts";
import { ApiVersion } from "../../../envoy-api/generated/envoy/config/core/v3/config_source_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import type { ExtensionProvider, MeshSettings } from "../../../model/index.ts";
import { type AccessLog, fileLog, jsonFormat, TEXT_FORMAT, textFormat } from "./log-format.ts";
import type { Init } from "./init.ts";
import { grpcService, optionsOf, textOf, textsOf } from "./provider.ts";

type Options = ExtensionProvider["options"];

/** The access log of a provider; none for one of another use. */
export function providerLogs({ name, type, options }: ExtensionProvider, settings: MeshSettings): AccessLog[] {
  switch (type) {
    case "envoyFileAccessLog":
      return [fileProvider(name, options, settings)];
    case "envoyHttpAls":
      return [
        {
          name: "envoy.access_loggers.http_grpc",
          configType: {
            case: "typedConfig",
            value: pack(HttpGrpcAccessLogConfigSchema, {
              commonConfig: common(options, "http_envoy_accesslog"),
              additionalRequestHeadersToLog: textsOf(options, "additionalRequestHeadersToLog"),
              additionalResponseHeadersToLog: textsOf(options, "additionalResponseHeadersToLog"),
              additionalResponseTrailersToLog: textsOf(options, "additionalResponseTrailersToLog"),
            }),
          },
        },
      ];
    case "envoyTcpAls":
      return [
        {
          name: "envoy.access_loggers.tcp_grpc",
          configType: {
            case: "typedConfig",
            value: pack(TcpGrpcAccessLogConfigSchema, { commonConfig: common(options, "tcp_envoy_accesslog") }),
          },
        },
      ];
    case "envoyOtelAls":
      return [openTelemetry(options)];
    default:
      return [];
  }
}

/** Istio's own provider `envoy` writes what `accessLogFormat` and `accessLogEncoding` say, where it says nothing itself. */
function fileProvider(name: string, options: Options, { accessLogEncoding, accessLogFormat }: MeshSettings): AccessLog {
  const path = textOf(options, "path") ?? "/dev/stdout";
  const format = optionsOf(options, "logFormat");
  const omitEmptyValues = options["omitEmptyValues"] === true;
  if (name === "envoy" && format === undefined && !omitEmptyValues)
    return fileLog(path, accessLogEncoding === "JSON" ? jsonFormat(accessLogFormat) : textFormat(accessLogFormat));
  const labels = format === undefined ? undefined : optionsOf(format, "labels");
  if (labels !== undefined) return fileLog(path, jsonFormat(labels as JsonObject, omitEmptyValues));
  return fileLog(path, textFormat((format === undefined ? undefined : textOf(format, "text")) ?? "", omitEmptyValues));
}

function common(options: Options, logName: string): Init<typeof CommonGrpcAccessLogConfigSchema> {
  return {
    logName: textOf(options, "logName") ?? logName,
    grpcService: grpcService(options),
    transportApiVersion: ApiVersion.V3,
    filterStateObjectsToLog: textsOf(options, "filterStateObjectsToLog"),
  };
}

function openTelemetry(options: Options): AccessLog {
  const format = optionsOf(options, "logFormat");
  const labels = format === undefined ? undefined : optionsOf(format, "labels");
  const body = (format === undefined ? undefined : textOf(format, "text")) ?? TEXT_FORMAT;
  return {
    name: "envoy.access_loggers.open_telemetry",
    configType: {
      case: "typedConfig",
      value: pack(OpenTelemetryAccessLogConfigSchema, {
        commonConfig: common(options, "otel_envoy_accesslog"),
        body: { value: { case: "stringValue", value: body } },
        attributes: {
          values: Object.entries(labels ?? {}).map(([key, value]) => ({
            key,
            value: { value: { case: "stringValue" as const, value: typeof value === "string" ? value : JSON.stringify(value) } },
          })),
        },
      }),
    },
  };
}
