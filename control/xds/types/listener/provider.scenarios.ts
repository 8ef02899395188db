import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { exchange, freePort, httpRequest } from "../testing/running-proxy.ts";
import { type Collector, startCollector } from "./testing/collector.ts";
import { TunedProxy } from "./testing/tuned-proxy.ts";

// Logs and traces of requests as MeshConfig has them: `accessLog...`, `extensionProviders`, `defaultProviders`, `enableTracing`, `defaultConfig.tracing`. One Envoy; what comes to a collector is looked at.

const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";
/** What the proxy's workload says of itself. */
const PROVIDED = {
  LABELS: { "app.kubernetes.io/name": "own-label", "app.kubernetes.io/version": "1.2.3" },
  ANNOTATIONS: { "resource.opentelemetry.io/service.name": "own-name" },
};
let web: Upstream;
let collector: Collector;
let gateway: TunedProxy;
let folder: string;
let http: number;
let https: number;
let tcp: number;

const entry = (name: string, protocol: string, port: number) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  ports: [{ number: 80, name: port, protocol: ${protocol}, targetPort: ${port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`;

beforeAll(async () => {
  // The first is the control service's, the other the proxy's, which gets its environment from here.
  vi.stubEnv("MESHWRIGHT_TEST_KEY", "v");
  vi.stubEnv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=laboratory");
  folder = await mkdtemp(join(tmpdir(), "providers-"));
  web = await startUpstream({ script: () => ({ headers: [["x-answer", "answer-value"]], trailers: [["x-trailer", "trailer-value"]] }) });
  collector = await startCollector();
  [http, https, tcp] = [await freePort(), await freePort(), await freePort()];
  const { certificate, key } = identityOf("edge.test");
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "edge" }, stringData: { "tls.crt": certificate, "tls.key": key } };
  gateway = await TunedProxy.start(
    `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  servers:
    - { port: { number: ${http}, name: http, protocol: HTTP }, hosts: ["*"] }
    - { port: { number: ${https}, name: https, protocol: HTTPS }, hosts: [edge.test], tls: { mode: SIMPLE, credentialName: edge } }
    - { port: { number: ${tcp}, name: tcp, protocol: TCP }, hosts: ["*"] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: ["*"]
  gateways: [edge]
  http:
    - { match: [{ uri: { prefix: /trailers } }], route: [{ destination: { host: web-2.test } }] }
    - { name: all, route: [{ destination: { host: web.test } }] }
  tcp: [{ route: [{ destination: { host: web.test } }] }]
${entry("web", "HTTP", web.port)}
${entry("web-2", "HTTP2", web.port)}
${entry("collector", "HTTP", collector.port)}
${entry("collector-grpc", "GRPC", collector.grpcPort)}
---
${JSON.stringify(secret)}
`,
    { nodeId: ROUTER, metadata: PROVIDED },
  );
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await collector?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

const get = (path: string, headers: readonly string[] = []) => exchange({ port: http }, httpRequest("web.test", path, headers));
const seen = (name: string) => web.requests.at(-1)?.headers.find(([each]) => each === name)?.[1];
let logs = 0;
const logFile = () => join(folder, `log-${++logs}`);

/** The lines of a log, when there are so many. Envoy writes out what it holds back when it opens the file again. */
async function lines(file: string, count = 1): Promise<readonly string[]> {
  const read = async () => {
    await gateway.proxy.envoy.admin.text("POST", "/reopen_logs");
    return (await readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
  };
  await expect.poll(read, { timeout: 15_000 }).toHaveLength(count);
  return read();
}

describe("the access log", () => {
  test("is a line as Istio has it", async () => {
    const accessLogFile = logFile();
    await gateway.tune({ accessLogFile });
    await get("/text?q", ["user-agent: tester"]);
    const [line] = await lines(accessLogFile);
    expect(line).toMatch(
      /^\[\d{4}-.*Z\] "GET \/text\?q HTTP\/1\.1" 200 - via_upstream - "-" 0 0 \d+ \d+ "[\d.]+" "tester" "[0-9a-f-]{36}" "web\.test"/,
    );
    expect(line).toContain(`"127.0.0.1:${web.port}" outbound|80||web.test `);
    expect(line).toMatch(/ - all$/);
  });

  test("is a line in the user's own format", async () => {
    const accessLogFile = logFile();
    await gateway.tune({ accessLogFile, accessLogFormat: "%REQ(:PATH)% %UPSTREAM_CLUSTER_RAW%" });
    await get("/own");
    expect(await lines(accessLogFile)).toEqual(["/own outbound|80||web.test"]);
  });

  test("is JSON as Istio has it, or in the user's own fields", async () => {
    const [first, second] = [logFile(), logFile()];
    await gateway.tune({ accessLogFile: first, accessLogEncoding: "JSON" });
    await get("/json");
    expect(JSON.parse((await lines(first))[0] ?? "")).toMatchObject({
      method: "GET",
      path: "/json",
      response_code: 200,
      route_name: "all",
      upstream_cluster: "outbound|80||web.test",
    });
    await gateway.tune({ accessLogFile: second, accessLogEncoding: "JSON", accessLogFormat: '{"where": "%REQ(:PATH)%"}' });
    await get("/fields");
    expect(JSON.parse((await lines(second))[0] ?? "")).toEqual({ where: "/fields" });
  });

  test("tells of connections that nothing takes, unless it is told not to", async () => {
    const strange = () => exchange({ port: https, tls: { servername: "strange.test" } }, "");
    const [first, second] = [logFile(), logFile()];
    await gateway.tune({ accessLogFile: first, accessLogFormat: "%RESPONSE_FLAGS% %REQUESTED_SERVER_NAME%" });
    await strange();
    expect(await lines(first)).toEqual(["NR strange.test"]);
    await gateway.tune({ accessLogFile: second, accessLogFormat: "%RESPONSE_FLAGS% %REQ(:PATH)%", disableEnvoyListenerLog: true });
    await strange();
    await get("/after");
    expect(await lines(second)).toEqual(["- /after"]);
  });

  test("has the form that a provider says, beside others", async () => {
    const [text, labels, plain] = [logFile(), logFile(), logFile()];
    const format = { path: "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%", none: "%REQ(X-NONE)%" };
    await gateway.tune({
      accessLogFormat: "mesh %REQ(:PATH)%",
      defaultProviders: { accessLogging: ["text", "labels", "envoy"] },
      extensionProviders: [
        { name: "text", envoyFileAccessLog: { path: text, logFormat: { text: "text %REQ(:PATH)%" } } },
        { name: "labels", envoyFileAccessLog: { path: labels, logFormat: { labels: format }, omitEmptyValues: true } },
        { name: "envoy", envoyFileAccessLog: { path: plain } },
      ],
    });
    await get("/provided?q");
    expect(await lines(text)).toEqual(["text /provided?q"]);
    expect(JSON.parse((await lines(labels))[0] ?? "")).toEqual({ path: "/provided" });
    // Istio's own provider of that name has the mesh's format.
    expect(await lines(plain)).toEqual(["mesh /provided?q"]);
  });

  test.each<[provider: object, path: string, contents: readonly string[]]>([
    [
      {
        envoyHttpAls: {
          service: "collector-grpc.test",
          port: 80,
          logName: "my-log",
          additionalRequestHeadersToLog: ["x-extra"],
          additionalResponseHeadersToLog: ["x-answer"],
        },
      },
      "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
      ["my-log", "/sent", "extra-value", "answer-value"],
    ],
    [
      { envoyTcpAls: { service: "collector-grpc.test", port: 80, logName: "my-tcp-log" } },
      "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
      ["my-tcp-log", "outbound|80||web.test"],
    ],
    [
      {
        envoyOtelAls: {
          service: "collector-grpc.test",
          port: 80,
          logName: "my-otel-log",
          logFormat: { labels: { where: "%REQ(:PATH)%" } },
        },
      },
      "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
      ["my-otel-log", "where", "/sent"],
    ],
    [
      { envoyOtelAls: { service: "collector-grpc.test", port: 80, logFormat: { text: "text %REQ(:PATH)%" } } },
      "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
      ["otel_envoy_accesslog", "text /sent"],
    ],
  ])("is sent where a provider says: %j", async (provider, path, contents) => {
    await gateway.tune({ defaultProviders: { accessLogging: ["it"] }, extensionProviders: [{ name: "it", ...provider }] });
    await get("/sent", ["x-extra: extra-value"]);
    await exchange({ port: tcp }, httpRequest("web.test"));
    for (const content of contents) await expect.poll(() => collector.received.get(path), { timeout: 20_000 }).toContain(content);
  });
});

test("the log is sent to the service of the proxy's own settings, beside the file", async () => {
  const path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
  const before = (collector.received.get(path) ?? "").length;
  const accessLogFile = logFile();
  await gateway.tune({
    accessLogFile,
    accessLogFormat: "%REQ(:PATH)%",
    enableEnvoyAccessLogService: true,
    defaultConfig: { envoyAccessLogService: { address: "collector-grpc.test:80" } },
  });
  await get("/own-service");
  await expect.poll(() => (collector.received.get(path) ?? "").slice(before), { timeout: 20_000 }).toContain("/own-service");
  expect(await lines(accessLogFile)).toEqual(["/own-service"]);
});

test("the log that is sent has trailers of responses, and filter state, where a provider asks for them", async () => {
  const sent = () => collector.received.get("/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs") ?? "";
  const plugin = `
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: keys }
spec:
  url: builtin://authentication
  pluginConfig:
    apiKeys:
      - fromHeaders: [{ name: x-api-key }]
        consumers: [{ name: partner-of-test, sha256: [${createHash("sha256").update("secret-key").digest("hex")}] }]
`;
  const als = (more: object) => ({
    defaultProviders: { accessLogging: ["it"] },
    extensionProviders: [{ name: "it", envoyHttpAls: { service: "collector-grpc.test", port: 80, ...more } }],
  });
  await gateway.tune(als({ logName: "without" }), plugin);
  await get("/trailers/without", ["x-api-key: secret-key"]);
  await expect.poll(sent, { timeout: 20_000 }).toContain("/trailers/without");
  expect(sent()).not.toMatch(/trailer-value|partner-of-test/);
  const asked = { additionalResponseTrailersToLog: ["x-trailer"], filterStateObjectsToLog: ["wasm.meshwright.authentication"] };
  await gateway.tune(als({ logName: "with", ...asked }), plugin);
  await get("/trailers/with", ["x-api-key: secret-key"]);
  for (const content of ["/trailers/with", "trailer-value", "partner-of-test"])
    await expect.poll(sent, { timeout: 20_000 }).toContain(content);
});

test("the log of connections that is sent has the state that filters left, where a provider asks for it", async () => {
  const path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
  const filter = `
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: state }
spec:
  configPatches:
    - applyTo: NETWORK_FILTER
      match: { context: GATEWAY, listener: { portNumber: ${tcp}, filterChain: { filter: { name: envoy.filters.network.tcp_proxy } } } }
      patch:
        operation: INSERT_BEFORE
        value:
          name: envoy.filters.network.set_filter_state
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3.Config
            on_new_connection:
              - { object_key: test.state, factory_key: envoy.string, format_string: { text_format_source: { inline_string: state-of-test } } }
`;
  const send = async (logName: string, more: object) => {
    const provider = { name: "it", envoyTcpAls: { service: "collector-grpc.test", port: 80, logName, ...more } };
    await gateway.tune({ defaultProviders: { accessLogging: ["it"] }, extensionProviders: [provider] }, filter);
    await exchange({ port: tcp }, httpRequest("web.test"));
    await expect.poll(() => collector.received.get(path), { timeout: 20_000 }).toContain(logName);
  };
  await send("stateless", {});
  expect(collector.received.get(path)).not.toContain("state-of-test");
  await send("stateful", { filterStateObjectsToLog: ["test.state"] });
  await expect.poll(() => collector.received.get(path), { timeout: 20_000 }).toContain("state-of-test");
});

describe("traces", () => {
  const trace = (provider: object, more: object = {}) =>
    gateway.tune({
      defaultProviders: { tracing: ["it"] },
      extensionProviders: [{ name: "it", ...provider }],
      defaultConfig: { tracing: { sampling: 100 } },
      ...more,
    });
  /** Tracers send after so many spans. */
  const requests = async (path: string, headers: readonly string[] = []) => {
    for (let count = 0; count < 6; count++) await get(path, headers);
  };
  const zipkin = { zipkin: { service: "collector.test", port: 80 } };

  test.each<[provider: object, path: string, contents: readonly string[]]>([
    [zipkin, "/api/v2/spans", ["/traced"]],
    [{ zipkin: { service: "collector.test", port: 80, path: "/own/spans" } }, "/own/spans", ["/traced"]],
    [
      { zipkin: { service: "collector.test", port: 80, path: "/kept", headers: [{ name: "x-key", value: "v" }], timeout: "1s" } },
      "/kept",
      ["/traced"],
    ],
    [
      { zipkin: { service: "collector.test", port: 80, path: "/from-env", headers: [{ name: "x-key", envName: "MESHWRIGHT_TEST_KEY" }] } },
      "/from-env",
      ["/traced"],
    ],
    [{ datadog: { service: "collector.test", port: 80 } }, "/v0.4/traces", ["/traced"]],
    [
      { skywalking: { service: "collector-grpc.test", port: 80, accessToken: "token" } },
      "/skywalking.v3.TraceSegmentReportService/collect",
      ["/traced", "ingress-1.default"],
    ],
    [
      {
        opentelemetry: {
          service: "collector-grpc.test",
          port: 80,
          grpc: { timeout: "1s", initialMetadata: [{ name: "x-key", value: "v" }] },
        },
      },
      "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      ["/traced", "ingress-1.default"],
    ],
    [
      { opentelemetry: { service: "collector.test", port: 80, http: { path: "/v1/own", headers: [{ name: "x-key", value: "v" }] } } },
      "/v1/own",
      ["/traced"],
    ],
    [
      {
        opentelemetry: {
          service: "collector.test",
          port: 80,
          http: { path: "/v1/env", headers: [{ name: "x-key", envName: "MESHWRIGHT_TEST_KEY" }] },
        },
      },
      "/v1/env",
      ["/traced"],
    ],
    [
      {
        opentelemetry: {
          service: "collector.test",
          port: 80,
          http: { path: "/v1/named" },
          resourceDetectors: { environment: {}, dynatrace: {} },
          serviceAttributeEnrichment: "OTEL_SEMANTIC_CONVENTIONS",
        },
      },
      "/v1/named",
      ["/traced", "own-name", "service.namespace", "service.version", "1.2.3", "deployment.environment", "laboratory"],
    ],
    [
      {
        opentelemetry: {
          service: "collector.test",
          port: 80,
          http: { path: "/v1/sampled" },
          dynatraceSampler: {
            tenant: "abc12345",
            clusterId: -1,
            rootSpansPerMinute: 600,
            httpService: { service: "collector.test", port: 80, http: { path: "/sampling" } },
          },
        },
      },
      "/v1/sampled",
      ["/traced", "supportability.atm_sampling_ratio"],
    ],
  ])("are sent where a provider says: %j", async (provider, path, contents) => {
    await trace(provider);
    await requests("/traced");
    for (const content of contents) await expect.poll(() => collector.received.get(path), { timeout: 20_000 }).toContain(content);
    const headers = collector.headers.get(path);
    if (JSON.stringify(provider).includes("x-key")) expect(headers).toMatchObject({ "x-key": "v" });
    if (JSON.stringify(provider).includes("accessToken")) expect(headers).toMatchObject({ authentication: "token" });
  });

  test.each([
    [{ zipkin: { address: "collector.test:80" } }, "/api/v2/spans"],
    [{ datadog: { address: "Collector.test:80" } }, "/v0.4/traces"],
  ])("are sent where the proxy's own settings say, and no provider does: %j", async (tracing, path) => {
    const before = (collector.received.get(path) ?? "").length;
    const since = () => (collector.received.get(path) ?? "").slice(before);
    await gateway.tune({ defaultConfig: { tracing: { sampling: 100, ...tracing } } });
    await requests("/own-tracer");
    await expect.poll(since, { timeout: 20_000 }).toContain("/own-tracer");
  });

  test("have Istio's tags where the proxy's settings ask for them", async () => {
    const path = (name: string) => ({ zipkin: { ...zipkin.zipkin, path: `/${name}` } });
    await trace(path("untagged"));
    await requests("/own");
    await expect.poll(() => collector.received.get("/untagged"), { timeout: 20_000 }).toContain("/own");
    expect(collector.received.get("/untagged")).not.toContain("istio.canonical_service");
    await trace(path("tagged"), { defaultConfig: { tracing: { sampling: 100, enableIstioTags: true } } });
    await requests("/own");
    await expect.poll(() => collector.received.get("/tagged"), { timeout: 20_000 }).toContain("istio.canonical_service");
  });

  test("are those that Dynatrace's sampler takes, whatever percentage is said", async () => {
    const dynatraceSampler = { tenant: "abc12345", clusterId: 7 };
    const opentelemetry = { service: "collector.test", port: 80, http: { path: "/v1/all" }, dynatraceSampler };
    await trace({ opentelemetry }, { defaultConfig: { tracing: { sampling: 0 } } });
    await get("/all");
    expect(seen("tracestate")).toMatch(/^5b3f9fed-7@dt=fw4;/);
    expect(seen("traceparent")).toMatch(/-01$/);
  });

  test("are as many as Dynatrace's service says, which its sampler asks 10 seconds after it has begun (httpService)", async () => {
    const httpService = { service: "collector.test", port: 80, http: { path: "/how-many", headers: [{ name: "x-key", value: "v" }] } };
    const dynatraceSampler = { tenant: "abc12345", clusterId: 7, httpService };
    await trace({ opentelemetry: { service: "collector.test", port: 80, http: { path: "/v1/asked" }, dynatraceSampler } });
    await get("/asked");
    await expect.poll(() => collector.headers.get("/how-many"), { timeout: 40_000 }).toMatchObject({ "x-key": "v" });
  });

  test("are fewer and fewer within a minute, by what Dynatrace's sampler may take in it (rootSpansPerMinute)", async () => {
    const sampled = async (rootSpansPerMinute: number) => {
      const dynatraceSampler = { tenant: "abc12345", clusterId: 7, rootSpansPerMinute };
      await trace({ opentelemetry: { service: "collector.test", port: 80, http: { path: "/v1/few" }, dynatraceSampler } });
      let count = 0;
      for (let request = 0; request < 16; request++) {
        await get("/few");
        if (seen("traceparent")?.endsWith("-01") === true) count += 1;
      }
      return count;
    };
    // In its first minute Envoy takes one of 2^n requests, where n grows by one with each half of what it may take (`SamplingController::getSamplingState`).
    expect(await sampled(1000)).toBe(16);
    expect(await sampled(2)).toBeLessThan(12);
  });

  test("are sent nowhere where the tracer of the proxy's settings is no service of the mesh", async () => {
    await gateway.tune({ defaultConfig: { tracing: { sampling: 100, zipkin: { address: "nobody.test:80" } } } });
    await get("/nowhere");
    expect(seen("x-b3-traceid")).toBeUndefined();
  });

  test("have the ids that a provider says", async () => {
    await trace(zipkin);
    await get("/ids");
    expect(seen("x-b3-traceid")).toHaveLength(32);
    expect(seen("traceparent")).toBeUndefined();
    await trace({ zipkin: { ...zipkin.zipkin, enable64bitTraceId: true, traceContextOption: "USE_B3_WITH_W3C_PROPAGATION" } });
    await get("/ids");
    expect(seen("x-b3-traceid")).toHaveLength(16);
    expect(seen("traceparent")).toMatch(/^00-/);
  });

  test("have tags, and paths no longer than is said", async () => {
    const long = `/long/${"x".repeat(300)}`;
    const customTags = {
      literal: { literal: { value: "always" } },
      header: { header: { name: "x-tag", defaultValue: "nothing" } },
      missing: { header: { name: "x-none", defaultValue: "nobody" } },
      environment: { environment: { name: "MESHWRIGHT_NOT_THERE", defaultValue: "unset" } },
    };
    const of = (maxTagLength?: number) => ({
      zipkin: { ...zipkin.zipkin, path: `/tags-${maxTagLength ?? "mesh"}`, ...(maxTagLength === undefined ? {} : { maxTagLength }) },
    });
    const urls = (path: string) =>
      Array.from(
        (collector.received.get(path) ?? "").matchAll(/"http\.url":"http:\/\/web\.test(\/long[^"]*)"/g),
        ([, url = ""]) => url.length,
      );
    await trace(of(), { defaultConfig: { tracing: { sampling: 100, maxPathTagLength: 20, customTags } } });
    await requests(long, ["x-tag: of-the-request"]);
    await expect.poll(() => urls("/tags-mesh"), { timeout: 20_000 }).toContain(20);
    expect(collector.received.get("/tags-mesh")).toContain('"literal":"always"');
    expect(collector.received.get("/tags-mesh")).toContain('"header":"of-the-request"');
    expect(collector.received.get("/tags-mesh")).toContain('"missing":"nobody"');
    expect(collector.received.get("/tags-mesh")).toContain('"environment":"unset"');
    await trace(of(30), { defaultConfig: { tracing: { sampling: 100, maxPathTagLength: 20 } } });
    await requests(long);
    await expect.poll(() => urls("/tags-30"), { timeout: 20_000 }).toContain(30);
  });

  const http = (path: string, more: object) => ({ service: "collector.test", port: 80, http: { path, ...more } });

  test.each<[provider: object, path: string]>([
    [{ datadog: { service: "collector.test", port: 80, maxTagLength: 23 } }, "/v0.4/traces"],
    [{ opentelemetry: { ...http("/v1/short", {}), maxTagLength: 23 } }, "/v1/short"],
  ])("have paths no longer than their provider says: %j", async (provider, path) => {
    const before = (collector.received.get(path) ?? "").length;
    const since = () => (collector.received.get(path) ?? "").slice(before);
    await trace(provider);
    await requests(`/short/${"y".repeat(60)}`);
    await expect.poll(since, { timeout: 20_000 }).toMatch(new RegExp(`/short/y{${23 - "/short/".length}}(?!y)`));
    expect(since()).not.toContain("y".repeat(60));
  });

  test("are sent with the time that an answer may take", async () => {
    await trace({ opentelemetry: http("/v1/in-time", { timeout: "0.8s" }) });
    await requests("/in-time");
    const told = () => collector.headers.get("/v1/in-time")?.["x-envoy-expected-rq-timeout-ms"];
    await expect.poll(told, { timeout: 20_000 }).toBe("800");
  });

  test("are of as many requests as is said, and of none where the mesh does not trace", async () => {
    await trace(zipkin);
    await get("/sampled");
    expect(seen("x-b3-sampled")).toBe("1");
    await trace(zipkin, { defaultConfig: { tracing: { sampling: 0 } } });
    await get("/sampled");
    expect(seen("x-b3-sampled")).toBe("0");
    await trace(zipkin, { enableTracing: false });
    await get("/sampled");
    expect(seen("x-b3-sampled")).toBeUndefined();
  });
});
