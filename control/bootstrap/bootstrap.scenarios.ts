import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { identityOf } from "../../harness/envoy/chain/certificates.ts";
import { binaryProvider, type Bootstrap, envoyTarget, validateConfig } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { type BootstrapRequest, bootstrapOf } from "./bootstrap.ts";

const SIDECAR = "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local";
const LOOPBACK = { host: "127.0.0.1", port: 15_010 };

const REQUESTS: ReadonlyArray<readonly [string, BootstrapRequest]> = [
  ["a sidecar", { nodeId: SIDECAR, control: LOOPBACK }],
  ["a gateway", { nodeId: "router~10.0.0.2~ingress.istio-system~istio-system.svc.cluster.local", control: LOOPBACK }],
  ["a proxy of IPv6", { nodeId: "sidecar~fd00::1~a.b~b.svc.cluster.local", control: { host: "fd00::2", port: 15_010 } }],
  ["a control service by its name, and every option", everything()],
  ["a control service behind a Unix socket", { nodeId: SIDECAR, control: { path: "/run/control.sock" }, apiType: "GRPC" }],
];

function everything(): BootstrapRequest {
  return {
    nodeId: SIDECAR,
    control: { host: "control.example", port: 15_012 },
    metadata: {
      LABELS: { "istio-locality": "eu.eu-1.a" },
      PROXY_CONFIG: {
        runtimeValues: { "re2.max_program_size.warn_level": "100" },
        proxyStatsMatcher: { inclusionRegexps: ["a.*"], inclusionPrefixes: ["b"], inclusionSuffixes: ["c"] },
        extraStatTags: ["team"],
        statsdUdpAddress: "127.0.0.1:8125",
        envoyMetricsService: { address: "metrics.example:9000" },
        connectionSettings: { globalDownstreamConnectionLimit: 9 },
      },
    },
    modules: { mesh: { path: "/modules/mesh.wasm", sha256: "00".repeat(32) } },
    dnsResolvers: [{ host: "127.0.0.53", port: 53 }],
    maxConnections: 10,
    maxHeapSize: 1 << 30,
    stats: "all",
  };
}

test.for(REQUESTS)("the bootstrap for %s is taken by Envoy", async ([, request], context) => {
  await requireTarget(envoyTarget, context);
  const made = bootstrapOf(request);
  expect(made).not.toHaveProperty("problems");
  if ("bootstrap" in made) await validateConfig(made.bootstrap);
});

test("statistics go to a MetricsService over TLS, by files beside the proxy", async (context) => {
  await requireTarget(envoyTarget, context);
  const { certificate, key, authority } = identityOf("metrics.test");
  const folder = await mkdtemp(join(tmpdir(), "metrics-"));
  const service = createSecureServer({ cert: certificate, key });
  const called = new Promise<string>((resolve) => service.once("stream", (_stream, headers) => resolve(headers[":path"] ?? "")));
  try {
    await writeFile(join(folder, "ca.pem"), authority);
    await once(service.listen(0, "127.0.0.1"), "listening");
    const tlsSettings = { mode: "SIMPLE", caCertificates: join(folder, "ca.pem"), sni: "metrics.test" };
    const address = `127.0.0.1:${(service.address() as AddressInfo).port}`;
    const made = bootstrapOf({
      nodeId: SIDECAR,
      control: LOOPBACK,
      admin: { host: "127.0.0.1", port: 0 },
      statusPort: 0,
      prometheusPort: 0,
      metadata: { PROXY_CONFIG: { envoyMetricsService: { address, tlsSettings, tcpKeepalive: { time: "60s" } } } },
    });
    if (!("bootstrap" in made)) throw new Error(made.problems.join("; "));
    // It would not be ready before the control service answers.
    const { dynamic_resources: _control, ...bootstrap } = made.bootstrap;
    await using _envoy = await binaryProvider.start({ ...bootstrap, stats_flush_interval: "0.1s" });
    expect(await called).toBe("/envoy.service.metrics.v3.MetricsService/StreamMetrics");
  } finally {
    service.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test("a field that Envoy does not know would be seen", async (context) => {
  await requireTarget(envoyTarget, context);
  const made = bootstrapOf({ nodeId: SIDECAR, control: LOOPBACK });
  const bootstrap = { ...("bootstrap" in made ? made.bootstrap : {}), no_such_field: 1 };
  await expect(validateConfig(bootstrap as Bootstrap)).rejects.toThrow("no_such_field");
});
