import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ConnectionOptions } from "node:tls";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { freePort } from "../../../control/xds/types/testing/running-proxy.ts";
import { type Issued, TestAuthority } from "../../../control/xds/types/testing/authority.ts";
import { until } from "../until.ts";
import { RunningMesh } from "./running-mesh.ts";
import { ask, IdentityMesh, type Port, spiffe } from "./tasks/identity-mesh.ts";

const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`;
const PORTS: readonly Port[] = ["http", "bytes", "grpc", "any"];
const GOOD: Readonly<Record<Port, number | string>> = { http: 200, any: 200, grpc: 200, bytes: "got" };
/** As a client of the mesh says what is inside. */
const ALPN: Readonly<Record<Port, string[]>> = {
  http: ["istio-http/1.1", "istio", "http/1.1"],
  grpc: ["istio-h2", "istio", "h2"],
  any: ["istio-http/1.1", "istio"],
  bytes: ["istio"],
};

describe("a workload that takes mTLS alone", () => {
  let mesh: IdentityMesh;
  let foreign: ConnectionOptions;
  let stranger: ConnectionOptions;

  const trusting = { ca: identityOf(spiffe("bar")).authority, checkServerIdentity: () => undefined };
  const as = (id: string): ConnectionOptions => {
    const { certificate: cert, key } = identityOf(id);
    return { cert, key, ...trusting };
  };
  const call = (port: Port, tls: ConnectionOptions | undefined) =>
    ask(
      { port: mesh.program("foo").ports[port], ...(tls === undefined ? {} : { tls: { ALPNProtocols: ALPN[port], ...tls } }) },
      port,
      "httpbin.foo:8000",
    );

  beforeAll(async () => {
    mesh = await IdentityMesh.start(strict);
    const other = await (await TestAuthority.create()).issue(spiffe("bar"));
    stranger = { cert: other.certificate, key: other.key, ...trusting };
    foreign = as(spiffe("bar", "httpbin", "other.example"));
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  describe.each(PORTS)("on the port of %s", (port) => {
    test("answers a peer of the mesh", async () => {
      expect(await call(port, as(spiffe("bar")))).toBe(GOOD[port]);
    });

    test.each<[string, () => ConnectionOptions | undefined]>([
      ["plain text", () => undefined],
      ["TLS without a certificate", () => trusting],
      ["a peer of another trust domain, whose authority it trusts", () => foreign],
      ["a peer whose id only begins with the trust domain", () => as(spiffe("bar", "httpbin", "cluster.local.example"))],
      ["a peer that an unknown authority has signed", () => stranger],
      ["a certificate for a name that is no id", () => as("httpbin.bar.svc.cluster.local")],
      ["TLS 1.0", () => ({ ...as(spiffe("bar")), minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" })],
      ["TLS 1.1", () => ({ ...as(spiffe("bar")), minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" })],
    ])("refuses %s", async (_, tls) => {
      expect(await call(port, tls())).toBe("refused");
    });

    test.each<[string, ConnectionOptions]>([
      ["TLS 1.2", { maxVersion: "TLSv1.2" }],
      ["TLS 1.3", { minVersion: "TLSv1.3" }],
    ])("takes %s", async (_, version) => {
      expect(await call(port, { ...as(spiffe("bar")), ...version })).toBe(GOOD[port]);
    });
  });

  test("refuses plain text to a port of which no service speaks", async () => {
    // That of the redirecting listener; the others here have listeners of their own.
    const place = mesh.sidecar("foo").inbound(`127.0.0.1:${mesh.program("legacy").ports.http}`);
    expect(await ask(place, "http", "httpbin.foo")).toBe("refused");
    expect(await ask({ ...place, tls: { ALPNProtocols: ALPN.http, ...as(spiffe("bar")) } }, "http", "httpbin.foo")).toBe(200);
  });

  test("takes the aliases of the trust domain, as MeshConfig has them, and TLS 1.3 alone where it says so", async () => {
    const config = (more: string) => `${strict}---\napiVersion: v1\nkind: MeshConfig\nmetadata: { name: istio }\n${more}\n`;
    await mesh.apply(config("trustDomainAliases: [other.example]"));
    expect(await call("http", foreign)).toBe(200);
    await mesh.apply(config("meshMTLS: { minProtocolVersion: TLSV1_3 }"));
    expect(await call("http", { ...as(spiffe("bar")), maxVersion: "TLSv1.2" })).toBe("refused");
    expect(await call("http", as(spiffe("bar")))).toBe(200);
    expect(await mesh.call("bar", "foo")).toBe(200);
    await mesh.apply(strict);
    expect(await call("http", foreign)).toBe("refused");
  });

  test("takes the ciphers of TLS 1.2 that MeshConfig names (meshMTLS.cipherSuites), and no others", async () => {
    const by = (ciphers: string) => call("http", { ...as(spiffe("bar")), maxVersion: "TLSv1.2", ciphers });
    const [one, other] = ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"];
    expect([await by(one), await by(other)]).toEqual([200, 200]);
    await mesh.apply(`${strict}---\napiVersion: v1\nkind: MeshConfig\nmetadata: { name: istio }\nmeshMTLS: { cipherSuites: [${one}] }\n`);
    expect([await by(one), await by(other), await mesh.call("bar", "foo")]).toEqual([200, "refused", 200]);
    await mesh.apply(strict);
  });

  test("has certificates exchanged under it, and nobody notices", async () => {
    const { certificate, key, authority } = identityOf(spiffe("foo", "httpbin"));
    expect(await mesh.call("bar", "foo")).toBe(200);
    // The same id with another key, as a renewal has it; then clients trust another authority too.
    const next = await TestAuthority.create("Next");
    const issued = await next.issue(spiffe("foo"));
    const both = `${authority}${next.certificate}\n`;
    await mesh.secrets("bar").rotate({ ...identityOf(spiffe("bar")), authority: both });
    await mesh.secrets("foo").rotate({ ...issued, authority: both });
    expect(await mesh.call("bar", "foo")).toBe(200);
    await mesh.secrets("foo").rotate({ certificate, key, authority });
    await mesh.secrets("bar").rotate(identityOf(spiffe("bar")));
    expect(await mesh.call("bar", "foo")).toBe(200);
  });
});

describe("a client", () => {
  test("closes the connection to a workload that shows another identity", async () => {
    await using mesh = await IdentityMesh.start(strict, { foo: identityOf(spiffe("foo", "other")) });
    expect(await mesh.call("bar", "foo")).toBe(503);
    expect(await mesh.call("bar", "foo", "bytes")).toBe("refused");
  });
});

describe("a proxy without an identity", () => {
  let mesh: IdentityMesh;

  beforeAll(async () => {
    mesh = await IdentityMesh.start("", { foo: undefined });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each(PORTS)("goes on in plain text as before, to and from all, on the port of %s", async (port) => {
    expect([await mesh.call("foo", "bar", port), await mesh.call("legacy", "foo", port)]).toEqual([GOOD[port], GOOD[port]]);
  });

  test("answers nobody where its workload takes mTLS alone, and a problem says so", async () => {
    await mesh.apply(strict);
    for (const port of PORTS) {
      expect([port, await mesh.call("legacy", "foo", port)]).toEqual([port, "refused"]);
      const tls = { ALPNProtocols: ALPN[port], rejectUnauthorized: false, ...certificateOf(spiffe("bar")) };
      expect([port, await ask({ port: mesh.program("foo").ports[port], tls }, port, "httpbin.foo")]).toEqual([port, "refused"]);
    }
    const problems = mesh.mesh.service.problems().map(({ code, message }) => `${code} ${message.slice(0, 48)}`);
    expect(problems).toContain("MW0013 a STRICT workload refuses every connection: prox");
    await mesh.apply("");
    expect(await mesh.call("legacy", "foo")).toBe(200);
  });

  test("sends nothing in plain text where a rule says ISTIO_MUTUAL", async () => {
    await mesh.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: all, namespace: foo }
spec: { host: httpbin.bar.svc.cluster.local, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
`);
    const before = mesh.program("bar").upstream.requests.length;
    expect(await mesh.call("foo", "bar")).toBe(503);
    expect(await mesh.call("foo", "bar", "bytes")).toBe("refused");
    expect(mesh.program("bar").upstream.requests.length).toBe(before);
    expect(await mesh.call("foo", "legacy")).toBe(200);
    await mesh.apply("");
  });
});

