import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { freePort } from "../../../../control/xds/types/testing/running-proxy.ts";
import { getAt } from "../client.ts";
import { ask, IdentityMesh, PORTS, spiffe } from "./identity-mesh.ts";

// Istio's pages "Understanding TLS Configuration" and "TLS Origination": what a DestinationRule says of the connection, at every level, and gateways that take and pass on the mesh's own TLS.

let mesh: IdentityMesh;

const rule = (policy: string, more = "") => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: httpbin, namespace: foo }
spec:
  host: httpbin.bar.svc.cluster.local
  trafficPolicy: { ${policy} }
  ${more}
`;

/** Each call on a connection of its own (see the fixture's rule, which this one hides). */
const EACH = "connectionPool: { http: { maxRequestsPerConnection: 1 } }";
const strict = `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: bar }
spec: { mtls: { mode: STRICT } }
`;

beforeAll(async () => {
  mesh = await IdentityMesh.start();
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

/** Who called, as the workload saw it. */
async function callerOf(port: "http" | "any" = "http"): Promise<string | undefined> {
  expect(await mesh.call("foo", "bar", port)).toBe(200);
  return mesh.caller("bar");
}

describe("a DestinationRule", () => {
  test("without a word on TLS leaves it automatic", async () => {
    await mesh.apply(rule(EACH));
    expect(await callerOf()).toBe(spiffe("foo"));
  });

  test("DISABLE: plain text, though the workload would take more", async () => {
    await mesh.apply(rule(`${EACH}, tls: { mode: DISABLE }`));
    expect(await callerOf()).toBeUndefined();
    await mesh.apply(rule(`${EACH}, tls: { mode: DISABLE }`) + strict);
    expect(await mesh.call("foo", "bar")).toBe(503);
  });

  test("ISTIO_MUTUAL: the mesh's certificates", async () => {
    await mesh.apply(rule(`${EACH}, tls: { mode: ISTIO_MUTUAL }`) + strict);
    expect(await callerOf()).toBe(spiffe("foo"));
    expect(await callerOf("any")).toBe(spiffe("foo"));
    expect(await mesh.call("foo", "bar", "bytes")).toBe("got");
    expect(await mesh.call("foo", "bar", "grpc")).toBe(200);
  });

  test("ISTIO_MUTUAL with names: the server must be one of them", async () => {
    await mesh.apply(rule(`${EACH}, tls: { mode: ISTIO_MUTUAL, subjectAltNames: ["${spiffe("bar")}"] }`));
    expect(await callerOf()).toBe(spiffe("foo"));
    await mesh.apply(rule(`${EACH}, tls: { mode: ISTIO_MUTUAL, subjectAltNames: ["${spiffe("bar", "other")}"] }`));
    expect(await mesh.call("foo", "bar")).toBe(503);
  });

  test("of a port says nothing of others", async () => {
    await mesh.apply(rule(`${EACH}, portLevelSettings: [{ port: { number: ${PORTS.any} }, tls: { mode: DISABLE }, ${EACH} }]`));
    expect(await callerOf("any")).toBeUndefined();
    expect(await callerOf("http")).toBe(spiffe("foo"));
  });

  test("of a subset goes before that of the host", async () => {
    const routed = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: httpbin, namespace: foo }
spec:
  hosts: [httpbin.bar.svc.cluster.local]
  http:
    - match: [{ uri: { prefix: /plain } }]
      route: [{ destination: { host: httpbin.bar.svc.cluster.local, subset: plain } }]
    - route: [{ destination: { host: httpbin.bar.svc.cluster.local, subset: mutual } }]
`;
    const subsets = `subsets:
    - { name: plain, labels: { app: httpbin }, trafficPolicy: { tls: { mode: DISABLE } } }
    - { name: mutual, labels: { app: httpbin } }`;
    await mesh.apply(rule(`${EACH}, tls: { mode: ISTIO_MUTUAL }`, subsets) + routed);
    expect(await mesh.call("foo", "bar", "http", "/plain")).toBe(200);
    expect(mesh.caller("bar")).toBeUndefined();
    expect(await callerOf()).toBe(spiffe("foo"));
  });
});

