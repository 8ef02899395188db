import { isIP } from "node:net";
import { CONTROL_CLUSTER, MESH_AUTHORITIES, OWN_CERTIFICATE, SECRETS_CLUSTER } from "../model/proxy.ts";
import type { ClientTls, ConnectionPool } from "../model/index.ts";
import { addressOf, type ListenAddress } from "./address.ts";
import { controlNameMatchers, isSpiffeId } from "./control-name.ts";
import { type Json, seconds, typed } from "./json.ts";

export { CONTROL_CLUSTER };
/** Envoy's own admin interface, as Istio's bootstrap calls it. */
export const ADMIN_CLUSTER = "prometheus_stats";

const HTTP_PROTOCOL_OPTIONS = "upstreams.http.v3.HttpProtocolOptions";

/** A silent connection to the control service is asked for a sign of life this often, seconds, and given up when none comes. */
const KEEPALIVE_INTERVAL = 30;
/** Long enough for a control service that is busy with a thousand proxies at once. */
const KEEPALIVE_TIMEOUT = 20;
/** As in Istio's bootstrap: TCP's own probes, for what stands between. */
const TCP_KEEPALIVE = 300;

/** A socket beside the proxy where it gets its certificate, and whom to trust, by SDS. */
export interface ProxySecrets {
  /** Of a Unix socket. */
  readonly path: string;
  /** The name under which the authorities of the control service's certificate are there. */
  readonly controlAuthorities: string;
}

/** How the control service is reached over TLS. All are paths of files that Envoy reads; none of their content stands in a bootstrap. */
export interface ControlTls {
  /** Certificates of the authorities that may have signed the control service's, PEM. */
  readonly caFile: string;
  /** The proxy's own certificate and key, where the control service asks for one. */
  readonly certificateFile?: string;
  readonly keyFile?: string;
  /** What the certificate must be for: a host name, an address or a SPIFFE id. Default: the host of the address. */
  readonly serverName?: string;
}

export function controlCluster(address: ListenAddress, tls: ControlTls | undefined, secrets: ProxySecrets | undefined): Json {
  const named = "host" in address && isIP(address.host) === 0;
  return {
    name: CONTROL_CLUSTER,
    type: named ? "STRICT_DNS" : "STATIC",
    ...(named && { dns_lookup_family: "ALL" }),
    connect_timeout: seconds(1),
    load_assignment: assignment(CONTROL_CLUSTER, address),
    upstream_connection_options: { tcp_keepalive: { keepalive_time: TCP_KEEPALIVE } },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(HTTP_PROTOCOL_OPTIONS, {
        explicit_http_config: {
          http2_protocol_options: {
            connection_keepalive: { interval: seconds(KEEPALIVE_INTERVAL), timeout: seconds(KEEPALIVE_TIMEOUT) },
          },
        },
      }),
    },
    ...(tls !== undefined && {
      transport_socket: { name: "envoy.transport_sockets.tls", typed_config: tlsContext(address, tls, secrets) },
    }),
  };
}

/** Secrets from beside the proxy, by the name of the cluster in Istio's bootstrap. */
export function secretsCluster({ path }: ProxySecrets): Json {
  return {
    name: SECRETS_CLUSTER,
    type: "STATIC",
    connect_timeout: seconds(1),
    load_assignment: assignment(SECRETS_CLUSTER, { path }),
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(HTTP_PROTOCOL_OPTIONS, {
        explicit_http_config: { http2_protocol_options: {} },
      }),
    },
  };
}

/** Where statistics are sent by gRPC, as Istio's bootstrap calls it. */
export const METRICS_SERVICE = "envoy_metrics_service";

/** What says how to connect to it: fields of Istio's `RemoteService`. */
export interface RemoteConnection {
  readonly tls: Partial<ClientTls> | undefined;
  /** Times are milliseconds. */
  readonly keepalive: ConnectionPool["tcpKeepalive"];
}

export function metricsServiceCluster(address: ListenAddress, { tls, keepalive }: RemoteConnection): Json {
  const named = "host" in address && isIP(address.host) === 0;
  return {
    name: METRICS_SERVICE,
    type: named ? "STRICT_DNS" : "STATIC",
    connect_timeout: seconds(1),
    load_assignment: assignment(METRICS_SERVICE, address),
    ...(keepalive !== undefined && { upstream_connection_options: { tcp_keepalive: tcpKeepalive(keepalive) } }),
    ...(tls !== undefined && {
      transport_socket: { name: "envoy.transport_sockets.tls", typed_config: remoteTlsContext(address, tls) },
    }),
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(HTTP_PROTOCOL_OPTIONS, {
        explicit_http_config: { http2_protocol_options: {} },
      }),
    },
  };
}

export function adminCluster(address: ListenAddress): Json {
  return { name: ADMIN_CLUSTER, type: "STATIC", connect_timeout: "0.25s", load_assignment: assignment(ADMIN_CLUSTER, address) };
}

