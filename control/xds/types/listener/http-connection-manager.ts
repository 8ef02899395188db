import type { Init } from "./init.ts";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import { HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores } from "../../../envoy-api/generated/envoy/config/core/v3/protocol_pb.ts";
import { PreserveCaseFormatterConfigSchema } from "../../../envoy-api/generated/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.ts";
import {
  HttpConnectionManager_CodecType as CodecType,
  HttpConnectionManager_ForwardClientCertDetails as ForwardClientCert,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  HttpConnectionManagerSchema,
} from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { UuidRequestIdConfigSchema } from "../../../envoy-api/generated/envoy/extensions/request_id/uuid/v3/uuid_pb.ts";
import type { ConnectionSettings, MeshSettings, ProxySettings, ProxyView } from "../../../model/index.ts";
import { connectionSettings } from "../connection-settings.ts";
import type { Side } from "../filter/index.ts";
import { accessLogs } from "./access-log.ts";
import type { NetworkFilter } from "./filter-chain.ts";
import { httpFilters } from "./http-filters.ts";
import { tracingOf } from "./tracing.ts";
import type { HttpOptions } from "./http-options.ts";

type Manager = Init<typeof HttpConnectionManagerSchema>;

/**
 * How long a stream may stand still where nobody says (Envoy's `stream_idle_timeout`). Istio has none; but a stream that a filter holds back, or that waits for routes from a
 * control service that is gone, is ended by nothing else. An hour is what idle connections get, so streams that are quiet for minutes live on.
 */
const STREAM_IDLE_TIMEOUT = 3_600_000;

/** The network filter that speaks HTTP, with everything behind it. */
export function httpConnectionManager(view: ProxyView, options: HttpOptions): NetworkFilter {
  const traces = tracingOf(view, options.side);
  const manager: Manager = {
    codecType: CodecType.AUTO,
    // Envoy's tag extractors of Istio's bootstrap look for the semicolon.
    statPrefix: `${options.statPrefix};`,
    routeSpecifier: options.routes.routeSpecifier,
    earlyHeaderMutationExtensions: options.routes.earlyHeaderMutationExtensions ?? [],
    upgradeConfigs: [{ upgradeType: "websocket" }],
    accessLog: accessLogs(view, options.side),
    httpFilters: httpFilters(view, options),
    ...(traces.tracing === undefined ? {} : { tracing: traces.tracing }),
    requestIdExtension: {
      typedConfig: pack(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: traces.useRequestIdForTraceSampling }),
    },
    ...trust(view.proxySettings(), options.side),
    ...headers(view.proxySettings()),
    ...http1(view),
    ...limits(connectionSettings(view, options.side === "gateway"), view.settings(), options.routes.longestWait),
  };
  return {
    name: "envoy.filters.network.http_connection_manager",
    configType: { case: "typedConfig", value: pack(HttpConnectionManagerSchema, manager) },
  };
}

/** Whom the addresses and certificates in a request's headers are believed. */
function trust({ gatewayTopology, proxyHeaders }: ProxySettings, side: Side): Manager {
  const { subject, uri, dns, cert, chain } = proxyHeaders.setCurrentClientCertDetails;
  switch (side) {
    case "outbound":
      // The application is trusted, so its `x-envoy-` headers count.
      return { useRemoteAddress: false };
    case "inbound":
      return {
        useRemoteAddress: false,
        forwardClientCertDetails: ForwardClientCert[proxyHeaders.forwardedClientCert ?? "APPEND_FORWARD"],
        setCurrentClientCertDetails: { subject, uri, dns, cert, chain },
      };
    case "gateway": {
      const details = gatewayTopology.forwardClientCertDetails ?? "SANITIZE_SET";
      const says = details === "SANITIZE_SET" || details === "APPEND_FORWARD";
      return {
        useRemoteAddress: true,
        xffNumTrustedHops: gatewayTopology.numTrustedProxies,
        forwardClientCertDetails: ForwardClientCert[details],
        ...(says ? { setCurrentClientCertDetails: { subject: true, cert: true, dns: true, uri: true } } : {}),
      };
    }
  }
}

function headers({ proxyHeaders }: ProxySettings): Manager {
  return {
    generateRequestId: proxyHeaders.requestId,
    appendXForwardedPort: proxyHeaders.xForwardedPort,
    ...(proxyHeaders.server === undefined
      ? { serverHeaderTransformation: ServerHeader.PASS_THROUGH }
      : { serverName: proxyHeaders.server }),
  };
}

function http1(view: ProxyView): Manager {
  const { preserveHttp1HeaderCase } = view.proxySettings().proxyHeaders;
  const { http10 = false } = view.client();
  if (!preserveHttp1HeaderCase && !http10) return {};
  const formatter = { name: "preserve_case", typedConfig: pack(PreserveCaseFormatterConfigSchema, {}) };
  return {
    httpProtocolOptions: {
      acceptHttp10: http10,
      ...(preserveHttp1HeaderCase ? { headerKeyFormat: { headerFormat: { case: "statefulFormatter", value: formatter } } } : {}),
    },
  };
}

/** @param longestWait how long a request may wait for its route; where it has one, the route says itself how long it may take (`route/destination.ts`) */
function limits(settings: ConnectionSettings, { pathNormalization }: MeshSettings, longestWait: number | undefined): Manager {
  const { httpMaxStreamDuration: longest } = settings;
  const maxStreamDuration =
    longestWait === undefined || longest === undefined || longest === 0 ? (longestWait ?? longest) : Math.min(longest, longestWait);
  const mergeSlashes = settings.httpMergeSlashes ?? pathNormalization.endsWith("MERGE_SLASHES");
  const escapedSlashes =
    settings.httpPathWithEscapedSlashesAction ??
    (pathNormalization === "DECODE_AND_MERGE_SLASHES" ? "UNESCAPE_AND_FORWARD" : "KEEP_UNCHANGED");
  const time = (name: string, value: number | undefined) => (value === undefined ? {} : { [name]: milliseconds(value) });
  const count = (name: string, value: number | undefined) => (value === undefined ? {} : { [name]: value });
  const common = {
    ...time("idleTimeout", settings.httpIdleTimeout),
    ...time("maxConnectionDuration", settings.httpMaxConnectionDuration),
    ...time("maxStreamDuration", maxStreamDuration),
    ...(settings.httpHeadersWithUnderscoresAction === undefined
      ? {}
      : { headersWithUnderscoresAction: Underscores[settings.httpHeadersWithUnderscoresAction] }),
  };
  const http2 = {
    ...count("maxConcurrentStreams", settings.httpMaxConcurrentStreams),
    ...count("initialStreamWindowSize", settings.http2InitialStreamWindowSize),
    ...count("initialConnectionWindowSize", settings.http2InitialConnectionWindowSize),
  };
  return {
    normalizePath: pathNormalization !== "NONE",
    mergeSlashes,
    pathWithEscapedSlashesAction: EscapedSlashes[escapedSlashes],
    streamIdleTimeout: milliseconds(settings.httpStreamIdleTimeout ?? STREAM_IDLE_TIMEOUT),
    ...time("requestTimeout", settings.httpRequestTimeout),
    ...time("requestHeadersTimeout", settings.httpRequestHeadersTimeout),
    ...time("drainTimeout", settings.httpDrainTimeout),
    ...(Object.keys(common).length > 0 ? { commonHttpProtocolOptions: common } : {}),
    ...(Object.keys(http2).length > 0 ? { http2ProtocolOptions: http2 } : {}),
  };
}
