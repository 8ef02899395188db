import { fromBinary } from "@bufbuild/protobuf";
import { X509Certificate } from "node:crypto";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { SecretSchema } from "../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { typeUrl } from "../../envoy-api/index.ts";
import { MeshIdentity, MeshServerCertificate } from "../../identity/index.ts";
import { listen } from "../../identity/testing/authority-listener.ts";
import { temporary } from "../../identity/testing/openssl.ts";
import { DeltaCall } from "../../xds/transport/testing/grpc-client.ts";
import { type CertificateSource, ProxyIdentity, type ProxyIdentityOptions } from "./index.ts";

const REVIEWS = { namespace: "default", serviceAccount: "reviews" };
const CONTROL = { trustDomain: "cluster.local", namespace: "istio-system", serviceAccount: "istiod" };

interface Lines {
  readonly lines: string[];
  readonly log: ProxyIdentityOptions["log"];
}

function logged(): Lines {
  const lines: string[] = [];
  const write = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { lines, log: { info: write, warn: write, error: write } };
}

/** The authority of a mesh on a port, over TLS unless told otherwise. */
async function authority({ plain = false, lifetime = 0, port = 0 } = {}) {
  const mesh = await MeshIdentity.open({
    directory: temporary(),
    trustDomains: () => ({ trustDomain: "cluster.local", trustDomainAliases: [] }),
    ...(lifetime > 0 && { lifetime }),
  });
  const certificate = plain ? undefined : await MeshServerCertificate.start({ authority: mesh.authority, identity: () => CONTROL });
  let listener = await listen(mesh.certificates, certificate, port);
  const bound = listener.port;
  onTestFinished(async () => {
    await listener[Symbol.asyncDispose]();
    certificate?.[Symbol.dispose]();
    mesh[Symbol.dispose]();
  });
  const roots = mesh.authority.roots();
  const source: CertificateSource = { host: "127.0.0.1", port: bound, ...(!plain && { roots }) };
  const again = async () => void (listener = await listen(mesh.certificates, certificate, bound));
  return { mesh, source, stop: () => listener[Symbol.asyncDispose](), again };
}

/** A proxy's identity, and what Envoy is given on its socket. */
async function proxy(options: Pick<ProxyIdentityOptions, "source"> & Partial<ProxyIdentityOptions> & { readonly with?: string }) {
  const socket = join(temporary(), "secrets");
  const { lines, log } = logged();
  const token = options.with;
  const identity = await ProxyIdentity.start({
    workload: REVIEWS,
    socket,
    log,
    ...(token !== undefined && { token: async () => token }),
    ...options,
  });
  onTestFinished(() => identity[Symbol.asyncDispose]());
  return { lines, socket, identity };
}

/** The next answer on the socket: the names of the secrets, and the certificate. */
class Envoy extends DeltaCall {
  constructor(socket: string, ...names: readonly string[]) {
    super(`unix:${socket}`, "envoy", "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets");
    this.request({ typeUrl: typeUrl(SecretSchema), resourceNamesSubscribe: [...names] });
  }

  async secrets(): Promise<{ readonly names: readonly string[]; readonly certificate: X509Certificate | undefined }> {
    const response = await this.response();
    this.ack(response);
    const secrets = response.resources.map(({ resource }) => fromBinary(SecretSchema, resource?.value ?? new Uint8Array()));
    const [pem] = secrets.flatMap(({ type }) => (type.case === "tlsCertificate" ? [type.value.certificateChain?.specifier.value] : []));
    return { names: secrets.map(({ name }) => name), certificate: pem === undefined ? undefined : new X509Certificate(pem) };
  }
}

test("a token brings a certificate, and whoever is beside the proxy gets it with those to trust", async () => {
  const { mesh, source } = await authority();
  const { socket, lines } = await proxy({ source, with: mesh.tokens.create(REVIEWS).token });
  using envoy = new Envoy(socket, "default", "ROOTCA", "control-authorities", "somebody-else's");
  const { names, certificate } = await envoy.secrets();
  expect([...names].sort()).toEqual(["ROOTCA", "control-authorities", "default"]);
  expect(certificate?.subjectAltName).toBe("URI:spiffe://cluster.local/ns/default/sa/reviews");
  expect(lines.join("\n")).toContain("this proxy has a certificate");
  expect(lines.join("\n")).not.toMatch(/mwj_|PRIVATE/);
});