function tcpKeepalive({ probes, time, interval }: NonNullable<ConnectionPool["tcpKeepalive"]>): Json {
  // Sockets count in seconds.
  const whole = (milliseconds: number): number => Math.max(1, Math.round(milliseconds / 1000));
  return {
    ...(probes !== undefined && { keepalive_probes: probes }),
    ...(time !== undefined && { keepalive_time: whole(time) }),
    ...(interval !== undefined && { keepalive_interval: whole(interval) }),
  };
}

/** Where Linux's distributions have the certificates that a system trusts: Istio's default, too. */
const SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** By files beside the proxy, or the certificates of the mesh. */
function remoteTlsContext(address: ListenAddress, tls: Partial<ClientTls>): Json {
  const { mode, clientCertificate, privateKey, caCertificates = SYSTEM_CERTIFICATES, caCrl, subjectAltNames = [] } = tls;
  const ofMesh = mode === "ISTIO_MUTUAL";
  const host = "host" in address ? address.host : undefined;
  const sni = tls.sni ?? (host === undefined || isIP(host) !== 0 ? undefined : host);
  const name = sni ?? host;
  // A certificate that is trusted anybody may have: it must be for the host, where no names are given. Those of the mesh are for workloads.
  const names = subjectAltNames.length > 0 ? subjectAltNames : ofMesh || name === undefined ? [] : [name];
  const expected = { match_typed_subject_alt_names: names.flatMap(namedSo) };
  const own = { tls_certificates: [{ certificate_chain: { filename: clientCertificate }, private_key: { filename: privateKey } }] };
  const checks = {
    validation_context: { trusted_ca: { filename: caCertificates }, ...(caCrl !== undefined && { crl: { filename: caCrl } }), ...expected },
  };
  return typed("transport_sockets.tls.v3.UpstreamTlsContext", {
    ...(sni !== undefined && { sni }),
    common_tls_context: {
      tls_params: { tls_minimum_protocol_version: "TLSv1_2", tls_maximum_protocol_version: "TLSv1_3" },
      alpn_protocols: ofMesh ? ["istio", "h2"] : ["h2"],
      ...(ofMesh
        ? {
            tls_certificate_sds_secret_configs: [fromSecrets(OWN_CERTIFICATE)],
            combined_validation_context: {
              default_validation_context: expected,
              validation_context_sds_secret_config: fromSecrets(MESH_AUTHORITIES),
            },
          }
        : { ...(mode === "MUTUAL" && own), ...(tls.insecureSkipVerify !== true && checks) }),
    },
  });
}

/** A name matches whatever its type in the certificate is, as with the untyped matchers that Istio sends. */
function namedSo(name: string): readonly Json[] {
  return ["DNS", "URI", "EMAIL", "IP_ADDRESS"].map((san_type) => ({ san_type, matcher: { exact: name } }));
}

function tlsContext(address: ListenAddress, tls: ControlTls, secrets: ProxySecrets | undefined): Json {
  const host = "host" in address ? address.host : "localhost";
  const { caFile, certificateFile, keyFile, serverName } = tls;
  const name = serverName ?? host;
  const names = { match_typed_subject_alt_names: controlNameMatchers(serverName, host, secrets !== undefined) };
  const own =
    certificateFile === undefined || keyFile === undefined
      ? {}
      : { tls_certificates: [{ certificate_chain: { filename: certificateFile }, private_key: { filename: keyFile } }] };
  return typed("transport_sockets.tls.v3.UpstreamTlsContext", {
    // RFC 6066, section 3: no addresses; and a SPIFFE id is no name of a host.
    ...(isIP(name) === 0 && !isSpiffeId(name) && { sni: name }),
    common_tls_context: {
      // Envoy as a client stops at 1.2 unless told otherwise.
      tls_params: { tls_minimum_protocol_version: "TLSv1_2", tls_maximum_protocol_version: "TLSv1_3" },
      alpn_protocols: ["h2"],
      ...(secrets === undefined
        ? { ...own, validation_context: { trusted_ca: { filename: caFile }, ...names } }
        : {
            tls_certificate_sds_secret_configs: [fromSecrets(OWN_CERTIFICATE)],
            combined_validation_context: {
              default_validation_context: names,
              validation_context_sds_secret_config: fromSecrets(secrets.controlAuthorities),
            },
          }),
    },
  });
}

function fromSecrets(name: string): Json {
  const grpc = { api_type: "GRPC", transport_api_version: "V3", grpc_services: [{ envoy_grpc: { cluster_name: SECRETS_CLUSTER } }] };
  return { name, sds_config: { api_config_source: grpc, resource_api_version: "V3", initial_fetch_timeout: "0s" } };
}

function assignment(cluster: string, address: ListenAddress): Json {
  return { cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint: { address: addressOf(address) } }] }] };
}
