import { expect, test } from "vitest";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { authorizationPolicy } from "./index.ts";

const policy = (spec: string, name = "p", namespace = "default") => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;
const meshConfig = (provider: string) => `
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
extensionProviders: [${provider}]
`;
const mesh = `
apiVersion: v1
kind: Service
metadata: { name: orders }
spec: { selector: { app: orders }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp, port: 9000 }, { name: auto, port: 7000 }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: orders-1 }
spec: { address: 10.0.0.1, labels: { app: orders } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: portal }
spec: { hosts: [portal.test], ports: [{ number: 8000, name: http, protocol: HTTP }, { number: 9000, name: grpc, protocol: GRPC }], resolution: DNS }
`;
const http = "{ name: portal, envoyExtAuthzHttp: { service: portal.test, port: 8000 } }";
const grpc = "{ name: portal, envoyExtAuthzGrpc: { service: portal.test, port: 9000 } }";
const custom = (rule: string, name = "portal") => `{ action: CUSTOM, provider: { name: ${name} }, rules: [${rule}] }`;
const forHttp = '{ to: [{ operation: { ports: ["8080"] } }] }';

test.each<[string, string, readonly string[]]>([
  [
    "nothing wrong",
    policy("{ selector: { matchLabels: { app: orders } }, rules: [{ from: [{ source: { namespaces: [default] } }] }] }"),
    [],
  ],
  [
    "a selector that selects nobody",
    policy("{ selector: { matchLabels: { app: other } } }"),
    ["warning IST0127 spec.selector: no workload of its namespace has these labels"],
  ],
  [
    "a selector of the root namespace, which selects everywhere",
    policy("{ selector: { matchLabels: { app: orders } } }", "p", "istio-system"),
    [],
  ],
  [
    "a selector of the root namespace that selects nobody",
    policy("{ selector: { matchLabels: { app: other } } }", "p", "istio-system"),
    ["warning IST0127 spec.selector: no workload has these labels"],
  ],
  [
    "namespaces that nothing is in",
    policy("{ rules: [{ from: [{ source: { namespaces: [defualt, 'd*'] } }] }] }"),
    ["warning IST0101 spec.rules[0].from[0].source.namespaces[0]: nothing is in namespace defualt"],
  ],
  [
    "ports on which nobody listens",
    policy('{ rules: [{ to: [{ operation: { ports: ["80", "8080"] } }] }] }'),
    ["warning MW0010 spec.rules[0].to[0].operation.ports[0]: no workload that it is for listens on port 80"],
  ],
  [
    "DENY by what connections have not",
    policy(
      "{ action: DENY, rules: [{ to: [{ operation: { paths: [/a] } }] }, { to: [{ operation: { paths: [/a], ports: ['8080'] } }] }] }",
    ),
    [
      "warning MW0011 spec.rules[0]: on port 9000, where no HTTP is spoken, what it says of requests is left out, in Istio too, so it matches more; name the ports that it is for, in operation.ports",
    ],
  ],
  ["ALLOW by what connections have not", policy("{ rules: [{ to: [{ operation: { paths: [/a] } }] }] }"), []],
  ["a provider that is there", meshConfig(http) + policy(custom(forHttp)), []],
  [
    "a provider that is not there",
    meshConfig(http.replace("portal", "gate")) + policy(custom(forHttp)),
    ['error IST0101 spec.provider.name: MeshConfig has no extension provider "portal"; there are gate; what the rules match is denied'],
  ],
  [
    "a provider of another sort",
    meshConfig("{ name: portal, prometheus: {} }") + policy(custom(forHttp)),
    ["error IST0101 spec.provider.name: extension provider portal is prometheus, which authorizes nobody; what the rules match is denied"],
  ],
  [
    "a provider whose service is not there",
    meshConfig(http.replace("portal.test", "strange.test")) + policy(custom(forHttp)),
    ["error IST0101 spec.provider.name: no service has host strange.test, of extension provider portal; what the rules match is denied"],
  ],
  [
    "a provider whose service has no such port",
    meshConfig(http.replace("8000", "8001")) + policy(custom(forHttp)),
    ["error IST0101 spec.provider.name: portal.test has no port 8001, of extension provider portal; what the rules match is denied"],
  ],
  [
    "an option that is not supported",
    meshConfig(http.replace("port: 8000", 'port: 8000, statusOnError: "302"')) + policy(custom(forHttp)),
    [
      'error IST0101 spec.provider.name: extension provider portal: statusOnError "302" is not supported; "400" to "599" is; what the rules match is denied',
    ],
  ],
  [
    "two providers",
    meshConfig(`${http}, ${grpc.replace("portal", "gate")}`) + policy(custom(forHttp)) + policy(custom(forHttp, "gate"), "q"),
    [
      "error IST0101 spec.provider.name: a workload has one provider, as in Istio, and AuthorizationPolicy default/q may name another for the same: there what the rules match is denied",
      "error IST0101 spec.provider.name: a workload has one provider, as in Istio, and AuthorizationPolicy default/p may name another for the same: there what the rules match is denied",
    ],
  ],
  [
    "two providers for other workloads",
    meshConfig(`${http}, ${grpc.replace("portal", "gate")}`) +
      policy(`{ selector: { matchLabels: { app: orders } }, action: CUSTOM, provider: { name: portal }, rules: [${forHttp}] }`) +
      policy(`{ selector: { matchLabels: { app: others } }, action: CUSTOM, provider: { name: gate }, rules: [${forHttp}] }`, "q"),
    ["warning IST0127 spec.selector: no workload of its namespace has these labels"],
  ],
  [
    "a provider over HTTP, and connections",
    meshConfig(http) + policy(custom("{}")),
    [
      "warning MW0011 spec.rules[0]: on port 9000, where no HTTP is spoken, its provider, which is asked over HTTP, cannot be asked, so what the rule matches is denied; name the ports that it is for, in operation.ports",
    ],
  ],
  ["a provider over gRPC, and connections", meshConfig(grpc) + policy(custom("{}")), []],
])("%s", (_, yaml, expected) => {
  expect(problemsInMesh(authorizationPolicy, mesh + yaml).map((line) => line.replace(/^mesh\.yaml:\d+:\d+: /, ""))).toEqual(expected);
});
