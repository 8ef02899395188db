import { credentials, status } from "@grpc/grpc-js";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Certificate } from "../chain/index.ts";
import { type Identity, MeshIdentity, type MeshIdentityOptions, MeshServerCertificate, newRequest, RateLimit } from "../index.ts";
import { listen } from "../testing/authority-listener.ts";
import { CertificateClient } from "../testing/certificate-client.ts";
import { temporary, verify } from "../testing/openssl.ts";
import { authorityOf, plug } from "../testing/plugged-in.ts";
import { quickRequest } from "../testing/requests.ts";
import type { IssuedEvent, RefusedEvent } from "./index.ts";

const REVIEWS: Identity = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };
const URI = "spiffe://cluster.local/ns/default/sa/reviews";
const FOR = { namespace: "default", serviceAccount: "reviews" };

interface Mesh {
  readonly identity: MeshIdentity;
  readonly port: number;
  readonly directory: string;
  readonly issued: readonly IssuedEvent[];
  readonly refused: readonly RefusedEvent[];
  client(as?: { readonly chain: string; readonly key: string }): CertificateClient;
}

/** An authority on a port; with `tls` it shows a certificate of its own and asks for one. */
async function mesh(options: Partial<MeshIdentityOptions> & { readonly tls?: boolean } = {}): Promise<Mesh> {
  const directory = options.directory ?? temporary();
  const issued: IssuedEvent[] = [];
  const refused: RefusedEvent[] = [];
  const identity = await MeshIdentity.open({
    directory,
    trustDomains: () => ({ trustDomain: "cluster.local", trustDomainAliases: ["old.example"] }),
    observer: { issued: (event) => void issued.push(event), refused: (event) => void refused.push(event) },
    ...options,
  });
  const roots = Buffer.from(identity.authority.roots());
  const own = { trustDomain: "cluster.local", namespace: "istio-system", serviceAccount: "control" };
  const { authority, certificates } = identity;
  const certificate = options.tls === true ? await MeshServerCertificate.start({ authority, identity: () => own }) : undefined;
  const listener = await listen(certificates, certificate);
  const { port } = listener;
  onTestFinished(async () => {
    await listener[Symbol.asyncDispose]();
    certificate?.[Symbol.dispose]();
    identity[Symbol.dispose]();
  });
  const client = (as?: { readonly chain: string; readonly key: string }) => {
    const pair = as === undefined ? [] : [Buffer.from(as.key), Buffer.from(as.chain)];
    const secure = credentials.createSsl(roots, pair[0] ?? null, pair[1] ?? null, { checkServerIdentity: () => undefined });
    const made = new CertificateClient(port, options.tls === true ? secure : credentials.createInsecure());
    onTestFinished(() => made[Symbol.dispose]());
    return made;
  };
  return { identity, port, directory, issued, refused, client };
}

/** A certificate with its key, as a client has it. */
async function having(
  identity: MeshIdentity,
  who: Identity = REVIEWS,
  lifetime = 0,
): Promise<{ readonly chain: string; readonly key: string }> {
  const { csr, key } = await newRequest();
  return { chain: (await identity.authority.sign(csr, who, lifetime)).chain, key };
}

test("a join token brings a certificate for its namespace and service account, as Istio's agents read it", async () => {
  const { identity, client, issued, refused } = await mesh();
  const { token, id } = identity.tokens.create(FOR);
  const { csr } = await quickRequest(URI);
  const chain = await client().ask(csr, { bearer: token, seconds: 3600 });
  expect(chain).toHaveLength(2);
  const [leaf = "", roots = ""] = chain;
  expect(verify(temporary(), leaf, roots)).toBe("OK");
  const [certificate] = Certificate.readAll(leaf);
  expect(certificate?.names).toMatchObject([{ type: "url", value: URI }]);
  expect((certificate?.notAfter ?? 0) - Date.now()).toBeLessThanOrEqual(3_600_000);
  expect(issued).toMatchObject([{ method: "join-token", evidence: `token ${id}`, source: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }]);
  expect(refused).toEqual([]);
  expect(JSON.stringify(issued)).not.toContain(token.slice(-43));
});

