import { afterAll, beforeAll, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { ask, IdentityMesh, spiffe } from "./identity-mesh.ts";

// Istio's task "Istio Workload Minimum TLS Version Configuration": workloads take mTLS of a version or a later one, and clients of the mesh go on to reach them.

let mesh: IdentityMesh;

const atLeast = (version: string) => `
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
meshMTLS: { minProtocolVersion: ${version} }
`;

/** As `openssl s_client -alpn istio -tls1_2` does it in the task. */
const connect = (version: "TLSv1.2" | "TLSv1.3") => {
  const { certificate: cert, key, authority: ca } = identityOf(spiffe("bar"));
  const tls = { cert, key, ca, checkServerIdentity: () => undefined, ALPNProtocols: ["istio"] };
  return ask(
    { port: mesh.program("foo").ports.bytes, tls: { ...tls, minVersion: version, maxVersion: version } },
    "bytes",
    "httpbin.foo:9000",
  );
};

beforeAll(async () => {
  mesh = await IdentityMesh.start();
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

test.each([
  ["TLSV1_2", "got"],
  ["TLSV1_3", "refused"],
  ["TLS_AUTO", "got"],
])("with %s, TLS 1.3 is taken, and TLS 1.2 is %s", async (version, older) => {
  await mesh.apply(atLeast(version));
  await expect.poll(() => connect("TLSv1.2"), { timeout: 20_000 }).toBe(older);
  expect(await connect("TLSv1.3")).toBe("got");
  expect([await mesh.call("bar", "foo"), await mesh.call("bar", "foo", "bytes")]).toEqual([200, "got"]);
});