describe("a gateway", () => {
  const ROUTER = "router~10.0.0.9~gateway-1.foo~foo.svc.cluster.local";
  let port: number;
  let passing: number;

  const objects = () => `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gateway, namespace: foo }
spec:
  selector: { app: gateway }
  servers:
    - port: { number: ${port}, name: https, protocol: HTTPS }
      hosts: ["mesh.example.com"]
      tls: { mode: ISTIO_MUTUAL }
    - port: { number: ${passing}, name: tls, protocol: TLS }
      hosts: ["*.cluster.local"]
      tls: { mode: AUTO_PASSTHROUGH }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: gateway, namespace: foo }
spec:
  hosts: [mesh.example.com]
  gateways: [gateway]
  http: [{ route: [{ destination: { host: httpbin.bar.svc.cluster.local, port: { number: ${PORTS.http} } } }] }]
`;

  const as = (id: string) => {
    const { certificate: cert, key, authority: ca } = identityOf(id);
    return { cert, key, ca, checkServerIdentity: () => undefined };
  };

  beforeAll(async () => {
    [port, passing] = [await freePort(), await freePort()];
    await mesh.apply(objects() + strict);
    await mesh.mesh.proxyWithIdentity(ROUTER, identityOf(spiffe("foo", "gateway")), {
      LABELS: { app: "gateway" },
      SERVICE_ACCOUNT: "gateway",
    });
  });

  test("ISTIO_MUTUAL: takes peers of the mesh, and calls workloads with its own identity", async () => {
    const tls = { servername: "mesh.example.com", ...as(spiffe("bar")) };
    expect(await getAt({ port, tls }, "mesh.example.com", "/")).toMatchObject({ status: 200, body: "httpbin.bar" });
    expect(mesh.caller("bar")).toBe(spiffe("foo", "gateway"));
    const { ca, checkServerIdentity } = tls;
    await expect(
      getAt({ port, tls: { servername: "mesh.example.com", ca, checkServerIdentity } }, "mesh.example.com", "/"),
    ).rejects.toThrow();
    await expect(getAt({ port }, "mesh.example.com", "/")).rejects.toThrow();
  });

  describe("AUTO_PASSTHROUGH", () => {
    const sni = (name: string, id = spiffe("bar"), ALPNProtocols = ["istio-http/1.1", "istio", "http/1.1"]) => ({
      port: passing,
      tls: { servername: name, ALPNProtocols, ...as(id) },
    });

    test("passes on the mesh's own TLS to the service that SNI names, whose proxy sees who called", async () => {
      expect(await ask(sni("outbound_.8000_._.httpbin.bar.svc.cluster.local"), "http", "httpbin.bar")).toBe(200);
      expect(mesh.caller("bar")).toBe(spiffe("bar"));
      expect(await ask(sni("outbound_.9000_._.httpbin.bar.svc.cluster.local", spiffe("bar"), ["istio"]), "bytes", "")).toBe("got");
    });

    test.each([
      ["a service that is not there", "outbound_.8000_._.other.bar.svc.cluster.local", undefined],
      ["the service by its own name", "httpbin.bar.svc.cluster.local", undefined],
      ["a workload without a proxy", "outbound_.8000_._.httpbin.legacy.svc.cluster.local", undefined],
      ["TLS that is not the mesh's own", "outbound_.8000_._.httpbin.bar.svc.cluster.local", ["http/1.1"]],
    ] as const)("takes nobody to %s", async (_, name, alpn) => {
      expect(await ask(sni(name, spiffe("bar"), alpn === undefined ? undefined : [...alpn]), "http", "httpbin.bar")).toBe("refused");
    });

    test("takes no plain text", async () => {
      expect(await ask({ port: passing }, "http", "httpbin.bar")).toBe("refused");
    });
  });
});
