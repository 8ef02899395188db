import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startUpstream } from "../../../../harness/upstreams/index.ts";
import { XDS_TYPES } from "../index.ts";
import { httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

/** A service `web.test` at 10.1.0.1, and a MeshConfig. */
function mesh(port: number, settings: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.test]
  addresses: ["10.1.0.1"]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
${settings}
`;
}

const TRACERS = [
  "zipkin: { service: web.test, port: 80 }",
  "zipkin: { service: web.test, port: 80, timeout: 1s, path: /spans, traceContextOption: USE_B3_WITH_W3C_PROPAGATION, headers: [{ name: a, value: b }] }",
  "datadog: { service: web.test, port: 80 }",
  "skywalking: { service: web.test, port: 80, accessToken: t }",
  "opentelemetry: { service: web.test, port: 80, grpc: { timeout: 1s } }",
  "opentelemetry: { service: web.test, port: 80, http: { path: /v1/traces, headers: [{ name: a, value: b }] } }",
];
const LOGS = [
  'envoyFileAccessLog: { path: /dev/null, logFormat: { text: "%REQ_WITHOUT_QUERY(:PATH)%" } }',
  'envoyFileAccessLog: { path: /dev/null, logFormat: { labels: { path: "%REQ(:PATH)%" } }, omitEmptyValues: true }',
  "envoyHttpAls: { service: web.test, port: 80, additionalRequestHeadersToLog: [x-a], filterStateObjectsToLog: [a] }",
  "envoyTcpAls: { service: web.test, port: 80 }",
  'envoyOtelAls: { service: web.test, port: 80, logFormat: { labels: { path: "%REQ(:PATH)%" } } }',
];

describe("settings of the mesh", () => {
  test.each([
    ...TRACERS.map((tracer) => `defaultProviders: { tracing: [it] }\nextensionProviders: [{ name: it, ${tracer} }]`),
    ...LOGS.map((log) => `defaultProviders: { accessLogging: [it] }\nextensionProviders: [{ name: it, ${log} }]`),
    "accessLogFile: /dev/null\naccessLogEncoding: JSON\nprotocolDetectionTimeout: 1s\npathNormalization: { normalization: NONE }",
    "defaultConfig: { proxyHeaders: { preserveHttp1HeaderCase: true, server: { disabled: true } }, connectionSettings: { httpIdleTimeout: 60s, httpMaxConcurrentStreams: 10, httpRequestTimeout: 60s, httpHeadersWithUnderscoresAction: HEADERS_WITH_UNDERSCORES_DROP_HEADER } }",
  ])("that Envoy takes, and requests go on: %s", async (settings) => {
    await using web = await startUpstream({ script: () => ({ body: "web" }) });
    await using proxy = await RunningProxy.start({ view: viewOfYaml(mesh(web.port, settings)), types: XDS_TYPES });
    expect(proxy.refusals()).toEqual([]);
    expect(await proxy.redirected("outbound", "10.1.0.1:80", httpRequest("web.test"))).toContain("200 OK");
  });

  test("have access logged in the user's format", async () => {
    const folder = await mkdtemp(join(tmpdir(), "log-"));
    try {
      await using web = await startUpstream();
      const settings = `accessLogFile: ${join(folder, "access")}\naccessLogFormat: "%REQ(:PATH)% %UPSTREAM_CLUSTER_RAW%"`;
      await using proxy = await RunningProxy.start({ view: viewOfYaml(mesh(web.port, settings)), types: XDS_TYPES });
      await proxy.redirected("outbound", "10.1.0.1:80", httpRequest("web.test", "/logged"));
      await proxy.envoy.admin.text("POST", "/reopen_logs");
      await expect.poll(() => readFile(join(folder, "access"), "utf8"), { timeout: 15_000 }).toBe("/logged outbound|80||web.test\n");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test.each([
    ["BASE", "/a//b%2Fc/../d", "/a//d"],
    ["MERGE_SLASHES", "/a//b/../d", "/a/d"],
    ["DECODE_AND_MERGE_SLASHES", "/a%2F/b", "/a/b"],
    ["NONE", "/a/../b", "/a/../b"],
  ])("have paths normalised: %s makes of %s %s", async (normalization, path, seen) => {
    await using web = await startUpstream();
    const view = viewOfYaml(mesh(web.port, `pathNormalization: { normalization: ${normalization} }`));
    await using proxy = await RunningProxy.start({ view, types: XDS_TYPES });
    await proxy.redirected("outbound", "10.1.0.1:80", httpRequest("web.test", path));
    expect(web.requests.map((request) => request.path)).toEqual([seen]);
  });
});
