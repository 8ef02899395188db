import { expect, test } from "vitest";
import type { Kind } from "../../model/index.ts";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { telemetry } from "./index.ts";

const object = (name: string, spec: string, namespace = "default") => `
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${name === "old" ? 2024 : 2025}-01-01T00:00:00Z" }
spec: ${spec}
---`;
const workload = `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: reviews-1 }
spec: { address: 10.0.0.1, labels: { app: reviews, version: v1 } }
---`;
const mesh = `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    defaultProviders: { accessLogging: [envoy] }
    extensionProviders: [{ name: Zipkin, zipkin: { service: zipkin.test, port: 9411 } }]
---`;
const of = (labels: string) => `selector: { matchLabels: { ${labels} } }`;

test.each<[string, string, readonly string[]]>([
  ["providers by any case", mesh + object("a", "{ tracing: [{ providers: [{ name: zipkin }] }], accessLogging: [{}], metrics: [{}] }"), []],
  [
    "providers that are not there, or are of another use",
    object("a", "{ tracing: [{ providers: [{ name: envoy }] }], accessLogging: [{ providers: [{ name: nobody }] }] }"),
    [
      'mesh.yaml:5:35: error MW0004 spec.tracing[0].providers[0].name: provider "envoy" is of type envoyFileAccessLog, which is none for tracing',
      'mesh.yaml:5:86: error MW0004 spec.accessLogging[0].providers[0].name: there is no provider "nobody" among MeshConfig\'s extensionProviders',
    ],
  ],
  [
    "no provider anywhere",
    object("a", "{ tracing: [{}] }"),
    [
      "mesh.yaml:5:19: warning IST0157 spec.tracing[0]: has no effect unless a wider level names a provider: MeshConfig's defaultProviders has none for tracing",
    ],
  ],
  [
    "a selector that selects nobody",
    workload + object("a", `{ ${of("app: ratings")} }`),
    ["mesh.yaml:10:9: warning IST0127 spec.selector: no workload of its namespace has these labels"],
  ],
  [
    "two for a namespace",
    object("young", "{}") + object("old", "{}"),
    ["mesh.yaml:4:13: error IST0160 metadata.name: has no effect: Telemetry old is older and for all workloads of namespace default too"],
  ],
  ["two for different namespaces", object("young", "{}") + object("old", "{}", "istio-system"), []],
  [
    "two that select a workload",
    workload + object("young", `{ ${of("version: v1")} }`) + object("old", `{ ${of("app: reviews")} }`),
    [
      "mesh.yaml:10:9: error IST0159 spec.selector: has no effect on reviews-1 and maybe others: Telemetry old is older and selects them too",
    ],
  ],
  ["two that select different workloads", object("young", `{ ${of("app: ratings")} }`) + object("old", `{ ${of("app: reviews")} }`), []],
])("%s", (_, yaml, problems) => {
  expect(problemsInMesh(telemetry as Kind, yaml)).toEqual(problems);
});
