import { createRegistry, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { BootstrapSchema } from "../envoy-api/generated/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { RouterSchema } from "../envoy-api/generated/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { HttpConnectionManagerSchema } from "../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { DownstreamConnectionsConfigSchema } from "../envoy-api/generated/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts";
import { UpstreamTlsContextSchema } from "../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { HttpProtocolOptionsSchema } from "../envoy-api/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { type BootstrapRequest, bootstrapOf } from "./bootstrap.ts";
import { defaultProxySettings } from "../kinds/mesh-config/defaults.ts";
import type { Json } from "./json.ts";
import { mergeProxyConfigs, proxyConfigOf } from "./proxy-config.ts";
import { METRIC_LABELS } from "./stats.ts";

const SIDECAR: BootstrapRequest = {
  nodeId: "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local",
  control: { host: "127.0.0.1", port: 15_010 },
};

const registry = createRegistry(
  RouterSchema,
  HttpConnectionManagerSchema,
  DownstreamConnectionsConfigSchema,
  UpstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
);

/** Read by Envoy's schemas, which refuse a field that there is not. c-ares' message and gzip's are none of those that are generated. */
function read(request: Partial<BootstrapRequest> = {}) {
  const made = bootstrapOf({ ...SIDECAR, ...request });
  if ("problems" in made) throw new Error(made.problems.join("\n"));
  const { typed_dns_resolver_config: _, ...rest } = made.bootstrap;
  return { json: made.bootstrap, message: fromJson(BootstrapSchema, withoutCompressor(rest), { registry }), node: made.node };
}

function withoutCompressor(bootstrap: Json): JsonValue {
  const drop = (key: string, value: unknown) =>
    key === "http_filters" ? (value as readonly { readonly name: string }[]).filter(({ name }) => !name.endsWith("compressor")) : value;
  return JSON.parse(JSON.stringify(bootstrap, drop)) as JsonValue;
}

function problems(request: Partial<BootstrapRequest>): readonly string[] {
  const made = bootstrapOf({ ...SIDECAR, ...request });
  return "problems" in made ? made.problems : [];
}

const metadataOf = (json: Json) => (json["node"] as { metadata: Record<string, unknown> }).metadata;

describe("the node", () => {
  test("says of itself what follows from its id, in Istio's keys", () => {
    const { message, json } = read();
    expect(message.node).toMatchObject({ id: SIDECAR.nodeId, cluster: "reviews-v1.default" });
    expect(metadataOf(json)).toEqual({
      NAME: "reviews-v1",
      NAMESPACE: "default",
      WORKLOAD_NAME: "reviews-v1",
      SERVICE_ACCOUNT: "default",
      CLUSTER_ID: "Kubernetes",
      MESH_ID: "cluster.local",
      INSTANCE_IPS: "10.0.0.1",
      INTERCEPTION_MODE: "REDIRECT",
      LABELS: { "service.istio.io/canonical-name": "reviews-v1", "service.istio.io/canonical-revision": "latest" },
      ENVOY_STATUS_PORT: 15_021,
      ENVOY_PROMETHEUS_PORT: 15_090,
    });
  });

  test("says what it was told, and has the canonical name and revision of its labels", () => {
    const labels = { app: "reviews", version: "v1" };
    const { json, node } = read({ metadata: { LABELS: labels, SERVICE_ACCOUNT: "bookshop", OWN: { a: 1 }, INTERCEPTION_MODE: "NONE" } });
    expect(metadataOf(json)).toMatchObject({ SERVICE_ACCOUNT: "bookshop", OWN: { a: 1 }, INTERCEPTION_MODE: "NONE" });
    expect(metadataOf(json)["LABELS"]).toEqual({
      ...labels,
      "service.istio.io/canonical-name": "reviews",
      "service.istio.io/canonical-revision": "v1",
    });
    expect(node.cluster).toBe("reviews.default");
  });

  test("a router is captured by nobody", () => {
    const { json } = read({ nodeId: "router~10.0.0.2~ingress.istio-system~istio-system.svc.cluster.local" });
    expect(metadataOf(json)).not.toHaveProperty("INTERCEPTION_MODE");
  });

  test("announces its modules by digest", () => {
    const modules = { mesh: { path: "/modules/mesh.wasm", sha256: "ab".repeat(32) } };
    expect(metadataOf(read({ modules }).json)["MESHWRIGHT_MODULES"]).toEqual(modules);
  });

  test.each([
    [{ serviceCluster: "shop" }, "shop"],
    [{ serviceCluster: "istio-proxy" }, "reviews.default"],
    [{ tracingServiceName: "CANONICAL_NAME_ONLY" }, "reviews"],
    [{ tracingServiceName: "CANONICAL_NAME_AND_NAMESPACE" }, "reviews.default"],
  ])("PROXY_CONFIG %j: its cluster is %s", (PROXY_CONFIG, cluster) => {
    expect(read({ metadata: { LABELS: { app: "reviews" }, PROXY_CONFIG } }).node.cluster).toBe(cluster);
  });

  test.each([
    [{ "istio-locality": "eu.eu-1.rack" }, { region: "eu", zone: "eu-1", subZone: "rack" }],
    [
      { "topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "eu-1" },
      { region: "eu", zone: "eu-1", subZone: "" },
    ],
  ])("labels %j: it is in %j", (LABELS, locality) => {
    expect(read({ metadata: { LABELS } }).message.node?.locality).toMatchObject(locality);
  });
});

describe("what is wrong with a node", () => {
  test.each<[string, Partial<BootstrapRequest>, string]>([
    ["an id of two parts", { nodeId: "sidecar~10.0.0.1" }, "is none of Istio's; expected TYPE~IP~NAME.NAMESPACE~DOMAIN"],
    ["a type that there is not", { nodeId: "agent~10.0.0.1~a.b~c" }, "TYPE sidecar or router"],
    ["an id without an address", { nodeId: "sidecar~here~a.b~c" }, "its second part is no IP address"],
    ["labels that are no texts", { metadata: { LABELS: { a: 1 } } }, "metadata LABELS: expected texts by name"],
    ["a name that is none", { metadata: { NAME: {} } }, "metadata NAME: expected a text"],
    ["an address that is none", { metadata: { INSTANCE_IPS: "10.0.0.1,x" } }, "metadata INSTANCE_IPS: expected IP addresses"],
    ["a mode that there is not", { metadata: { INTERCEPTION_MODE: "ALL" } }, "metadata INTERCEPTION_MODE: expected REDIRECT, TPROXY, NONE"],
    ["neither yes nor no", { metadata: { MESHWRIGHT_ON_DEMAND: "yes" } }, 'metadata MESHWRIGHT_ON_DEMAND: expected "true" or "false"'],
    ["a key in the wrong case", { metadata: { service_account: "a" } }, "metadata service_account: did you mean SERVICE_ACCOUNT?"],
    ["a ProxyConfig that is none", { metadata: { PROXY_CONFIG: [] } }, "PROXY_CONFIG: expected an object"],
    [
      "a field that nobody carries out",
      { metadata: { PROXY_CONFIG: { binaryPath: "/envoy" } } },
      "binaryPath is not supported: Envoy is ENVOY_BIN",
    ],
    [
      "an annotation that is no ProxyConfig",
      { metadata: { ANNOTATIONS: { "proxy.istio.io/config": "text" } } },
      "metadata ANNOTATIONS: expected proxy.istio.io/config to be YAML",
    ],
    ["a name for statsd", { metadata: { PROXY_CONFIG: { statsdUdpAddress: "statsd:8125" } } }, "statsdUdpAddress: expected IP:PORT"],
    ["half a processor", { metadata: { PROXY_CONFIG: { concurrency: 0.5 } } }, "PROXY_CONFIG.concurrency: expected a whole number"],
  ])("%s", (_, request, text) => {
    expect(problems(request).join("\n")).toContain(text);
  });

  test("is said all at once", () => {
    expect(problems({ metadata: { LABELS: 1, NAME: 2, PROXY_CONFIG: 3 } })).toHaveLength(3);
  });
});

describe("the control service", () => {
  test("is asked by delta, at most 5 s after it went away", () => {
    const { adsConfig, ldsConfig, cdsConfig } = read().message.dynamicResources ?? {};
    expect(adsConfig).toMatchObject({ apiType: 3, setNodeOnFirstMessageOnly: true });
    const service = adsConfig?.grpcServices[0]?.targetSpecifier;
    expect(service).toMatchObject({
      case: "envoyGrpc",
      value: { clusterName: "xds-grpc", retryPolicy: { retryBackOff: { maxInterval: { seconds: 5n } } } },
    });
    for (const source of [ldsConfig, cdsConfig]) expect(source?.configSourceSpecifier.case).toBe("ads");
  });

  test("is asked for the state of the world where that is wanted", () => {
    expect(read({ apiType: "GRPC" }).message.dynamicResources?.adsConfig?.apiType).toBe(2);
  });

  test("by its name, is looked up; over TLS, has to be who it is called", () => {
    const cluster = read({
      control: { host: "control.example", port: 15_012 },
      controlTls: { caFile: "/ca.pem", certificateFile: "/own.pem", keyFile: "/own.key" },
    }).json["static_resources"] as { clusters: ReadonlyArray<Record<string, unknown>> };
    expect(cluster.clusters[1]).toMatchObject({
      type: "STRICT_DNS",
      transport_socket: {
        typed_config: {
          sni: "control.example",
          common_tls_context: {
            validation_context: { match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "control.example" } }] },
            tls_certificates: [{ private_key: { filename: "/own.key" } }],
          },
        },
      },
    });
  });
});

