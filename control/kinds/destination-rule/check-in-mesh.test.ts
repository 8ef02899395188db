import { expect, test } from "vitest";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { destinationRule } from "./index.ts";

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: reviews-1, labels: { app: reviews, version: v1 } }
spec: { containers: [{ name: main }] }
status: { podIP: 10.0.0.1 }
`;
const rule = (spec: string) => `${SERVICE}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec: ${spec}
`;

test.for([
  ["a host that is there, by its short name", "{ host: reviews, subsets: [{ name: v1, labels: { version: v1 } }] }", ""],
  ["a wildcard over it", `{ host: "*.default.svc.cluster.local" }`, ""],
  ["a host that is not there", "{ host: ratings }", "warning IST0174 spec.host: no service has host ratings.default.svc.cluster.local"],
  [
    "a subset of nobody",
    "{ host: reviews, subsets: [{ name: v2, labels: { version: v2 } }] }",
    "warning IST0173 spec.subsets[0].labels: no endpoint has the labels of subset v2",
  ],
  [
    "a port that is not there",
    "{ host: reviews, trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: RANDOM } }] } }",
    "warning IST0101 spec.trafficPolicy.portLevelSettings[0].port.number: reviews.default.svc.cluster.local has no port 80",
  ],
  [
    "a secret that is not there",
    "{ host: reviews, trafficPolicy: { tls: { mode: SIMPLE, credentialName: trust } } }",
    "warning IST0101 spec.trafficPolicy.tls.credentialName: there is no Secret default/trust",
  ],
] as const)("%s", ([, spec, expected]) => {
  const problems = problemsInMesh(destinationRule, rule(spec));
  if (expected === "") expect(problems).toEqual([]);
  else expect(problems).toEqual([expect.stringContaining(expected)]);
});
