import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { XDS_TYPES } from "../index.ts";
import { type Issued, pinsOf, TestAuthority } from "../testing/authority.ts";
import { exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

// Every field of `servers[].tls` of a Gateway, each at a host of its own behind one port of one Envoy; and those that a Sidecar's `ingress[].tls` has too, each at a port of its own.

const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";
type Tls = Readonly<Record<string, unknown>>;

let folder: string;
let port: number;
let proxy: RunningProxy;
let authority: TestAuthority;
/** A sidecar, and its workload. */
let inbound: RunningProxy;
let app: Server;
const issued = new Map<string, Issued>();

function issuedTo(name: string): Issued {
  const found = issued.get(name);
  if (found === undefined) throw new Error(`no certificate of ${name}`);
  return found;
}

/** The Gateway's servers by the first label of their host. */
function servers(): Readonly<Record<string, Tls>> {
  const file = (name: string) => join(folder, name);
  const files = { serverCertificate: file("ecdsa.crt"), privateKey: file("ecdsa.key") };
  const mutual = { mode: "MUTUAL", ...files, caCertificates: file("ca.crt") };
  const simple = { mode: "SIMPLE", ...files };
  const both = [
    { serverCertificate: file("rsa.crt"), privateKey: file("rsa.key") },
    { serverCertificate: file("ecdsa.crt"), privateKey: file("ecdsa.key") },
  ];
  return {
    files: simple,
    mutual,
    revoked: { ...mutual, caCrl: file("ca.crl") },
    unreadable: { ...mutual, caCrl: file("none.crl") },
    "revoked-secret": { mode: "MUTUAL", credentialName: "with-crl" },
    "two-files": { mode: "SIMPLE", tlsCertificates: both },
    "two-mutual": { mode: "MUTUAL", tlsCertificates: both.map((files) => ({ ...files, caCertificates: file("ca.crt") })) },
    "two-secrets": { mode: "SIMPLE", credentialNames: ["rsa", "ecdsa"] },
    "other-secret": { mode: "MUTUAL", credentialName: "ecdsa", caCertCredentialName: "others" },
    "own-secret": { mode: "MUTUAL", credentialName: "beside" },
    names: { ...mutual, subjectAltNames: ["friend.test", "spiffe://friend"] },
    spki: { ...mutual, verifyCertificateSpki: [pinsOf(issuedTo("friend.test")).spki] },
    hash: { ...mutual, verifyCertificateHash: [pinsOf(issuedTo("friend.test")).hash] },
    anyone: { ...mutual, insecureSkipVerify: true },
    optional: { ...mutual, mode: "OPTIONAL_MUTUAL" },
    oldest: { ...simple, minProtocolVersion: "TLSV1_0", maxProtocolVersion: "TLSV1_1", cipherSuites: ["ECDHE-ECDSA-AES128-SHA"] },
    newest: { ...simple, minProtocolVersion: "TLSV1_3" },
    older: { ...simple, maxProtocolVersion: "TLSV1_2" },
    cipher: { ...simple, maxProtocolVersion: "TLSV1_2", cipherSuites: ["ECDHE-ECDSA-AES256-GCM-SHA384"] },
    curve: { ...simple, ecdhCurves: ["P-384"] },
  };
}

function secret(name: string, data: Readonly<Record<string, string>>): object {
  return { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: data };
}

const pair = ({ certificate, key }: Issued) => ({ "tls.crt": certificate, "tls.key": key });

function mesh(): string {
  const gateway = {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name: "edge" },
    spec: {
      selector: { app: "ingress" },
      servers: Object.entries(servers()).map(([name, tls]) => ({
        port: { number: port, name: `https-${name}`, protocol: "HTTPS" },
        hosts: [`${name}.test`],
        tls,
      })),
    },
  };
  const answers = {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "answers" },
    spec: {
      hosts: ["*"],
      gateways: ["edge"],
      http: [{ directResponse: { status: 200, body: { string: "served" } } }],
    },
  };
  return [
    gateway,
    answers,
    secret("ecdsa", pair(issuedTo("ecdsa"))),
    secret("rsa", pair(issuedTo("rsa"))),
    secret("with-crl", { ...pair(issuedTo("ecdsa")), "ca.crt": authority.certificate, "ca.crl": issuedTo("crl").certificate }),
    secret("others", { "ca.crt": issuedTo("stranger's authority").certificate }),
    secret("beside", pair(issuedTo("ecdsa"))),
    secret("beside-cacert", { "ca.crt": authority.certificate }),
  ]
    .map((document) => stringify(document))
    .join("---\n");
}

/** Without what a Sidecar takes from nobody but files, in Istio too: Secrets, several certificates, names of clients. */
const OF_SIDECARS = [
  "files",
  "mutual",
  "revoked",
  "spki",
  "hash",
  "anyone",
  "optional",
  "oldest",
  "newest",
  "older",
  "cipher",
  "curve",
] as const;
type OfSidecars = (typeof OF_SIDECARS)[number];
const inboundPort = (name: OfSidecars) => 9000 + OF_SIDECARS.indexOf(name);

