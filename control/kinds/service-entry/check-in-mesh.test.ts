import { expect, test } from "vitest";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { serviceEntry } from "./index.ts";

const entry = (name: string, spec: string) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec: ${spec}
`;
const HTTP = "{ hosts: [api.example.com], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }";
const TCP = "{ hosts: [api.example.com], addresses: [192.0.2.1], ports: [{ number: 80, name: tcp, protocol: TCP }], resolution: DNS }";
const SELECTED =
  "{ hosts: [vm.example.com], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: STATIC, workloadSelector: { labels: { app: vm } } }";

test("two entries that say the same of a host", () => {
  expect(problemsInMesh(serviceEntry, entry("a", HTTP) + entry("b", HTTP))).toEqual([]);
});

test("two entries of one host that cannot be put together", () => {
  const found = HTTP.replace("DNS", "STATIC, endpoints: [{ address: 192.0.2.1 }]");
  expect(problemsInMesh(serviceEntry, entry("a", HTTP) + entry("b", found))).toEqual([
    expect.stringContaining("warning MW0010 spec.hosts[0]: ServiceEntry default/a has host api.example.com too, and alone counts"),
  ]);
});

test("two entries that say different things of a port", () => {
  const problems = problemsInMesh(serviceEntry, entry("a", HTTP) + entry("b", TCP));
  expect(problems).toHaveLength(2);
  expect(problems[0]).toContain(
    "warning IST0177 spec.hosts[0]: ServiceEntry default/b has host api.example.com too, and says that port 80 speaks tcp and not http",
  );
});

test("a selector that selects nobody, and one that does", () => {
  expect(problemsInMesh(serviceEntry, entry("a", SELECTED))).toEqual([expect.stringContaining("warning IST0127 spec.workloadSelector")]);
  const workload = `---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: vm-1 }
spec: { address: 192.0.2.1, labels: { app: vm } }
`;
  expect(problemsInMesh(serviceEntry, entry("a", SELECTED) + workload)).toEqual([]);
});
