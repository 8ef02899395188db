import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { Cluster_TransportSocketMatchSchema as MatchSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { TransportSocketSchema } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { RawBufferSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts";
import {
  SubjectAltNameMatcher_SanType as SanType,
  type SubjectAltNameMatcherSchema,
  TlsParameters_TlsProtocol as TlsProtocol,
} from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.ts";
import { UpstreamTlsContextSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import { type ClientTls, type Identities, isHttp, type ProxyView, type ServicePort, SPIFFE } from "../../../model/index.ts";
import { sniOf } from "../cluster-name.ts";
import { expectsMtls } from "../endpoint/mtls.ts";
import type { Source } from "../endpoint/alias.ts";
import { MESH_AUTHORITIES, meshSecret, OWN_CERTIFICATE } from "../secret/mesh-secrets.ts";
import type { ClusterDraft } from "./draft.ts";
import type { UpstreamProtocol } from "./protocol.ts";
import { matchersOf } from "./tls.ts";

type SanMatcher = MessageInitShape<typeof SubjectAltNameMatcherSchema>;

export interface MeshTlsTarget {
  /** Of the cluster. */
  readonly port: ServicePort;
  /** Where its endpoints come from. */
  readonly source: Source;
  readonly tls: ClientTls | undefined;
  readonly upstream: UpstreamProtocol;
  /** Whether each connection goes where its client wanted, so that nobody knows to which endpoint. */
  readonly toOriginal: boolean;
}

/** Under which filters find, by cluster, what HTTP requests offer as ALPN in place of what connections do; the name is that of Istio's filter for it. */
export const ALPN_OVERRIDE = { namespace: "istio.alpn", key: "override" } as const;

/**
 * mTLS with the proxy's own certificate: always where a DestinationRule says ISTIO_MUTUAL; where none says anything, to those endpoints that take it (Istio's automatic mTLS, `buildUpstreamTLSSettings`). Gives the
 * metadata that goes with it.
 */
export function applyMeshTls(view: ProxyView, draft: ClusterDraft, target: MeshTlsTarget): Readonly<Record<string, JsonObject>> {
  const { cluster } = draft;
  const { tls, source, toOriginal } = target;
  if (tls?.mode === "ISTIO_MUTUAL") {
    cluster.transportSocket = socketOf(view, cluster.name, target);
    return override(target);
  }
  if (tls !== undefined || !automatic(view, source)) return {};
  if (toOriginal) {
    // All or none: the socket is that of the cluster (Istio's `BestEffortInferServiceMTLSMode`).
    const endpoints = view.endpoints(source.service.host);
    if (endpoints.length === 0 || !endpoints.every((endpoint) => expectsMtls(view, endpoint, endpoint.ports[source.port?.name ?? ""] ?? 0)))
      return {};
    cluster.transportSocket = socketOf(view, cluster.name, target);
    return override(target);
  }
  cluster.transportSocketMatches = [
    create(MatchSchema, { name: "tlsMode-istio", match: { tlsMode: "istio" }, transportSocket: socketOf(view, cluster.name, target) }),
    create(MatchSchema, {
      name: "tlsMode-disabled",
      match: {},
      transportSocket: {
        name: "envoy.transport_sockets.raw_buffer",
        configType: { case: "typedConfig", value: pack(RawBufferSchema, {}) },
      },
    }),
  ];
  return override(target);
}

/** Whether connections to a service are mTLS where an endpoint takes it. A proxy that has no certificate goes on in plain text. */
export function automatic(view: ProxyView, { service }: Pick<Source, "service">): boolean {
  return view.client().identity && view.settings().enableAutoMtls && service.location === "internal";
}

function socketOf(view: ProxyView, clusterName: string, target: MeshTlsTarget) {
  const { tls, source } = target;
  const client = view.client();
  const names = tls?.subjectAltNames ?? [];
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: {
      case: "typedConfig",
      value: pack(UpstreamTlsContextSchema, {
        sni: tls?.sni ?? sniOf(clusterName),
        commonTlsContext: {
          tlsParams: { tlsMinimumProtocolVersion: TlsProtocol.TLSv1_2, tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3 },
          alpnProtocols: alpnOf(target),
          tlsCertificateSdsSecretConfigs: [meshSecret(OWN_CERTIFICATE, client)],
          validationContextType: {
            case: "combinedValidationContext",
            value: {
              defaultValidationContext: {
                matchTypedSubjectAltNames: names.length > 0 ? names.flatMap(matchersOf) : servers(view.identities(source.service.host)),
              },
              validationContextSdsSecretConfig: meshSecret(MESH_AUTHORITIES, client),
            },
          },
        },
      }),
    },
  });
}

/** Ids stand in certificates as URIs; a name that is none may be of any type. */
function servers({ exact, prefixes }: Identities): SanMatcher[] {
  return [
    ...exact.flatMap((name) =>
      name.startsWith(SPIFFE)
        ? [{ sanType: SanType.URI, matcher: { matchPattern: { case: "exact" as const, value: name } } }]
        : matchersOf(name),
    ),
    ...prefixes.map((prefix) => ({ sanType: SanType.URI, matcher: { matchPattern: { case: "prefix" as const, value: prefix } } })),
  ];
}

/**
 * What tells the other side that this is the mesh's own TLS, and whether HTTP is inside: it takes its chain by that. `istio-peer-exchange` is never offered, as there is nobody to exchange metadata with.
 * Where both HTTP and bytes come, connections offer `istio` for bytes, and requests override it.
 */
function alpnOf({ port, upstream }: MeshTlsTarget): string[] {
  if (isHttp(port.protocol)) return [...HTTP_ALPN[upstream]];
  return upstream === "http2" ? ["istio", "h2"] : ["istio"];
}

/** By Istio's filter `istio.alpn`. As the client speaks, no version is offered, so that the server looks at the first bytes. */
const HTTP_ALPN: Readonly<Record<UpstreamProtocol, readonly string[]>> = {
  http1: ["istio-http/1.1", "istio", "http/1.1"],
  http2: ["istio-h2", "istio", "h2"],
  "as-client": ["istio-http/1.1", "istio"],
};

function override({ port, upstream }: MeshTlsTarget): Readonly<Record<string, JsonObject>> {
  if (port.protocol !== "auto") return {};
  return { [ALPN_OVERRIDE.namespace]: { [ALPN_OVERRIDE.key]: HTTP_ALPN[upstream].join(",") } };
}