test("a gateway without an identity closes connections to a server of ISTIO_MUTUAL, and serves the others", async () => {
  const [mutual, plain] = [await freePort(), await freePort()];
  await using mesh = await IdentityMesh.start(`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gateway, namespace: foo }
spec:
  selector: { app: gateway }
  servers:
    - { port: { number: ${mutual}, name: https, protocol: HTTPS }, hosts: [mesh.example.com], tls: { mode: ISTIO_MUTUAL } }
    - { port: { number: ${plain}, name: http, protocol: HTTP }, hosts: [mesh.example.com] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: gateway, namespace: foo }
spec:
  hosts: [mesh.example.com]
  gateways: [gateway]
  http: [{ route: [{ destination: { host: httpbin.bar.svc.cluster.local, port: { number: 8000 } } }] }]
`);
  await mesh.mesh.proxy("router~10.0.0.9~gateway-1.foo~foo.svc.cluster.local", { LABELS: { app: "gateway" } });
  const tls = { servername: "mesh.example.com", rejectUnauthorized: false, ...certificateOf(spiffe("bar")) };
  expect(await ask({ port: mutual, tls }, "http", "mesh.example.com")).toBe("refused");
  expect(await ask({ port: mutual }, "http", "mesh.example.com")).toBe("refused");
  expect(await ask({ port: plain }, "http", "mesh.example.com")).toBe(200);
});

