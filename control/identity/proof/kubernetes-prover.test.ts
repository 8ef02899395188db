import { createServer } from "node:http";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { temporary } from "../testing/openssl.ts";
import { kubernetesProver } from "./index.ts";

const DOMAINS = () => ({ trustDomain: "cluster.local", trustDomainAliases: [] });
const CLAIMS = { "kubernetes.io": { namespace: "default", serviceaccount: { name: "reviews", uid: "1" }, pod: { name: "reviews-1" } } };
const SUBJECT = "system:serviceaccount:default:reviews";
let keys: CryptoKeyPair;
let foreign: CryptoKeyPair;
let jwks: string;

beforeAll(async () => {
  [keys, foreign] = [await generateKeyPair("RS256"), await generateKeyPair("RS256")];
  jwks = JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "RS256", use: "sig" }] });
});

interface Draft {
  readonly claims?: JWTPayload;
  readonly subject?: string;
  readonly audience?: string | string[] | undefined;
  readonly issuer?: string;
  readonly expires?: number | undefined;
  readonly key?: CryptoKeyPair;
  readonly kid?: string;
}

async function tokenOf(draft: Draft = {}): Promise<string> {
  const { claims = CLAIMS, subject = SUBJECT, issuer = "https://kubernetes.default.svc", key = keys, kid = "k1" } = draft;
  const audience = "audience" in draft ? draft.audience : ["istio-ca"];
  const expires = "expires" in draft ? draft.expires : Math.floor(Date.now() / 1000) + 600;
  const token = new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).setSubject(subject).setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  if (expires !== undefined) token.setExpirationTime(expires);
  return token.sign(key.privateKey);
}

function fileOf(content = jwks): string {
  const file = join(temporary(), "jwks.json");
  writeFileSync(file, content);
  return file;
}

const prove = (bearer: string, options: Partial<Parameters<typeof kubernetesProver>[0]> = {}) =>
  kubernetesProver({ jwks: options.jwks ?? fileOf(), ...options }, DOMAINS).prove({ bearer, chain: [], key: "" });

test("a projected token proves the identity of its service account", async () => {
  const token = await tokenOf();
  expect(kubernetesProver({ jwks: fileOf() }, DOMAINS).takes({ bearer: token, chain: [], key: "" })).toBe(true);
  expect(await prove(token)).toEqual({
    identity: { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" },
    evidence: "service account default/reviews",
  });
  await prove(await tokenOf({ audience: ["other", "istio-ca"] }));
});

describe("refused", () => {
  test.each<[string, () => Promise<string>, RegExp]>([
    ["a token with another key", () => tokenOf({ key: foreign }), /signature verification failed/],
    ["a token with a key that is not known", () => tokenOf({ key: foreign, kid: "k2" }), /no applicable key/],
    ["an expired one", () => tokenOf({ expires: Math.floor(Date.now() / 1000) - 60 }), /"exp" claim/],
    ["one without an end", () => tokenOf({ expires: undefined }), /"exp" claim/],
    ["one for another audience", () => tokenOf({ audience: "https://kubernetes.default.svc" }), /"aud" claim/],
    ["one for nobody", () => tokenOf({ audience: undefined }), /"aud" claim/],
    ["one of a user", () => tokenOf({ subject: "admin" }), /none of a service account/],
    ["one whose claims name two accounts", () => tokenOf({ subject: "system:serviceaccount:default:admin" }), /none of a service account/],
    ["one without Kubernetes' claim", () => tokenOf({ claims: {} }), /none of a service account/],
    ["one with a claim of another kind", () => tokenOf({ claims: { "kubernetes.io": "x" } }), /none of a service account/],
    [
      "one for a namespace that is none",
      () =>
        tokenOf({
          subject: "system:serviceaccount:a/b:reviews",
          claims: { "kubernetes.io": { namespace: "a/b", serviceaccount: { name: "reviews" } } },
        }),
      /namespace "a\/b" is no name/,
    ],
    [
      "one without a signature",
      async () => `${new UnsecuredJWT(CLAIMS).setSubject(SUBJECT).setAudience("istio-ca").setExpirationTime("1h").encode()}`,
      /"?alg"?/i,
    ],
    [
      "one signed with the public key as a secret",
      async () =>
        new SignJWT(CLAIMS)
          .setProtectedHeader({ alg: "HS256", kid: "k1" })
          .setSubject(SUBJECT)
          .setAudience("istio-ca")
          .setExpirationTime("1h")
          .sign(Buffer.from(jwks)),
      /"alg"/,
    ],
    ["one that is cut off", async () => (await tokenOf()).slice(0, -8), /signature verification failed/],
    ["no token at all", async () => "a.b.c", /./],
    ["a huge one", async () => `${"a".repeat(20_000)}.b.c`, /20004 characters/],
  ])("%s", async (_, make, reason) => {
    const token = await make();
    const error: unknown = await prove(token).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "jwt-invalid", message: expect.stringMatching(reason) });
    expect((error as Error).message).not.toContain(token.slice(-20));
  });

  test("one of another issuer, where one is asked for", async () => {
    await prove(await tokenOf(), { issuer: "https://kubernetes.default.svc" });
    await expect(prove(await tokenOf({ issuer: "https://elsewhere" }), { issuer: "https://kubernetes.default.svc" })).rejects.toMatchObject(
      { code: "jwt-invalid" },
    );
  });
});

test.each([
  ["a file that is not there", () => join(temporary(), "none")],
  ["a file that is no JSON", () => fileOf("nothing")],
  ["a file without keys", () => fileOf("{}")],
  ["a server that is not there", () => "http://127.0.0.1:1/jwks"],
])("with keys from %s nobody is refused for good", async (_, path) => {
  await expect(prove(await tokenOf(), { jwks: path() })).rejects.toMatchObject({ code: "jwt-keys" });
});

test("keys that are replaced in the file are taken", async () => {
  const file = fileOf();
  const prover = kubernetesProver({ jwks: file }, DOMAINS);
  const token = await tokenOf({ key: foreign, kid: "k2" });
  const presented = { bearer: token, chain: [], key: "" };
  await expect(prover.prove(presented)).rejects.toMatchObject({ code: "jwt-invalid" });
  writeFileSync(file, JSON.stringify({ keys: [{ ...(await exportJWK(foreign.publicKey)), kid: "k2", alg: "RS256" }] }));
  expect(await prover.prove(presented)).toMatchObject({ identity: { serviceAccount: "reviews" } });
});

test("keys come from a URL, too", async () => {
  const server = createServer((_, response) => response.setHeader("content-type", "application/json").end(jwks)).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/openid/v1/jwks`;
  expect(await prove(await tokenOf(), { jwks: url })).toMatchObject({ identity: { namespace: "default" } });
});
