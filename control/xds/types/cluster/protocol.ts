import { create } from "@bufbuild/protobuf";
import {
  type Http1ProtocolOptions,
  Http1ProtocolOptionsSchema,
  type Http2ProtocolOptions,
  Http2ProtocolOptionsSchema,
} from "../../../envoy-api/generated/envoy/config/core/v3/protocol_pb.ts";
import { PreserveCaseFormatterConfigSchema } from "../../../envoy-api/generated/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.ts";
import { HttpProtocolOptionsSchema } from "../../../envoy-api/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import { type ConnectionPool, isHttp, type MeshSettings, type Protocol } from "../../../model/index.ts";
import { type ClusterDraft, optionsOf } from "./draft.ts";

/** What is spoken to the hosts of a cluster. */
export type UpstreamProtocol = "http1" | "http2" | "as-client";

export interface ProtocolChoice {
  readonly protocol: Protocol;
  readonly pool: ConnectionPool | undefined;
  readonly settings: Pick<MeshSettings, "h2UpgradePolicy">;
  /** A sidecar finds out what its client speaks; a gateway does not. */
  readonly isSidecar: boolean;
  /** Only clients' connections are upgraded, those to the workload's own port are not. */
  readonly outbound: boolean;
}

/** Istio's `setUpstreamProtocol` and `shouldH2Upgrade`. */
export function upstreamProtocol({ protocol, pool, settings, isSidecar, outbound }: ProtocolChoice): UpstreamProtocol {
  if (pool?.useClientProtocol === true) return "as-client";
  if (protocol === "http2" || protocol === "grpc" || protocol === "grpc-web") return "http2";
  if (
    outbound &&
    (pool?.h2UpgradePolicy === "UPGRADE" || (!refusesUpgrade(pool) && isHttp(protocol) && settings.h2UpgradePolicy === "UPGRADE"))
  )
    return "http2";
  return protocol === "auto" && isSidecar ? "as-client" : "http1";
}

function refusesUpgrade(pool: ConnectionPool | undefined): boolean {
  return pool?.h2UpgradePolicy === "DO_NOT_UPGRADE";
}

/** Sets the protocol; HTTP/1.1 needs no word, unless the case of header names is to be kept. */
export function applyProtocol(
  draft: ClusterDraft,
  protocol: UpstreamProtocol,
  pool: ConnectionPool | undefined,
  preserveCase: boolean,
): void {
  if (protocol === "http1" && !preserveCase) return;
  const http1 = http1Options(preserveCase);
  const http2 = http2Options(pool);
  optionsOf(draft).upstreamProtocolOptions = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions:
      protocol === "as-client"
        ? { case: "useDownstreamProtocolConfig", value: { httpProtocolOptions: http1, http2ProtocolOptions: {} } }
        : {
            case: "explicitHttpConfig",
            value: {
              protocolConfig:
                protocol === "http2" ? { case: "http2ProtocolOptions", value: http2 } : { case: "httpProtocolOptions", value: http1 },
            },
          },
  }).upstreamProtocolOptions;
}

/** Names of headers as they came, in the place of lower case. */
function http1Options(preserveCase: boolean): Http1ProtocolOptions {
  if (!preserveCase) return create(Http1ProtocolOptionsSchema);
  const formatter = {
    name: "envoy.http.stateful_header_formatters.preserve_case",
    typedConfig: pack(PreserveCaseFormatterConfigSchema, {}),
  };
  return create(Http1ProtocolOptionsSchema, { headerKeyFormat: { headerFormat: { case: "statefulFormatter", value: formatter } } });
}

function http2Options(pool: ConnectionPool | undefined): Http2ProtocolOptions {
  const keepalive = pool?.http2KeepAlive;
  return create(Http2ProtocolOptionsSchema, {
    ...(pool?.maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams: pool.maxConcurrentStreams }),
    ...(keepalive === undefined
      ? {}
      : { connectionKeepalive: { interval: milliseconds(keepalive.interval), timeout: milliseconds(keepalive.timeout) } }),
  });
}
