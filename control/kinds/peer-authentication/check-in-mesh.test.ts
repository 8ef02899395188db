import { expect, test } from "vitest";
import { compareProblems, formatProblem, type Kind, type Peer, type Problem } from "../../model/index.ts";
import { meshOfYaml } from "../../xds/types/testing/yaml-view.ts";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { peerAuthentication } from "./index.ts";

const kind: Kind = peerAuthentication;

const policy = (name: string, spec: string, namespace = "default") => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${name === "old" ? 2024 : 2025}-01-01T00:00:00Z" }
spec: ${spec}
---`;
const workload = `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: reviews-1 }
spec: { address: 10.0.0.1, labels: { app: reviews } }
---`;

test.each<[string, string, readonly string[]]>([
  ["a selector that selects a workload", workload + policy("a", "{ selector: { matchLabels: { app: reviews } } }"), []],
  [
    "a selector that selects nobody",
    workload + policy("a", "{ selector: { matchLabels: { app: ratings } } }"),
    ["mesh.yaml:10:9: warning IST0127 spec.selector: no workload has these labels"],
  ],
  ["a selector where no workloads are described", policy("a", "{ selector: { matchLabels: { app: ratings } } }"), []],
  [
    "a selector in the root namespace",
    policy("a", "{ selector: { matchLabels: { app: reviews } } }", "istio-system"),
    [
      "mesh.yaml:5:9: warning MW0011 spec.selector: has no effect, in Istio either: a policy of the root namespace, istio-system, is for the whole mesh and selects nobody",
    ],
  ],
  [
    "two for a namespace",
    policy("young", "{ mtls: { mode: STRICT } }") + policy("old", "{ mtls: { mode: DISABLE } }"),
    [
      "mesh.yaml:4:13: warning MW0010 metadata.name: has no effect: PeerAuthentication old is older and for all workloads of namespace default too",
    ],
  ],
  [
    "two for the same workloads",
    policy("young", "{ selector: { matchLabels: { app: a } } }") + policy("old", "{ selector: { matchLabels: { app: a } } }"),
    ["mesh.yaml:4:13: warning MW0010 metadata.name: has no effect: PeerAuthentication old is older and for the same workloads too"],
  ],
  [
    "two for other workloads",
    policy("young", "{ selector: { matchLabels: { app: a } } }") + policy("old", "{ selector: { matchLabels: { app: b } } }"),
    [],
  ],
])("%s", (_, yaml, expected) => {
  expect(problemsInMesh(kind, yaml)).toEqual(expected);
});

/** What is found where a proxy without an identity is connected. */
function withProxy(yaml: string, more: Partial<Peer> = {}): readonly string[] {
  const peer: Peer = {
    id: "sidecar~10.0.0.1~reviews-1.default~default.svc.cluster.local",
    namespace: "default",
    serviceAccount: "default",
    labels: {},
    addresses: ["10.0.0.1"],
    identity: false,
    redirected: true,
    ...more,
  };
  const { mesh } = meshOfYaml(yaml).applyPeers({ come: [peer], gone: [] });
  const problems: Problem[] = [];
  for (const object of mesh.objects("PeerAuthentication"))
    kind.checkInMesh?.(object, mesh, (level, code, path, message) => problems.push({ ...object.place(path), level, code, path, message }));
  return problems.sort(compareProblems).map((problem) => formatProblem(problem).replace(/: proxy .*/, ""));
}

test("a STRICT workload whose proxy has no identity, told of the policy that decides", () => {
  const yaml = policy("mesh", "{ mtls: { mode: STRICT } }", "istio-system") + policy("namespace", "{}");
  expect(withProxy(yaml)).toEqual(["mesh.yaml:5:17: error MW0013 spec.mtls.mode: a STRICT workload refuses every connection"]);
});

test("a STRICT port, by the labels of the workload", () => {
  const yaml = workload + policy("port", "{ selector: { matchLabels: { app: reviews } }, portLevelMtls: { 80: { mode: STRICT } } }");
  expect(withProxy(yaml)).toEqual(['mesh.yaml:10:77: error MW0013 spec.portLevelMtls["80"].mode: port 80 refuses every connection']);
});

test("nothing where the proxy has an identity, or the workload takes plain text", () => {
  const yaml = policy("mesh", "{ mtls: { mode: STRICT } }", "istio-system");
  expect(withProxy(yaml, { identity: true })).toEqual([]);
  expect(withProxy(yaml + policy("namespace", "{ mtls: { mode: PERMISSIVE } }"))).toEqual([]);
});
