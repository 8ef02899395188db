import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outboundCluster } from "../cluster-name.ts";
import { TestAuthority } from "../testing/authority.ts";
import { Traffic } from "../testing/traffic.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

const encode = (text: string) => Buffer.from(text).toString("base64");

/** A service `NAME.test` behind a server on this machine, to which this TLS is spoken. */
const SERVICE = (name: string, port: number, tls: string) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.test]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec: { host: ${name}.test, trafficPolicy: { tls: { mode: SIMPLE, sni: server.test, ${tls} } } }`;

const SECRET = (name: string, data: Readonly<Record<string, string>>) => `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name} }
type: Opaque
data: { ${Object.entries(data)
  .map(([key, value]) => `${key}: ${encode(value)}`)
  .join(", ")} }`;

describe("servers whose certificates were revoked", () => {
  let folder: string;
  let servers: readonly Server[] = [];
  let traffic: Traffic;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "revoked-"));
    const authority = await TestAuthority.create();
    const [good, revoked] = [await authority.issue("server.test"), await authority.issue("server.test")];
    const list = await authority.revoke(revoked);
    await writeFile(join(folder, "ca.pem"), authority.certificate);
    await writeFile(join(folder, "crl.pem"), list);
    servers = await Promise.all(
      [good, revoked].map(async ({ certificate, key }) => {
        const server = createServer({ cert: certificate, key }, (_, response) => void response.end("here"));
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        return server;
      }),
    );
    const [to, toRevoked] = servers.map((server) => (server.address() as AddressInfo).port);
    const files = `caCertificates: ${join(folder, "ca.pem")}, caCrl: ${join(folder, "crl.pem")}`;
    const mesh = [
      SERVICE("files", to ?? 0, files),
      SERVICE("files-revoked", toRevoked ?? 0, files),
      SERVICE("files-without-list", toRevoked ?? 0, `caCertificates: ${join(folder, "ca.pem")}`),
      SERVICE("secret", to ?? 0, "credentialName: listed"),
      SERVICE("secret-revoked", toRevoked ?? 0, "credentialName: listed"),
      SERVICE("generic-revoked", toRevoked ?? 0, "credentialName: generic"),
      SERVICE("beside-revoked", toRevoked ?? 0, "credentialName: beside"),
      SECRET("listed", { "ca.crt": authority.certificate, "ca.crl": list }),
      SERVICE("string-data", to ?? 0, "credentialName: string-data"),
      `${SECRET("string-data", {}).replace(/data: .*$/, "")}stringData: { ca.crt: ${JSON.stringify(authority.certificate)} }`,
      SERVICE("other-type", to ?? 0, "credentialName: other-type"),
      SECRET("other-type", { "ca.crt": authority.certificate }).replace("Opaque", "kubernetes.io/basic-auth"),
      SECRET("generic", { cacert: authority.certificate, crl: list }),
      SECRET("beside-cacert", { "ca.crt": authority.certificate, "ca.crl": list }),
    ];
    traffic = await Traffic.start(viewOfYaml(mesh.join("")));
  });
  afterAll(async () => {
    await traffic?.[Symbol.asyncDispose]();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ["caCrl: a certificate that is not listed holds", "files", 200],
    ["caCrl: one that is does not", "files-revoked", 503],
    ["without caCrl it does", "files-without-list", 200],
    ["a Secret's ca.crl: a certificate that is not listed holds", "secret", 200],
    ["a Secret's ca.crl: one that is does not", "secret-revoked", 503],
    ["a Secret's crl, Istio's name", "generic-revoked", 503],
    ["a Secret's stringData", "string-data", 200],
    ["a Secret of a type that says nothing to a mesh is none", "other-type", 503],
    ["that of NAME-cacert", "beside-revoked", 503],
  ])("%s", async (_, name, status) => {
    const cluster = outboundCluster(`${name}.test`, 80);
    expect((await traffic.get(cluster)).status).toBe(status);
    if (/revoked$/.test(name)) expect(await traffic.stat(cluster, "ssl.fail_verify_error")).toBeGreaterThan(0);
  });

  test("Envoy takes all of it", () => {
    expect(traffic.proxy.refusals()).toEqual([]);
  });
});