function sidecar(): string {
  const ingress = OF_SIDECARS.map((name) => ({
    port: { number: inboundPort(name), protocol: "HTTPS", name },
    defaultEndpoint: `127.0.0.1:${(app.address() as AddressInfo).port}`,
    tls: servers()[name],
  }));
  return stringify({ apiVersion: "networking.istio.io/v1", kind: "Sidecar", metadata: { name: "app" }, spec: { ingress } });
}

beforeAll(async () => {
  app = createServer((_, response) => void response.end("served")).listen(0, "127.0.0.1");
  await once(app, "listening");
  folder = await mkdtemp(join(tmpdir(), "gateway-tls-"));
  port = await freePort();
  authority = await TestAuthority.create();
  const strangers = await TestAuthority.create("Another authority");
  for (const name of ["friend.test", "foe.test", "spiffe://friend", "revoked.test"]) issued.set(name, await authority.issue(name));
  issued.set("ecdsa", await authority.issue("*.test"));
  issued.set("rsa", await authority.issue("*.test", "rsa"));
  issued.set("stranger.test", await strangers.issue("stranger.test"));
  issued.set("stranger's authority", { ...issuedTo("ecdsa"), certificate: strangers.certificate });
  issued.set("crl", { ...issuedTo("ecdsa"), certificate: await authority.revoke(issuedTo("revoked.test")) });
  for (const type of ["ecdsa", "rsa"]) {
    await writeFile(join(folder, `${type}.crt`), issuedTo(type).certificate);
    await writeFile(join(folder, `${type}.key`), issuedTo(type).key);
  }
  await writeFile(join(folder, "ca.crt"), authority.certificate);
  await writeFile(join(folder, "ca.crl"), issuedTo("crl").certificate);
  const view = viewOfYaml(mesh(), { nodeId: ROUTER, metadata: { LABELS: { app: "ingress" } } });
  proxy = await RunningProxy.start({ view, types: XDS_TYPES, nodeId: ROUTER });
  inbound = await RunningProxy.start({ view: viewOfYaml(sidecar()), types: XDS_TYPES });
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await inbound?.[Symbol.asyncDispose]();
  app?.closeAllConnections();
  app?.close();
  await rm(folder, { recursive: true, force: true });
});

function as(client: string | undefined): ConnectionOptions {
  if (client === undefined) return {};
  const { certificate: cert, key } = issuedTo(client);
  return { cert, key };
}

/** `served`, or `reset` where there is no connection. */
async function ask(name: string, more: ConnectionOptions = {}): Promise<string> {
  const tls = { servername: `${name}.test`, rejectUnauthorized: false, ...more };
  const answer = await exchange({ port, tls }, httpRequest(`${name}.test`));
  return answer.includes("served") ? "served" : answer;
}

/** What a connection has come to. */
async function handshake<Value>(name: string, look: (socket: TLSSocket) => Value, more: ConnectionOptions = {}): Promise<Value> {
  const socket = connect({ port, servername: `${name}.test`, rejectUnauthorized: false, ...more });
  try {
    await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return look(socket);
  } finally {
    socket.destroy();
  }
}

test("a gateway has a configuration that Envoy takes, but for a list that cannot be read", () => {
  const reasons = proxy.control.refused.map(({ reason }) => reason);
  expect(reasons.filter((reason) => !reason.includes("none.crl"))).toEqual([]);
  expect(reasons).not.toEqual([]);
});

describe("clients of a server are taken", () => {
  test.each<[server: string, client: string | undefined, outcome: "served" | "reset"]>([
    ["files", undefined, "served"],
    ["mutual", "friend.test", "served"],
    ["mutual", undefined, "reset"],
    ["mutual", "stranger.test", "reset"],
    ["revoked", "friend.test", "served"],
    ["revoked", "revoked.test", "reset"],
    ["unreadable", "friend.test", "reset"],
    ["two-mutual", "friend.test", "served"],
    ["two-mutual", "stranger.test", "reset"],
    ["revoked-secret", "friend.test", "served"],
    ["revoked-secret", "revoked.test", "reset"],
    ["other-secret", "stranger.test", "served"],
    ["other-secret", "friend.test", "reset"],
    ["own-secret", "friend.test", "served"],
    ["own-secret", "stranger.test", "reset"],
    ["names", "friend.test", "served"],
    ["names", "spiffe://friend", "served"],
    ["names", "foe.test", "reset"],
    ["spki", "friend.test", "served"],
    ["spki", "foe.test", "reset"],
    ["hash", "friend.test", "served"],
    ["hash", "foe.test", "reset"],
    ["anyone", "stranger.test", "served"],
    ["anyone", undefined, "reset"],
    ["optional", undefined, "served"],
    ["optional", "friend.test", "served"],
    ["optional", "stranger.test", "reset"],
  ])("%s, of %s: %s", async (server, client, outcome) => {
    expect(await ask(server, as(client))).toBe(outcome);
  });
});