test("a certificate of the mesh brings the next one, for the same identity", async () => {
  const { identity, client, issued } = await mesh({ tls: true });
  const renewing = client(await having(identity));
  const [leaf = ""] = await renewing.ask((await quickRequest(URI)).csr);
  expect(Certificate.readAll(leaf)[0]?.names).toMatchObject([{ value: URI }]);
  // A request that leaves the identity to the proof.
  await renewing.ask((await quickRequest()).csr);
  expect(issued.map(({ method }) => method)).toEqual(["certificate", "certificate"]);
});

test("a certificate whose intermediate was replaced while the service was away brings the next one: the client shows what leads to the root", async () => {
  const [folder, directory] = [temporary(), temporary()];
  const root = authorityOf(folder, "root");
  const intermediates = ["first", "second"].map((name) => authorityOf(folder, name, { issuer: "root" }));
  const use = (own = "") => plug(directory, own, root, [own]);
  use(intermediates[0]);
  const before = await mesh({ directory });
  const held = await having(before.identity);
  before.identity[Symbol.dispose]();
  use(intermediates[1]);
  const { client, issued } = await mesh({ directory, tls: true });
  await client(held).ask((await quickRequest()).csr);
  expect(issued.map(({ method }) => method)).toEqual(["certificate"]);
});

test("a certificate of an alias of the trust domain brings one of the mesh's own name", async () => {
  const { identity, client } = await mesh({ tls: true });
  const [leaf = ""] = await client(await having(identity, { ...REVIEWS, trustDomain: "old.example" })).ask((await quickRequest()).csr);
  expect(Certificate.readAll(leaf)[0]?.names).toMatchObject([{ value: URI }]);
});

