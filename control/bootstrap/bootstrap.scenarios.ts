import { expect, test } from "vitest";
import { type Bootstrap, envoyTarget, validateConfig } from "../../harness/envoy/index.ts";
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

test("a field that Envoy does not know would be seen", async (context) => {
  await requireTarget(envoyTarget, context);
  const made = bootstrapOf({ nodeId: SIDECAR, control: LOOPBACK });
  const bootstrap = { ...("bootstrap" in made ? made.bootstrap : {}), no_such_field: 1 };
  await expect(validateConfig(bootstrap as Bootstrap)).rejects.toThrow("no_such_field");
});
