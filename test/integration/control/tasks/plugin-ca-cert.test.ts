import { once } from "node:events";
import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Authority, newRequest, PluggedInSigner } from "../../../../control/identity/index.ts";
import { openssl } from "../../../../control/identity/testing/openssl.ts";
import type { TlsIdentity } from "../../../../harness/envoy/chain/certificates.ts";
import { connectTo } from "../client.ts";
import { ask, IdentityMesh, spiffe } from "./identity-mesh.ts";

// Istio's task "Plug in CA Certificates": a root that is kept elsewhere, an intermediate that signs for this mesh, workloads whose chains lead from one to the other, and another root in its place.

let folder: string;
let signer: PluggedInSigner;
let mesh: IdentityMesh;
let identities: Readonly<Record<"foo" | "bar", TlsIdentity>>;

const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`;

/** A key and its certificate, self-signed or signed by another. */
function certificate(name: string, issuer?: string): void {
  const path = join(folder, name);
  openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", `${path}.key`]);
  writeFileSync(
    `${path}.cnf`,
    "[ext]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n",
  );
  openssl(["req", "-new", "-key", `${path}.key`, "-subj", `/O=Istio/CN=${name}`, "-out", `${path}.csr`]);
  const by = join(folder, issuer ?? "");
  const signed = issuer === undefined ? ["-signkey", `${path}.key`] : ["-CA", `${by}.pem`, "-CAkey", `${by}.key`, "-CAcreateserial"];
  const extensions = ["-extfile", `${path}.cnf`, "-extensions", "ext"];
  openssl(["x509", "-req", "-in", `${path}.csr`, ...signed, "-days", "30", ...extensions, "-out", `${path}.pem`]);
}

const pem = (name: string) => readFileSync(join(folder, `${name}.pem`), "utf8");

/** The files of Istio's Secret `cacerts`. */
function plug(intermediate: string, ...roots: readonly [string, ...string[]]): void {
  copyFileSync(join(folder, `${intermediate}.pem`), join(folder, "ca-cert.pem"));
  copyFileSync(join(folder, `${intermediate}.key`), join(folder, "ca-key.pem"));
  writeFileSync(join(folder, "root-cert.pem"), roots.map(pem).join(""));
  writeFileSync(join(folder, "cert-chain.pem"), pem(intermediate) + pem(roots[0]));
}

async function issue(namespace: string, by = signer): Promise<TlsIdentity> {
  const identity = { trustDomain: "cluster.local", namespace, serviceAccount: "httpbin" };
  const { csr, key } = await newRequest(identity);
  const { chain, roots } = await new Authority({ signer: by }).sign(csr, identity);
  return { certificate: chain, key, authority: roots };
}

/** The certificates that a workload shows, from its own to the root. */
async function shown(): Promise<readonly string[]> {
  const { certificate: cert, key, authority: ca } = identities.bar;
  const tls = { cert, key, ca, checkServerIdentity: () => undefined, ALPNProtocols: ["istio"] };
  const socket = connectTo({ port: mesh.program("foo").ports.bytes, tls }) as TLSSocket;
  await once(socket, "secureConnect");
  const subjects: string[] = [];
  for (let each: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true); each !== undefined;) {
    subjects.push(String(each.subject?.CN ?? each.subjectaltname));
    each = each.issuerCertificate === each || subjects.length > 5 ? undefined : each.issuerCertificate;
  }
  socket.destroy();
  return subjects;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cacerts-"));
  certificate("root");
  certificate("cluster1", "root");
  certificate("root-2");
  certificate("cluster1-2", "root-2");
  plug("cluster1", "root");
  signer = await PluggedInSigner.open(folder);
  identities = { foo: await issue("foo"), bar: await issue("bar") };
  mesh = await IdentityMesh.start(strict, identities);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  signer?.[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

test("workloads call each other, where mTLS alone is taken", async () => {
  expect([await mesh.call("bar", "foo"), await mesh.call("foo", "bar", "bytes")]).toEqual([200, "got"]);
  expect(mesh.caller("foo")).toBe(spiffe("bar"));
});

test("a workload shows its certificate, that of the intermediate, and those lead to the root", async () => {
  expect(await shown()).toEqual([`URI:${spiffe("foo")}`, "cluster1", "root"]);
  const leaf = new X509Certificate(identities.foo.certificate);
  expect(leaf.verify(new X509Certificate(pem("cluster1")).publicKey)).toBe(true);
});

test("a workload of another root is not taken", async () => {
  plug("cluster1-2", "root-2");
  const other = await PluggedInSigner.open(folder);
  const { certificate: cert, key } = await issue("bar", other);
  other[Symbol.dispose]();
  const tls = { cert, key, ca: identities.foo.authority, checkServerIdentity: () => undefined, ALPNProtocols: ["istio"] };
  expect(await ask({ port: mesh.program("foo").ports.bytes, tls }, "bytes", "")).toBe("refused");
});

test("the root is exchanged by way of both, and nobody's call fails", async () => {
  const calls = async () => [await mesh.call("bar", "foo"), await mesh.call("foo", "bar")];
  // Both are trusted, and the first still signs; then the second signs; then it alone is trusted.
  for (const [intermediate, ...roots] of [
    ["cluster1", "root", "root-2"],
    ["cluster1-2", "root-2", "root"],
    ["cluster1-2", "root-2"],
  ] as const) {
    plug(intermediate, ...(roots as unknown as [string]));
    await signer.refresh();
    for (const namespace of ["foo", "bar"] as const) {
      await mesh.secrets(namespace).rotate(await issue(namespace));
      expect([intermediate, roots, ...(await calls())]).toEqual([intermediate, roots, 200, 200]);
    }
  }
});