describe("refused, and no token is used up by it", () => {
  test.each<[string, (token: string) => Promise<Parameters<CertificateClient["ask"]>>, status, string]>([
    ["nothing that proves anything", async () => [(await quickRequest()).csr], status.UNAUTHENTICATED, "no-proof"],
    [
      "a token of another mesh",
      async () => [(await quickRequest()).csr, { bearer: `mwj_0123456789abcdef_${"A".repeat(43)}` }],
      status.UNAUTHENTICATED,
      "token-unknown",
    ],
    [
      "a bearer token of no kind",
      async () => [(await quickRequest()).csr, { bearer: "whatever" }],
      status.UNAUTHENTICATED,
      "token-unknown",
    ],
    [
      "a token of Kubernetes, whose keys are not known",
      async () => [(await quickRequest()).csr, { bearer: "a.b.c" }],
      status.UNAUTHENTICATED,
      "token-unknown",
    ],
    ["another scheme", async (token) => [(await quickRequest()).csr, { bearer: `Basic ${token}` }], status.UNAUTHENTICATED, "no-proof"],
    [
      "a request for another identity",
      async (token) => [(await quickRequest("spiffe://cluster.local/ns/default/sa/admin")).csr, { bearer: token }],
      status.PERMISSION_DENIED,
      "csr-identity",
    ],
    [
      "a request for another namespace",
      async (token) => [(await quickRequest("spiffe://cluster.local/ns/prod/sa/reviews")).csr, { bearer: token }],
      status.PERMISSION_DENIED,
      "csr-identity",
    ],
    [
      "a request for another trust domain",
      async (token) => [(await quickRequest("spiffe://other/ns/default/sa/reviews")).csr, { bearer: token }],
      status.PERMISSION_DENIED,
      "csr-identity",
    ],
    [
      "a NUL behind the identity",
      async (token) => [(await quickRequest(`${URI}\0.admin`)).csr, { bearer: token }],
      status.PERMISSION_DENIED,
      "csr-identity",
    ],
    ["no request", async (token) => ["", { bearer: token }], status.INVALID_ARGUMENT, "csr-malformed"],
    [
      "a century",
      async (token) => [(await quickRequest()).csr, { bearer: token, seconds: 3_155_760_000 }],
      status.INVALID_ARGUMENT,
      "lifetime",
    ],
    [
      "a negative lifetime",
      async (token) => [(await quickRequest()).csr, { bearer: token, seconds: -1 }],
      status.INVALID_ARGUMENT,
      "lifetime",
    ],
    [
      "the longest number of seconds",
      async (token) => [(await quickRequest()).csr, { bearer: token, seconds: 2n ** 63n - 1n }],
      status.INVALID_ARGUMENT,
      "lifetime",
    ],
  ])("%s", async (_, make, code, reason) => {
    const { identity, client, issued, refused } = await mesh();
    const { token } = identity.tokens.create(FOR);
    await expect(client().ask(...(await make(token)))).rejects.toMatchObject({ code });
    expect(refused.map(({ error }) => error.code)).toEqual([reason]);
    expect([issued, identity.tokens.list()[0]?.state]).toEqual([[], "active"]);
    await client().ask((await quickRequest(URI)).csr, { bearer: token });
  });

  test("a token that somebody else has used before", async () => {
    const { identity, client, refused } = await mesh();
    const { token } = identity.tokens.create(FOR);
    const mine = await quickRequest(URI);
    await client().ask(mine.csr, { bearer: token });
    await expect(client().ask((await quickRequest(URI)).csr, { bearer: token })).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
      details: expect.stringMatching(/was good for one use/),
    });
    // Who lost the answer has the key, and gets another one.
    await client().ask(mine.csr, { bearer: token });
    expect(refused.map(({ error, method }) => [error.code, method])).toEqual([["token-spent", "join-token"]]);
  });

  test("a certificate of another authority, of another trust domain, for no workload", async () => {
    const { identity, client, refused } = await mesh({ tls: true });
    const elsewhere = await mesh();
    const csr = async () => (await quickRequest()).csr;
    // Clients do not show a certificate that the server would not know; one that does is refused all the same.
    await expect(client(await having(elsewhere.identity)).ask(await csr())).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    const { chain } = await having(elsewhere.identity);
    const shown = {
      csr: await csr(),
      lifetime: 0,
      authorization: [],
      chain: Certificate.readAll(chain).map(({ der }) => der),
      source: "10.0.0.1:1",
    };
    await expect(identity.certificates.create(shown)).rejects.toMatchObject({ code: "certificate-untrusted" });
    await expect(client(await having(identity, { ...REVIEWS, trustDomain: "foreign.example" })).ask(await csr())).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
      details: expect.stringMatching(/foreign\.example; this mesh is cluster\.local/),
    });
    expect(refused.map(({ error }) => error.code).slice(1)).toEqual(["certificate-untrusted", "certificate-identity"]);
  });

  test("a certificate that expires while its connection lasts", async () => {
    let now = Date.now();
    const { identity, client, refused } = await mesh({ tls: true, clock: () => now });
    const renewing = client(await having(identity, REVIEWS, 3_600_000));
    await renewing.ask((await quickRequest()).csr);
    now += 3_700_000;
    await expect(renewing.ask((await quickRequest()).csr)).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
      details: expect.stringMatching(/expired at .*join anew with a token/),
    });
    expect(refused.map(({ error }) => error.code)).toEqual(["certificate-untrusted"]);
  });

  test("whose identity is revoked, by every proof, and a certificate that is revoked alone", async () => {
    const { identity, client, refused } = await mesh({ tls: true });
    const [one, other] = [await having(identity), await having(identity)];
    const [leaf] = Certificate.readAll(one.chain);
    identity.revocations.revoke(leaf?.serialNumber ?? "");
    await expect(client(one).ask((await quickRequest()).csr)).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringMatching(/certificate .* is revoked/),
    });
    await expect(identity.identify(leaf === undefined ? [] : [leaf.der])).rejects.toMatchObject({ code: "revoked" });
    await client(other).ask((await quickRequest()).csr);
    identity.revocations.revoke(URI);
    await expect(client(other).ask((await quickRequest()).csr)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    const { token } = identity.tokens.create(FOR);
    await expect(client().ask((await quickRequest()).csr, { bearer: token })).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    expect(refused.slice(1).map(({ error }) => error.code)).toEqual(["revoked", "revoked"]);
    expect(identity.tokens.list()).toMatchObject([{ state: "active" }]);
  });

  test("more than a source may ask, while other sources are served", async () => {
    const { identity, client } = await mesh({ rateLimit: new RateLimit({ burst: 3, rate: 0.001 }) });
    const { token } = identity.tokens.create({ ...FOR, uses: 10 });
    const ask = async () => client().ask((await quickRequest()).csr, { bearer: token });
    for (let i = 0; i < 3; i++) await ask();
    await expect(ask()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: expect.stringMatching(/try again in/) });
    await identity.certificates.create({
      csr: (await quickRequest()).csr,
      lifetime: 0,
      authorization: [`Bearer ${token}`],
      chain: [],
      source: "10.0.0.9:1",
    });
  });
});

