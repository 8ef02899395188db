import { expect, test } from "vitest";
import { endpointSlice } from "../endpoint-slice/index.ts";
import { endpoints } from "../endpoints/index.ts";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { workloadEntry } from "../workload-entry/index.ts";
import { service } from "./index.ts";

const POD = `
apiVersion: v1
kind: Pod
metadata: { name: reviews-1, labels: { app: reviews } }
spec: { containers: [{ name: main }] }
status: { podIP: 10.0.0.1 }
`;
const named = (name: string, port: string) => `---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: reviews }, ports: [${port}] }
`;

test("services that agree about a workload", () => {
  const yaml = POD + named("a", "{ name: http, port: 80 }") + named("b", "{ name: http-too, port: 80 }");
  expect(problemsInMesh(service, yaml)).toEqual([]);
});

test("services that disagree about what is spoken, or by which number", () => {
  const spoken = POD + named("a", "{ name: http, port: 80 }") + named("b", "{ name: tcp, port: 80 }");
  expect(problemsInMesh(service, spoken)).toEqual([expect.stringContaining("IST0116"), expect.stringContaining("IST0116")]);
  const numbers = POD + named("a", "{ name: http, port: 80, targetPort: 8080 }") + named("b", "{ name: http, port: 81, targetPort: 8080 }");
  expect(problemsInMesh(service, numbers)).toEqual([expect.stringContaining("IST0137"), expect.stringContaining("IST0137")]);
});

test("endpoints of nobody", () => {
  const yaml = `
apiVersion: v1
kind: Endpoints
metadata: { name: reviews }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-1, labels: { kubernetes.io/service-name: reviews } }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: vm }
spec: { address: 192.0.2.1 }
`;
  expect(problemsInMesh(endpoints, yaml)).toEqual([expect.stringContaining("IST0101 metadata.name: there is no Service default/reviews")]);
  expect(problemsInMesh(endpointSlice, yaml)).toEqual([expect.stringContaining("there is no Service default/reviews")]);
  expect(problemsInMesh(workloadEntry, yaml)).toEqual([expect.stringContaining("MW0010")]);
});
