import { createHash } from "node:crypto";
import { create, type JsonObject } from "@bufbuild/protobuf";
import { OutlierDetectionSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/outlier_detection_pb.ts";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { UpstreamCodecSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec_pb.ts";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import type { OutlierDetection, Plugin } from "../../../model/index.ts";
import { parseDuration } from "../../../model/fields/index.ts";
import { ejectionPlugin } from "../filter/upstream.ts";
import { type ClusterDraft, optionsOf } from "./draft.ts";
import { applyErrorMatcher } from "./outlier-detection.ts";

/** Namespace of the cluster's metadata from which our filter takes its settings. */
export const EJECTION = "meshwright.ejection";
const MARK = "x-meshwright-ejection";

/** Settings of our ejection filter for one cluster, and what Envoy must do with its marks. */
export interface Ejection {
  readonly metadata: JsonObject;
  readonly interval: number;
  readonly baseEjectionTime: number;
  readonly maxEjectionPercent: number;
  readonly minHealthPercent: number;
  readonly localOriginFailures: number;
}

/**
 * Where a plugin asks for it, hosts are judged by our filter and not by Envoy's counts; a DestinationRule's `outlierDetection` goes before the plugin's own, so that it means the same with
 * the filter as without. Undefined where no plugin asks.
 */
export function ejectionOf(plugins: readonly Plugin[], outlier: OutlierDetection | undefined): Ejection | undefined {
  const plugin = ejectionPlugin(plugins);
  if (plugin === undefined) return undefined;
  const config = isMapping(plugin.pluginConfig) ? plugin.pluginConfig : {};
  const given = isMapping(config["outlierDetection"]) ? config["outlierDetection"] : undefined;
  const detection = outlier === undefined ? given : { ...given, ...ofRule(outlier) };
  const { report: _report, cluster: _cluster, ...rest } = config;
  const configuration = JSON.stringify({ ...rest, ...(detection === undefined ? {} : { outlierDetection: detection }) });
  const version = createHash("sha256").update(configuration).digest("base64url").slice(0, 16);
  const split = detection?.["splitExternalLocalOriginErrors"] === true;
  return {
    metadata: { version, configuration },
    interval: spanOf(detection?.["interval"], 10_000),
    baseEjectionTime: spanOf(detection?.["baseEjectionTime"], 30_000),
    maxEjectionPercent: numberOf(detection?.["maxEjectionPercent"], 10),
    minHealthPercent: numberOf(detection?.["minHealthPercent"], 0),
    localOriginFailures: split
      ? numberOf(detection?.["consecutiveLocalOriginFailures"], 5)
      : numberOf(detection?.["consecutive5xxErrors"], 5),
  };
}

/** The marks are the only errors that Envoy counts, one is enough; see "What the cluster needs" of the filter's page. */
export function applyEjection(draft: ClusterDraft, ejection: Ejection, filters: readonly HttpFilter[]): void {
  draft.cluster.outlierDetection = create(OutlierDetectionSchema, {
    consecutive5xx: 1,
    enforcingConsecutive5xx: 100,
    enforcingConsecutiveGatewayFailure: 0,
    enforcingSuccessRate: 0,
    enforcingLocalOriginSuccessRate: 0,
    splitExternalLocalOriginErrors: true,
    consecutiveLocalOriginFailure: ejection.localOriginFailures,
    enforcingConsecutiveLocalOriginFailure: ejection.localOriginFailures > 0 ? 100 : 0,
    interval: milliseconds(ejection.interval),
    baseEjectionTime: milliseconds(ejection.baseEjectionTime),
    maxEjectionPercent: ejection.maxEjectionPercent,
  });
  applyErrorMatcher(draft, {
    rule: {
      case: "httpResponseHeadersMatch",
      value: { headers: [{ name: MARK, headerMatchSpecifier: { case: "presentMatch", value: true } }] },
    },
  });
  optionsOf(draft).httpFilters = [...filters, codec()];
}

function codec(): HttpFilter {
  return create(HttpFilterSchema, {
    name: "envoy.filters.http.upstream_codec",
    configType: { case: "typedConfig", value: pack(UpstreamCodecSchema, {}) },
  });
}

/** In the words of the filter's configuration; it knows no `httpErrorCodes`, for which it has rules. */
function ofRule(outlier: OutlierDetection): JsonObject {
  const settings: JsonObject = {};
  const { interval, baseEjectionTime, httpErrorCodes: _codes, ...rest } = outlier;
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) settings[name] = value;
  if (interval !== undefined) settings["interval"] = `${interval}ms`;
  if (baseEjectionTime !== undefined) settings["baseEjectionTime"] = `${baseEjectionTime}ms`;
  return settings;
}

function spanOf(value: unknown, fallback: number): number {
  return (typeof value === "string" ? parseDuration(value) : undefined) ?? fallback;
}

function numberOf(value: unknown, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}

function isMapping(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