describe("clients of a Sidecar's ingress are taken", () => {
  const old: ConnectionOptions = { minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0", maxVersion: "TLSv1.1" };
  test.each<[server: OfSidecars, client: string | undefined, more: ConnectionOptions, outcome: "served" | "reset"]>([
    ["files", undefined, {}, "served"],
    ["files", undefined, old, "reset"],
    ["mutual", "friend.test", {}, "served"],
    ["mutual", "stranger.test", {}, "reset"],
    ["mutual", undefined, {}, "reset"],
    ["revoked", "friend.test", {}, "served"],
    ["revoked", "revoked.test", {}, "reset"],
    ["spki", "friend.test", {}, "served"],
    ["spki", "foe.test", {}, "reset"],
    ["hash", "friend.test", {}, "served"],
    ["hash", "foe.test", {}, "reset"],
    ["anyone", "stranger.test", {}, "served"],
    ["optional", undefined, {}, "served"],
    ["optional", "stranger.test", {}, "reset"],
    ["oldest", undefined, old, "served"],
    ["newest", undefined, { maxVersion: "TLSv1.2" }, "reset"],
    ["older", undefined, { minVersion: "TLSv1.3" }, "reset"],
    ["older", undefined, {}, "served"],
    ["cipher", undefined, { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }, "reset"],
    ["cipher", undefined, { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" }, "served"],
    ["curve", undefined, { ecdhCurve: "X25519" }, "reset"],
    ["curve", undefined, { ecdhCurve: "P-384" }, "served"],
  ])("%s, of %s, %j: %s", async (server, client, more, outcome) => {
    const tls = { servername: "any.test", rejectUnauthorized: false, ...as(client), ...more };
    const answer = await exchange({ ...inbound.connection("inbound", `10.0.0.1:${inboundPort(server)}`), tls }, httpRequest("any.test"));
    expect(answer.includes("served") ? "served" : answer).toBe(outcome);
  });
});

test("a list of revoked certificates that is moved in the place of another counts at once", async () => {
  expect(await ask("revoked", as("foe.test"))).toBe("served");
  await writeFile(join(folder, "next.crl"), await authority.revoke(issuedTo("foe.test")));
  await rename(join(folder, "next.crl"), join(folder, "ca.crl"));
  await expect.poll(() => ask("revoked", as("foe.test")), { timeout: 15_000 }).toBe("reset");
  expect(await ask("revoked", as("revoked.test"))).toBe("served");
});

describe("versions, ciphers and curves of a server:", () => {
  const old: ConnectionOptions = { minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" };
  test.each<[server: string, client: ConnectionOptions, outcome: "served" | "reset"]>([
    ["oldest", { ...old, maxVersion: "TLSv1.1" }, "served"],
    ["oldest", { minVersion: "TLSv1.2" }, "reset"],
    ["files", { ...old, maxVersion: "TLSv1.1" }, "reset"],
    ["files", { maxVersion: "TLSv1.2" }, "served"],
    ["newest", { maxVersion: "TLSv1.2" }, "reset"],
    ["newest", { minVersion: "TLSv1.3" }, "served"],
    ["older", { minVersion: "TLSv1.3" }, "reset"],
    ["older", { maxVersion: "TLSv1.2" }, "served"],
    ["cipher", { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" }, "served"],
    ["cipher", { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }, "reset"],
    ["older", { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }, "served"],
    ["curve", { ecdhCurve: "P-384" }, "served"],
    ["curve", { ecdhCurve: "X25519" }, "reset"],
    ["files", { ecdhCurve: "X25519" }, "served"],
  ])("%s, %j: %s", async (server, client, outcome) => {
    expect(await ask(server, client)).toBe(outcome);
  });
});

describe("of two certificates the client gets the one that it can verify:", () => {
  test.each([
    ["two-files", "rsa", "rsa_pss_rsae_sha256"],
    ["two-files", "ecdsa", "ecdsa_secp256r1_sha256"],
    ["two-secrets", "rsa", "rsa_pss_rsae_sha256"],
    ["two-secrets", "ecdsa", "ecdsa_secp256r1_sha256"],
  ])("%s, %s", async (server, type, sigalgs) => {
    const serial = await handshake(server, (socket) => socket.getPeerCertificate().serialNumber.toLowerCase(), { sigalgs });
    expect(serial).toBe(issuedTo(type).serialNumber);
  });
});

test("HTTP/2 is offered before HTTP/1.1", async () => {
  const chosen = (ALPNProtocols: string[]) => handshake("files", ({ alpnProtocol }) => alpnProtocol, { ALPNProtocols });
  expect(await chosen(["h2", "http/1.1"])).toBe("h2");
  expect(await chosen(["http/1.1"])).toBe("http/1.1");
});
