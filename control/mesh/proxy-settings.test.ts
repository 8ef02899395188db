import { expect, test } from "vitest";
import { viewOfYaml } from "../xds/types/testing/yaml-view.ts";

const CONFIG = (name: string, namespace: string, spec: string) => `
---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${spec} }`;

const MESH = `
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
defaultConfig: { concurrency: 1, proxyMetadata: { A: mesh, B: mesh, C: mesh, D: mesh } }
${CONFIG("all", "istio-system", "concurrency: 2, environmentVariables: { B: root, C: root, D: root }")}
${CONFIG("namespace", "default", "environmentVariables: { C: namespace, D: namespace }")}
${CONFIG("workload", "default", "selector: { matchLabels: { app: reviews } }, concurrency: 0, environmentVariables: { D: workload }")}
${CONFIG("other", "elsewhere", "concurrency: 9")}`;

test.each([
  ["reviews", 0, { A: "mesh", B: "root", C: "namespace", D: "workload" }],
  ["ratings", 2, { A: "mesh", B: "root", C: "namespace", D: "namespace" }],
])(
  "of a proxy with the label app: %s are MeshConfig's, then the root namespace's, the namespace's, the workload's",
  (app, concurrency, expected) => {
    const settings = viewOfYaml(MESH, { metadata: { LABELS: { app } } }).proxySettings();
    expect(settings).toMatchObject({ concurrency, environmentVariables: expected });
  },
);