test("a gateway's ISTIO_MUTUAL refuses clients that caCrl lists, and all where Envoy cannot read it, which status says; other servers go on", async () => {
  const folder = await mkdtemp(join(tmpdir(), "crl-"));
  const authority = await TestAuthority.create();
  const [good, revoked, own] = [
    await authority.issue(spiffe("foo")),
    await authority.issue(spiffe("bar")),
    await authority.issue(spiffe("gate")),
  ];
  await writeFile(join(folder, "list.pem"), await authority.revoke(revoked));
  const port = await freePort();
  const server = (name: string, crl = "") =>
    `{ port: { number: ${port}, name: ${name}, protocol: HTTPS }, hosts: [${name}.example.com], tls: { mode: ISTIO_MUTUAL${crl} } }`;
  await using mesh = await RunningMesh.start({
    "mesh.yaml": `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gateway }
spec:
  selector: { app: gateway }
  servers:
    - ${server("plain")}
    - ${server("listed", `, caCrl: ${folder}/list.pem`)}
    - ${server("missing", `, caCrl: ${folder}/missing.pem`)}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: gateway }
spec: { hosts: ["*.example.com"], gateways: [gateway], http: [{ directResponse: { status: 200 } }] }
`,
  });
  mesh.service.trust([authority.certificate]);
  const identity = { ...own, authority: authority.certificate };
  // It has not everything, and cannot have it.
  await mesh
    .proxyWithIdentity("router~10.0.0.9~gateway-1.default~default.svc.cluster.local", identity, { LABELS: { app: "gateway" } })
    .catch(() => undefined);
  const refused = async () =>
    mesh.service.xds.status().flatMap(({ types }) => types.flatMap((type) => type.refused.map(({ name, reason }) => `${name} ${reason}`)));
  const as = ({ certificate: cert, key }: Issued, host: string) =>
    ask({ port, tls: { servername: `${host}.example.com`, rejectUnauthorized: false, cert, key } }, "http", `${host}.example.com`);
  const shown = await until("the missing list is told of", refused, (all) => all.length > 0);
  expect(shown).toEqual([expect.stringMatching(/^mesh-roots:~crl:\S*missing\.pem .*missing\.pem/)]);
  await until(
    "the listener listens",
    () => as(good, "plain"),
    (answer) => answer === 200,
  );
  expect([await as(good, "listed"), await as(revoked, "listed"), await as(revoked, "plain")]).toEqual([200, "refused", 200]);
  expect([await as(good, "missing"), await as(revoked, "missing")]).toEqual(["refused", "refused"]);
  await rm(folder, { recursive: true });
});

function certificateOf(id: string): ConnectionOptions {
  const { certificate: cert, key } = identityOf(id);
  return { cert, key };
}
