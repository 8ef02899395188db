import { expect, test } from "vitest";
import { declare, type MeshSpec } from "./spec.ts";

test("workloads are named by their number or their version", () => {
  const { workloads, services, gateways } = declare({
    services: {
      web: { port: 80, workloads: 2 },
      "reviews.shop": { port: 9080, protocol: "grpc", workloads: { v1: {} } },
      alone: { port: 1 },
    },
    gateways: { "ingress.edge": {} },
  });
  expect(workloads.map(({ name }) => name)).toEqual(["web-1", "web-2", "reviews-v1", "alone-1"]);
  expect(services[1]).toEqual({ name: "reviews", namespace: "shop", port: 9080, protocol: "grpc" });
  expect(gateways).toEqual([{ name: "ingress", namespace: "edge", ports: [80, 443], labels: {} }]);
});

test.each<[string, MeshSpec, string]>([
  ["a port", { services: { web: { port: 70_000 } } }, "services.web.port: 70000 is no port"],
  ["a name", { services: { "a.b.c": { port: 80 } } }, "services.a.b.c: expected NAME or NAME.NAMESPACE"],
  ["capitals", { services: { Web: { port: 80 } } }, "services.Web: expected NAME"],
  ["a count", { services: { web: { port: 80, workloads: 1.5 } } }, "services.web.workloads: 1.5 is no number"],
  ["a version", { services: { web: { port: 80, workloads: { "v.1": {} } } } }, "services.web.workloads.v.1: a version is made of"],
  ["a port of a gateway", { services: {}, gateways: { in: { ports: [0] } } }, "gateways.in.ports: 0 is no port"],
  ["a name that is there twice", { services: { "a.x": { port: 80 }, "a.y": { port: 80 } } }, "named a-1"],
  ["too many", { services: { web: { port: 80, workloads: 81 } } }, "has 81 workloads and gateways; at most 80"],
  [
    "a script and a command",
    { services: { web: { port: 80, workloads: { v1: { script: () => ({}), command: ["node"] } } } } },
    "services.web.workloads.v1 has a script and a command",
  ],
])("%s that is none is refused", (_, spec, reason) => {
  expect(() => declare(spec)).toThrow(reason);
});