test("a full disk: a token cannot be used, and the same token can when there is room", async () => {
  const { identity, client, directory, refused } = await mesh();
  const { token } = identity.tokens.create(FOR);
  const { csr } = await quickRequest(URI);
  symlinkSync("/dev/full", join(directory, "join-tokens.json.new"));
  await expect(client().ask(csr, { bearer: token })).rejects.toMatchObject({ code: status.UNAVAILABLE });
  expect(refused.map(({ error }) => error.code)).toEqual(["state"]);
  // What could not be written was taken away.
  await client().ask(csr, { bearer: token });
});

test("killed after a use was stored and before the certificate was there: who asks again with the same key gets it", async () => {
  const directory = temporary();
  const first = await mesh({ directory });
  const { token } = first.identity.tokens.create(FOR);
  const { csr } = await quickRequest(URI);
  await first.client().ask(csr, { bearer: token });
  await expect(mesh({ directory })).rejects.toMatchObject({ code: "state", message: expect.stringContaining("another control service") });
  first.identity[Symbol.dispose]();
  const second = await mesh({ directory });
  expect(await second.client().ask(csr, { bearer: token })).toHaveLength(2);
  await expect(second.client().ask((await quickRequest(URI)).csr, { bearer: token })).rejects.toMatchObject({
    code: status.UNAUTHENTICATED,
  });
});

test("who is at the other end of a connection, and until when", async () => {
  const { identity } = await mesh();
  const own = Certificate.readAll((await having(identity, { ...REVIEWS, trustDomain: "old.example" })).chain);
  const { notAfter, serialNumber } = own[0] ?? {};
  expect(await identity.identify(own.map(({ der }) => der))).toEqual({ identity: REVIEWS, notAfter, serialNumber });
  await expect(identity.identify([])).rejects.toMatchObject({ code: "no-proof" });
  await expect(identity.identify([Buffer.from("30820000", "hex")])).rejects.toMatchObject({ code: "certificate-malformed" });
});

test("two tokens are none", async () => {
  const { identity, refused } = await mesh();
  const { token } = identity.tokens.create(FOR);
  const { csr } = await quickRequest();
  await expect(
    identity.certificates.create({
      csr,
      lifetime: 0,
      authorization: [`Bearer ${token}`, `Bearer ${token}`],
      chain: [],
      source: "10.0.0.1:1",
    }),
  ).rejects.toMatchObject({ code: "no-proof" });
  expect(refused).toHaveLength(1);
});

test("hundreds of workloads at once all have their certificates, of one token", { timeout: 120_000 }, async () => {
  const { identity, client } = await mesh();
  const count = 300;
  const { token } = identity.tokens.create({ ...FOR, uses: count });
  const requests = await Promise.all(Array.from({ length: count }, async () => (await quickRequest(URI)).csr));
  const clients = Array.from({ length: 20 }, () => client());
  const chains = await Promise.all(requests.map(async (csr, i) => (await clients[i % 20]?.ask(csr, { bearer: token })) ?? []));
  const serials = new Set(chains.map(([leaf = ""]) => Certificate.readAll(leaf)[0]?.serialNumber));
  expect([serials.size, identity.tokens.list()[0]?.state]).toEqual([count, "spent"]);
});