test("a certificate is renewed by itself, with a token that was good for once", async () => {
  const { mesh, source } = await authority({ lifetime: 6000 });
  // As early as it can be: a busy machine has half of the lifetime for it.
  const { socket } = await proxy({ source, with: mesh.tokens.create(REVIEWS).token, random: () => 0 });
  using envoy = new Envoy(socket, "default");
  const first = await envoy.secrets();
  const begin = performance.now();
  const second = await envoy.secrets();
  const third = await envoy.secrets();
  expect(performance.now() - begin, "half of two lives at least; the wait cannot be shorter, whatever the machine does").toBeGreaterThan(
    1500,
  );
  expect(new Set([first, second, third].map(({ certificate }) => certificate?.serialNumber)).size).toBe(3);
  const keys = [first, second].map(({ certificate }) => certificate?.publicKey.export({ format: "jwk" }));
  expect(keys[1], "each has a key of its own").not.toEqual(keys[0]);
});

test("a control service that is away is asked again, and a new root is trusted with the next certificate", async () => {
  const { mesh, source, stop, again } = await authority({ lifetime: 1500 });
  const { socket, lines } = await proxy({ source, with: mesh.tokens.create({ ...REVIEWS, uses: 1000 }).token });
  using envoy = new Envoy(socket, "default", "ROOTCA");
  await envoy.secrets();
  await stop();
  await mesh.embedded?.prepare();
  await expect.poll(() => lines.join("\n"), { timeout: 20_000 }).toContain("it is asked for again");
  await again();
  const names = new Set<string>();
  while (!names.has("ROOTCA")) for (const name of (await envoy.secrets()).names) names.add(name);
});

test("a certificate that was kept is good for the next process, without a token", async () => {
  const { mesh, source } = await authority();
  const file = join(temporary(), "certificate.json");
  const first = await proxy({ source, file, with: mesh.tokens.create(REVIEWS).token });
  using envoy = new Envoy(first.socket, "default");
  const { certificate } = await envoy.secrets();
  await first.identity[Symbol.asyncDispose]();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const second = await proxy({ source, file });
  using other = new Envoy(second.socket, "default");
  expect((await other.secrets()).certificate?.serialNumber).toBe(certificate?.serialNumber);
});

test.each([
  ["is damaged", (file: string) => writeFileSync(file, "no seal", { mode: 0o600 })],
  ["is open to others", (file: string) => writeFileSync(file, "{}", { mode: 0o644 })],
])("a kept certificate that %s is told of and not used", async (_, damage) => {
  const { mesh, source } = await authority();
  const file = join(temporary(), "certificate.json");
  damage(file);
  const { lines } = await proxy({ source, file, with: mesh.tokens.create(REVIEWS).token });
  expect(lines.join("\n")).toContain("the certificate that was kept is not used");
  expect(lines.join("\n")).toContain("this proxy has a certificate");
});

test.each([
  ["a token that nobody made", { with: "mwj_0123456789abcdef_0123456789abcdef0123456789abcdef" }, /token/],
  ["no token", {}, /nothing proves who asks/],
])("%s is refused with the reason at once", async (_, options, reason) => {
  const { source } = await authority();
  await expect(proxy({ source, ...options })).rejects.toThrow(reason);
});

test("a token of another workload is none for this one", async () => {
  const { mesh, source } = await authority();
  const { token } = mesh.tokens.create({ namespace: "default", serviceAccount: "ratings" });
  await expect(proxy({ source, with: token })).rejects.toThrow("it is for default/ratings, and this proxy is default/reviews");
});

test("who is not the control service gets no token", async () => {
  const { mesh, source } = await authority();
  const other = await authority();
  const { token } = other.mesh.tokens.create(REVIEWS);
  const wrong = await proxy({ source: { ...source, roots: other.mesh.authority.roots() }, with: token });
  await expect.poll(() => wrong.lines.join("\n")).toContain("no certificate could be had");
  const named = await proxy({ source: { ...source, name: "mesh.example" }, with: mesh.tokens.create(REVIEWS).token });
  await expect.poll(() => named.lines.join("\n")).toContain("no certificate could be had");
  expect(mesh.tokens.list().map(({ used }) => used)).toEqual([0]);
});

test("on the loopback interface it goes without TLS, each time by the token", async () => {
  const { mesh, source } = await authority({ plain: true, lifetime: 1500 });
  // On a busy machine some are used before anybody asks on the socket.
  const { socket } = await proxy({ source, with: mesh.tokens.create({ ...REVIEWS, uses: 1000 }).token });
  using envoy = new Envoy(socket, "default");
  const first = await envoy.secrets();
  const second = await envoy.secrets();
  expect(second.certificate?.serialNumber).not.toBe(first.certificate?.serialNumber);
  expect(mesh.tokens.list()[0]?.used).toBeGreaterThan(1);
});