describe("statistics", () => {
  interface Tag {
    readonly tag_name: string;
    readonly regex: string;
  }
  const statsOf = (request: Partial<BootstrapRequest> = {}) =>
    read(request).json["stats_config"] as {
      stats_tags: readonly Tag[];
      stats_matcher?: { inclusion_list: { patterns: ReadonlyArray<Record<string, unknown>> } };
    };

  test("have every label that the example of the filter telemetry cuts out, and each only once", () => {
    const example = parse(readFileSync(new URL("../../filters/telemetry/examples/stats-tags.yaml", import.meta.url), "utf8")) as {
      stats_config: { stats_tags: readonly Tag[] };
    };
    const names = statsOf({ metadata: { PROXY_CONFIG: { extraStatTags: ["request_method", "reporter"] } } }).stats_tags.map(
      ({ tag_name }) => tag_name,
    );
    expect(names).toEqual(expect.arrayContaining(example.stats_config.stats_tags.map(({ tag_name }) => tag_name)));
    expect(new Set(names).size).toBe(names.length);
    expect(METRIC_LABELS).toHaveLength(25);
  });

  test.each([
    ["cluster.outbound|80|v1|reviews.default.svc.cluster.local.upstream_cx_total", "outbound|80|v1|reviews.default.svc.cluster.local"],
    ["cluster.outbound|443||api.example.com.http2.header_overflow", "outbound|443||api.example.com"],
    ["cluster.outbound|80||ssl.version.grpc.svc.cluster.local.ssl.connection_error", "outbound|80||ssl.version.grpc.svc.cluster.local"],
    ["cluster.inbound|9080||.membership_total", "inbound|9080||"],
    ["cluster.xds-grpc.circuit_breakers.default.cx_open", "xds-grpc"],
  ])("%s is of the cluster %s", (name, cluster) => {
    const tag = statsOf().stats_tags.find(({ tag_name }) => tag_name === "cluster_name");
    expect(new RegExp(tag?.regex ?? "").exec(name)?.[2]).toBe(cluster);
  });

  test("are Istio's and those that are asked for", () => {
    const metadata = {
      PROXY_CONFIG: { proxyStatsMatcher: { inclusionPrefixes: ["hidden"], inclusionSuffixes: ["upstream_rq_timeout"] } },
      ANNOTATIONS: { "sidecar.istio.io/statsInclusionPrefixes": "cluster.outbound, http." },
    };
    const patterns = statsOf({ metadata }).stats_matcher?.inclusion_list.patterns;
    for (const pattern of [
      { prefix: "cluster.outbound" },
      { prefix: "http." },
      { suffix: "upstream_rq_timeout" },
      { prefix: "reporter=" },
      { safe_regex: { regex: "vhost\\..*\\.route\\..*" } },
    ]) {
      expect(patterns).toContainEqual(pattern);
    }
    expect(patterns).not.toContainEqual({ prefix: "hidden" });
    expect(statsOf({ stats: "all" })).not.toHaveProperty("stats_matcher");
  });
});

