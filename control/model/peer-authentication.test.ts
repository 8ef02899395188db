import { describe, expect, test } from "vitest";
import { type MtlsMode, mtlsModeOf, type PeerAuthentication, workloadMtls } from "./peer-authentication.ts";

type Policy = Partial<Omit<PeerAuthentication, "ports">> & { readonly ports?: Readonly<Record<number, MtlsMode | undefined>> };

const ROOT = "istio-system";
const MESH: Policy = { namespace: ROOT };
const REVIEWS: Policy = { selector: { app: "reviews" } };

function policy({ namespace = "shop", selector = {}, mode, ports = {} }: Policy, name: string): PeerAuthentication {
  const object = {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name, namespace, labels: {}, annotations: {}, creationTimestamp: undefined },
    spec: undefined,
    place: () => ({ file: "", line: 1, column: 1 }),
  };
  return { name, namespace, selector, mode, ports: new Map(Object.entries(ports).map(([port, each]) => [Number(port), each])), object };
}

/** Of a workload `reviews` in namespace `shop`, for policies from the oldest to the youngest. */
function modes(...policies: readonly Policy[]) {
  const mtls = workloadMtls(
    policies.map((each, index) => policy(each, `policy-${index}`)),
    ROOT,
    { namespace: "shop", labels: { app: "reviews", version: "v1" } },
  );
  return { mtls, port80: mtlsModeOf(mtls, 80), port8080: mtlsModeOf(mtls, 8080) };
}

// Istio's `TestComposePeerAuthentication`, in our words.
describe("on port 80", () => {
  test.each<[string, MtlsMode, readonly Policy[]]>([
    ["nothing said is PERMISSIVE", "PERMISSIVE", []],
    ["the mesh's holds where nothing else is said", "STRICT", [{ ...MESH, mode: "STRICT" }]],
    ["an UNSET one of the mesh is PERMISSIVE", "PERMISSIVE", [MESH]],
    ["the namespace's goes before the mesh's", "DISABLE", [{ ...MESH, mode: "STRICT" }, { mode: "DISABLE" }]],
    ["an UNSET one of the namespace is the mesh's", "STRICT", [{ ...MESH, mode: "STRICT" }, {}]],
    ["the workload's goes before the namespace's", "PERMISSIVE", [{ mode: "STRICT" }, { ...REVIEWS, mode: "PERMISSIVE" }]],
    ["an UNSET one of the workload is the namespace's", "STRICT", [{ mode: "STRICT" }, REVIEWS]],
    ["an UNSET one of workload and namespace is the mesh's", "STRICT", [{ ...MESH, mode: "STRICT" }, {}, REVIEWS]],
    [
      "of two of a workload the oldest counts",
      "STRICT",
      [
        { ...REVIEWS, mode: "STRICT" },
        { ...REVIEWS, mode: "DISABLE" },
      ],
    ],
    ["of two of a namespace the oldest counts", "STRICT", [{ mode: "STRICT" }, { mode: "DISABLE" }]],
    ["of two of a namespace the oldest counts though it is UNSET", "PERMISSIVE", [{}, { mode: "STRICT" }]],
    ["those of other workloads do not count", "PERMISSIVE", [{ selector: { app: "ratings" }, mode: "STRICT" }]],
    ["those of other namespaces do not count", "PERMISSIVE", [{ namespace: "press", mode: "STRICT" }]],
    ["one of the root namespace that selects does not count", "PERMISSIVE", [{ ...MESH, ...REVIEWS, mode: "STRICT" }]],
    ["a port goes before its workload", "DISABLE", [{ ...REVIEWS, mode: "STRICT", ports: { 80: "DISABLE" } }]],
    ["an UNSET port is its workload's", "STRICT", [{ ...REVIEWS, mode: "STRICT", ports: { 80: undefined } }]],
    ["an UNSET port of an UNSET workload is the namespace's", "STRICT", [{ mode: "STRICT" }, { ...REVIEWS, ports: { 80: undefined } }]],
  ])("%s: %s", (_, expected, policies) => {
    expect(modes(...policies).port80).toBe(expected);
  });
});

test("a port says nothing of others", () => {
  const { port80, port8080 } = modes({ ...REVIEWS, mode: "STRICT", ports: { 80: "DISABLE" } });
  expect([port80, port8080]).toEqual(["DISABLE", "STRICT"]);
});

test("what decided is known", () => {
  const { mtls } = modes({ ...MESH, mode: "STRICT" }, { ...REVIEWS, ports: { 80: "STRICT" } });
  expect([mtls.object?.metadata.name, mtls.ports.get(80)?.object.metadata.name]).toEqual(["policy-0", "policy-1"]);
});

test("in the root namespace the mesh's policy is the namespace's", () => {
  const mtls = workloadMtls([policy({ ...MESH, mode: "STRICT" }, "mesh")], ROOT, { namespace: ROOT, labels: {} });
  expect(mtls.mode).toBe("STRICT");
});
