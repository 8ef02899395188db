import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IdentityMesh, type Namespace, type Port, spiffe } from "./identity-mesh.ts";

// Istio's task "Mutual TLS Migration": from plain text and mTLS beside each other to mTLS alone, by namespace and then by mesh.

let mesh: IdentityMesh;

const policy = (namespace: string, mode: string) => `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: ${namespace} }
spec: { mtls: { mode: ${mode} } }
`;

const PORTS: readonly Port[] = ["http", "bytes", "grpc", "any"];
const GOOD: Readonly<Record<Port, number | string>> = { http: 200, any: 200, grpc: 200, bytes: "got" };

/** What every client gets of a port of a namespace. */
async function answers(to: Namespace, port: Port): Promise<readonly (number | string)[]> {
  return [await mesh.call("foo", to, port), await mesh.call("bar", to, port), await mesh.call("legacy", to, port)];
}

beforeAll(async () => {
  mesh = await IdentityMesh.start();
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

describe("as it begins, with nothing said", () => {
  test.each(PORTS)("everybody is answered on the port of %s", async (port) => {
    for (const to of ["foo", "bar", "legacy"] as const)
      expect([to, ...(await answers(to, port))]).toEqual([to, GOOD[port], GOOD[port], GOOD[port]]);
  });

  test("clients with an identity use it, by themselves", async () => {
    await mesh.call("bar", "foo");
    expect(mesh.caller("foo")).toBe(spiffe("bar"));
    await mesh.call("legacy", "foo");
    expect(mesh.caller("foo")).toBeUndefined();
    await mesh.call("foo", "legacy");
    expect(mesh.caller("legacy")).toBeUndefined();
  });

  test("also where nobody says what is spoken on a port: it is seen as HTTP", async () => {
    await mesh.call("bar", "foo", "any");
    expect(mesh.caller("foo")).toBe(spiffe("bar"));
  });

  test("and what passes is encrypted", async () => {
    const before = await mesh.handshakes("foo");
    await mesh.call("bar", "foo", "bytes");
    expect(await mesh.handshakes("foo")).toBe(before + 1);
    await mesh.call("legacy", "foo", "bytes");
    expect(await mesh.handshakes("foo")).toBe(before + 1);
  });
});

describe("STRICT in one namespace", () => {
  beforeAll(async () => {
    await mesh.apply(policy("foo", "STRICT"));
  });

  test.each(PORTS)("refuses plain text there on the port of %s, and nobody with an identity", async (port) => {
    expect(await answers("foo", port)).toEqual([GOOD[port], GOOD[port], "refused"]);
    expect(await answers("bar", port)).toEqual([GOOD[port], GOOD[port], GOOD[port]]);
  });
});

describe("STRICT for the mesh", () => {
  beforeAll(async () => {
    await mesh.apply(policy("istio-system", "STRICT"));
  });

  test.each(PORTS)("refuses plain text everywhere on the port of %s", async (port) => {
    expect(await answers("foo", port)).toEqual([GOOD[port], GOOD[port], "refused"]);
    expect(await answers("bar", port)).toEqual([GOOD[port], GOOD[port], "refused"]);
  });

  test.each(PORTS)(
    "and a workload without a sidecar is called in plain text on the port of %s, as it can take nothing else",
    async (port) => {
      expect(await answers("legacy", port)).toEqual([GOOD[port], GOOD[port], GOOD[port]]);
    },
  );
});

test("and back again, when the policies are deleted", async () => {
  await mesh.apply("");
  expect(await answers("foo", "http")).toEqual([200, 200, 200]);
});