test("runtimeValues of ProxyConfig stand over Istio's: one is set, one taken away", () => {
  const runtimeValues = { "re2.max_program_size.error_level": "", "envoy.reloadable_features.x": "true", n: "7" };
  const layers = (read({ metadata: { PROXY_CONFIG: { runtimeValues } } }).json["layered_runtime"] as { layers: readonly unknown[] }).layers;
  expect(layers[0]).toEqual({ name: "global config", static_layer: { "envoy.reloadable_features.x": true, n: "7" } });
  expect((read().json["layered_runtime"] as { layers: readonly unknown[] }).layers[0]).toMatchObject({
    static_layer: { "re2.max_program_size.error_level": 32_768 },
  });
});

test("a proxy of IPv6 addresses listens on them", () => {
  const { message } = read({ nodeId: "sidecar~fd00::1~a.b~b.svc.cluster.local" });
  for (const { address } of message.staticResources?.listeners ?? []) {
    expect(address?.address).toMatchObject({ case: "socketAddress", value: { address: "::" } });
  }
});

describe("ProxyConfig", () => {
  const configured = (PROXY_CONFIG: Json, request: Partial<BootstrapRequest> = {}) => {
    const made = bootstrapOf({ ...SIDECAR, ...request, metadata: { PROXY_CONFIG, ...request.metadata } });
    if ("problems" in made) throw new Error(made.problems.join("\n"));
    return made;
  };

  test("says on which ports a proxy is asked, and what it is given goes before", () => {
    const PORTS = { proxyAdminPort: 15_100, statusPort: 15_121 };
    expect(configured(PORTS).own).toEqual({ admin: { host: "127.0.0.1", port: 15_100 }, statusPort: 15_121, prometheusPort: 15_090 });
    const options = { admin: { host: "127.0.0.1", port: 1 }, statusPort: 2 };
    expect(configured(PORTS, options).own).toMatchObject({ ...options });
  });

  test("is that of the annotation in its metadata too, which is the last word", () => {
    const ANNOTATIONS = { "proxy.istio.io/config": "statusPort: 15221\nproxyMetadata: { ISTIO_META_HTTP10: '1' }" };
    const { own, bootstrap } = configured({ statusPort: 15_121, meshId: "shop" }, { metadata: { ANNOTATIONS } });
    expect(own).toMatchObject({ statusPort: 15_221 });
    expect(metadataOf(bootstrap)).toMatchObject({ MESH_ID: "shop", HTTP10: "1", PROXY_CONFIG: { statusPort: 15_221, meshId: "shop" } });
  });

  test("says who the proxy is: mesh, capture, and metadata of its environment", () => {
    const config = { meshId: "shop", interceptionMode: "TPROXY", proxyMetadata: { ISTIO_META_NETWORK: "home", OTHER: "x" } };
    const metadata = metadataOf(configured(config).bootstrap);
    expect(metadata).toMatchObject({ MESH_ID: "shop", INTERCEPTION_MODE: "TPROXY", NETWORK: "home" });
    expect(metadata).not.toHaveProperty("OTHER");
    expect(metadataOf(configured(config, { metadata: { NETWORK: "own" } }).bootstrap)).toMatchObject({ NETWORK: "own" });
  });

  test("says where statistics go, and how", () => {
    const config = {
      statsdUdpAddress: "127.0.0.1:8125",
      envoyMetricsService: { address: "metrics.example:9000" },
      statsCompression: false,
    };
    const { bootstrap } = configured(config);
    expect(bootstrap["stats_sinks"]).toMatchObject([{ name: "envoy.stat_sinks.statsd" }, { name: "envoy.stat_sinks.metrics_service" }]);
    expect(JSON.stringify(bootstrap)).toContain('"name":"envoy_metrics_service","type":"STRICT_DNS"');
    expect(JSON.stringify(bootstrap)).not.toContain("compressor");
    expect(JSON.stringify(configured({}).bootstrap)).toContain("compressor");
  });

  test("says how the MetricsService is connected to", () => {
    const envoyMetricsService = (tlsSettings: Json, tcpKeepalive?: Json) => ({
      envoyMetricsService: { address: "metrics.example:9000", tlsSettings, ...(tcpKeepalive === undefined ? {} : { tcpKeepalive }) },
    });
    const clusterOf = (config: Json, request: Partial<BootstrapRequest> = {}) =>
      (configured(config, request).bootstrap["static_resources"] as { clusters: readonly Json[] }).clusters.find(
        ({ name }) => name === "envoy_metrics_service",
      );
    const files = { clientCertificate: "/c.pem", privateKey: "/k.pem", caCertificates: "/ca.pem", caCrl: "/crl.pem" };
    const mutual = clusterOf(envoyMetricsService({ mode: "MUTUAL", ...files }, { probes: 3, time: "60s", interval: "5s" }));
    expect(mutual).toMatchObject({
      upstream_connection_options: { tcp_keepalive: { keepalive_probes: 3, keepalive_time: 60, keepalive_interval: 5 } },
      transport_socket: {
        typed_config: {
          sni: "metrics.example",
          common_tls_context: {
            tls_certificates: [{ certificate_chain: { filename: "/c.pem" }, private_key: { filename: "/k.pem" } }],
            validation_context: { trusted_ca: { filename: "/ca.pem" }, crl: { filename: "/crl.pem" } },
          },
        },
      },
    });
    expect(JSON.stringify(mutual)).toContain('{"san_type":"DNS","matcher":{"exact":"metrics.example"}}');
    const secrets = { path: "/run/secrets.sock", controlAuthorities: "CONTROL" };
    expect(JSON.stringify(clusterOf(envoyMetricsService({ mode: "ISTIO_MUTUAL" }), { secrets }))).toContain('{"name":"ROOTCA"');
    expect(clusterOf(envoyMetricsService({ mode: "DISABLE" }))).not.toHaveProperty("transport_socket");
    expect(() => configured(envoyMetricsService({ mode: "ISTIO_MUTUAL" }))).toThrow("needs a proxy with a certificate of the mesh");
    expect(() => configured(envoyMetricsService({ mode: "MUTUAL" }))).toThrow("write clientCertificate and privateKey");
    expect(() => configured(envoyMetricsService({ mode: "SIMPLE", credentialName: "a" }))).toThrow("name files");
    expect(() => configured({ envoyMetricsService: { address: "metrics" } })).toThrow("is no HOST:PORT");
  });

  test("says how many connections there may be", () => {
    const config = { connectionSettings: { globalDownstreamConnectionLimit: 7 } };
    expect(JSON.stringify(configured(config).bootstrap)).toContain('"max_active_downstream_connections":7');
    expect(JSON.stringify(configured(config, { maxConnections: 8 }).bootstrap)).toContain('"max_active_downstream_connections":8');
  });
});

