import { expect, test } from "vitest";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { meshConfig } from "./index.ts";

const MESH = `
apiVersion: v1
kind: Service
metadata: { name: zipkin, namespace: tools }
spec: { ports: [{ name: http, port: 9411 }] }
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
`;

test.each([
  ["in full", "zipkin.tools.svc.cluster.local:9411", []],
  ["with its namespace", "Zipkin.tools:9411", []],
  ["without", "zipkin:9411", []],
  ["of another namespace", "zipkin.other:9411", ["there is no service for zipkin.other:9411; no spans are sent"]],
  ["of nobody", "nobody:1", ["there is no service for nobody:1; no spans are sent"]],
])("a tracer's host %s", (_what, address, expected) => {
  const found = problemsInMesh(meshConfig, `${MESH}defaultConfig: { tracing: { zipkin: { address: "${address}" } } }`);
  expect(found.map((problem) => problem.replace(/^.* defaultConfig.tracing.zipkin.address: /, ""))).toEqual(expected);
});

test.each([
  ["a service and its port", "zipkin.tools.svc.cluster.local", 9411, []],
  ["a service by the namespace that has it", "tools/zipkin.tools.svc.cluster.local", 9411, []],
  ["no service", "other/zipkin.tools.svc.cluster.local", 9411, ["service: there is no service other/zipkin.tools.svc.cluster.local"]],
  ["no port", "zipkin.tools.svc.cluster.local", 1, ["port: service zipkin.tools.svc.cluster.local has no port 1"]],
])("a provider names %s", (_what, service, port, expected) => {
  const found = problemsInMesh(meshConfig, `${MESH}extensionProviders: [{ name: a, zipkin: { service: ${service}, port: ${port} } }]`);
  expect(found.map((problem) => problem.replace(/^.* extensionProviders\[0\].zipkin./, ""))).toEqual(expected);
});
