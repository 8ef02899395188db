import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { IdentityMesh, type Port, spiffe } from "./identity-mesh.ts";

// Istio's task "Authentication Policy", as far as it is about peers: mTLS by itself, by mesh, namespace, workload and port, which policy goes before which; and who may call, by principal.

let mesh: IdentityMesh;

interface Policy {
  readonly name?: string;
  readonly namespace: string;
  readonly spec: string;
}

const policy = ({ name = "default", namespace, spec }: Policy) => `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;

const selected = (rest: string) => `{ selector: { matchLabels: { app: httpbin } }, ${rest} }`;
const portOf = (port: Port) => mesh.program("bar").ports[port];

beforeAll(async () => {
  mesh = await IdentityMesh.start();
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

describe("mTLS alone", () => {
  test("for one workload leaves the others as they were", async () => {
    await mesh.apply(policy({ name: "httpbin", namespace: "bar", spec: selected("mtls: { mode: STRICT }") }));
    expect([await mesh.call("legacy", "bar"), await mesh.call("foo", "bar"), await mesh.call("legacy", "foo")]).toEqual([
      "refused",
      200,
      200,
    ]);
  });

  test("for workloads with other labels, or for what a policy leaves unset, changes nothing", async () => {
    await mesh.apply(
      policy({ name: "other", namespace: "bar", spec: "{ selector: { matchLabels: { app: other } }, mtls: { mode: STRICT } }" }),
    );
    expect([await mesh.call("legacy", "bar"), await mesh.call("foo", "bar")]).toEqual([200, 200]);
    await mesh.apply(
      policy({ namespace: "bar", spec: "{ mtls: { mode: STRICT } }" }) +
        policy({ name: "httpbin", namespace: "bar", spec: selected("mtls: { mode: UNSET }") }),
    );
    expect([await mesh.call("legacy", "bar"), await mesh.call("foo", "bar")]).toEqual(["refused", 200]);
  });

  test("but for one port, which takes plain text alone, also from clients with an identity", async () => {
    const spec = selected(`mtls: { mode: STRICT }, portLevelMtls: { ${portOf("http")}: { mode: DISABLE } }`);
    await mesh.apply(policy({ name: "httpbin", namespace: "bar", spec }));
    expect([await mesh.call("legacy", "bar"), await mesh.call("foo", "bar")]).toEqual([200, 200]);
    expect(mesh.caller("bar")).toBeUndefined();
    expect([await mesh.call("legacy", "bar", "bytes"), await mesh.call("foo", "bar", "bytes")]).toEqual(["refused", "got"]);
  });

  test("for one port leaves the others as they were", async () => {
    const spec = selected(`mtls: { mode: PERMISSIVE }, portLevelMtls: { ${portOf("bytes")}: { mode: STRICT } }`);
    await mesh.apply(policy({ name: "httpbin", namespace: "bar", spec }));
    expect([await mesh.call("legacy", "bar", "bytes"), await mesh.call("foo", "bar", "bytes")]).toEqual(["refused", "got"]);
    expect(await mesh.call("legacy", "bar")).toBe(200);
  });

  test("for a workload goes before the namespace's policy, and that before the mesh's", async () => {
    await mesh.apply(
      policy({ namespace: "istio-system", spec: "{ mtls: { mode: DISABLE } }" }) +
        policy({ namespace: "foo", spec: "{ mtls: { mode: STRICT } }" }) +
        policy({ name: "httpbin", namespace: "foo", spec: selected("mtls: { mode: PERMISSIVE }") }) +
        policy({ namespace: "bar", spec: "{ mtls: { mode: STRICT } }" }),
    );
    expect([await mesh.call("legacy", "foo"), await mesh.call("bar", "foo")]).toEqual([200, 200]);
    expect(mesh.caller("foo")).toBe(spiffe("bar"));
    expect([await mesh.call("legacy", "bar"), await mesh.call("foo", "bar")]).toEqual(["refused", 200]);
  });

  test("is not taken at all where it is disabled: nobody's request is encrypted, and nobody's fails", async () => {
    await mesh.apply(policy({ namespace: "istio-system", spec: "{ mtls: { mode: DISABLE } }" }));
    const before = await mesh.handshakes("foo");
    for (const port of ["http", "grpc", "any"] as const) expect(await mesh.call("bar", "foo", port)).toBe(200);
    expect(await mesh.call("bar", "foo", "bytes")).toBe("got");
    expect(await mesh.handshakes("foo")).toBe(before);
  });

  test("is what clients use only where MeshConfig says so (enableAutoMtls)", async () => {
    const meshConfig = (value: boolean) => `
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
enableAutoMtls: ${value}
`;
    await mesh.apply(meshConfig(false));
    await mesh.call("bar", "foo");
    expect(mesh.caller("foo")).toBeUndefined();
    await mesh.apply(meshConfig(true));
    await mesh.call("bar", "foo");
    expect(mesh.caller("foo")).toBe(spiffe("bar"));
  });
});

describe("who may call is told by principals", () => {
  const authorization = (rule: string) => `
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: authorization, namespace: foo }
spec:
  selector: { matchLabels: { app: httpbin } }
  url: builtin://authorization
  match: [{ mode: SERVER }]
  pluginConfig: { policies: [{ name: callers, namespace: foo, action: ALLOW, rules: [{ from: [{ source: ${rule} }] }] }] }
`;

  test.each([
    ["the principal of the client", `{ principals: ["cluster.local/ns/bar/sa/httpbin"] }`, { bar: 200, foo: 403, legacy: 403 }],
    ["another principal", `{ principals: ["cluster.local/ns/bar/sa/other"] }`, { bar: 403, foo: 403, legacy: 403 }],
    ["a namespace", `{ namespaces: [foo] }`, { bar: 403, foo: 200, legacy: 403 }],
    ["whoever has any", `{ principals: ["*"] }`, { bar: 200, foo: 200, legacy: 403 }],
  ] as const)("%s", async (_, rule, expected) => {
    await mesh.apply(authorization(rule));
    const answers = { bar: await mesh.call("bar", "foo"), foo: await mesh.call("foo", "foo"), legacy: await mesh.call("legacy", "foo") };
    expect(answers).toEqual(expected);
  });

  beforeEach(async () => {
    await mesh.apply("");
  });
});

test("telemetry tells who called, and whether by mTLS", async () => {
  await mesh.apply(`
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: telemetry, namespace: foo }
spec: { url: "builtin://telemetry", pluginConfig: {} }
`);
  expect([await mesh.call("bar", "foo"), await mesh.call("legacy", "foo")]).toEqual([200, 200]);
  const { values } = await mesh.sidecar("foo").envoy.admin.stats("istio_requests_total");
  const series = Object.keys(values).map((name) =>
    ["source_principal", "destination_principal", "connection_security_policy"].map(
      (label) => new RegExp(`;${label}=\\.=(.*?);\\.;`).exec(name)?.[1],
    ),
  );
  expect(series).toContainEqual([spiffe("bar"), spiffe("foo"), "mutual_tls"]);
  expect(series).toContainEqual(["unknown", "unknown", "none"]);
});