test("of objects becomes that of a node, under what is given there", () => {
  const { bootstrap: own } = defaultProxySettings;
  const objects = proxyConfigOf({
    ...defaultProxySettings,
    concurrency: 3,
    environmentVariables: { A: "1", B: "1" },
    bootstrap: {
      ...own,
      envoyMetricsService: "metrics:1",
      envoyMetricsServiceTls: {
        mode: "SIMPLE",
        clientCertificate: undefined,
        privateKey: undefined,
        caCertificates: "/ca.pem",
        caCrl: undefined,
        credentialName: undefined,
        subjectAltNames: [],
        sni: undefined,
        insecureSkipVerify: undefined,
      },
      envoyMetricsServiceKeepalive: { probes: undefined, time: 1500, interval: undefined },
      fileFlushInterval: 1500,
      runtimeValues: { x: "1" },
      globalDownstreamConnectionLimit: 9,
    },
  });
  expect(objects).toEqual({
    concurrency: 3,
    drainDuration: "45s",
    terminationDrainDuration: "5s",
    proxyMetadata: { A: "1", B: "1" },
    statsCompression: true,
    envoyMetricsService: {
      address: "metrics:1",
      tlsSettings: { mode: "SIMPLE", caCertificates: "/ca.pem", subjectAltNames: [] },
      tcpKeepalive: { time: "1.5s" },
    },
    fileFlushInterval: "1.5s",
    runtimeValues: { x: "1" },
    connectionSettings: { globalDownstreamConnectionLimit: 9 },
  });
  expect(mergeProxyConfigs(objects, { concurrency: 1, proxyMetadata: { B: "2" } })).toMatchObject({
    concurrency: 1,
    proxyMetadata: { A: "1", B: "2" },
    runtimeValues: { x: "1" },
  });
});
