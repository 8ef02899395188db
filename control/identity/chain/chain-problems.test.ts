import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { IdentityError } from "../identity-error.ts";
import { temporary, verify } from "../testing/openssl.ts";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  Extension,
  type GeneralNameType,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "../x509.ts";
import { Certificate, certificateIdentity, chainProblems } from "./index.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const URI = "spiffe://cluster.local/ns/default/sa/reviews";
const DAY = 86_400_000;

interface Issued {
  readonly certificate: Certificate;
  readonly keys: CryptoKeyPair;
}

interface Draft {
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly usage?: KeyUsageFlags;
  readonly from?: number;
  readonly until?: number;
  readonly names?: readonly { readonly type: GeneralNameType; readonly value: string }[];
  readonly more?: readonly Extension[];
}

/** A certificate of which each part may be wrong. */
async function issue(name: string, issuer: Issued | undefined, draft: Draft = {}): Promise<Issued> {
  const {
    ca = true,
    pathLength,
    usage = ca ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature,
    from = -DAY,
    until = DAY,
    names,
    more = [],
  } = draft;
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const made = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: issuer === undefined ? `CN=${name}` : issuer.certificate.subject,
    notBefore: new Date(Date.now() + from),
    notAfter: new Date(Date.now() + until),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(ca, pathLength, true),
      new KeyUsagesExtension(usage, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(issuer === undefined ? [] : [await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey)]),
      ...(names === undefined ? [] : [new SubjectAlternativeNameExtension([...names])]),
      ...more,
    ],
  });
  return { certificate: Certificate.read(Buffer.from(made.rawData)), keys };
}

const WORKLOAD: Draft = { ca: false, names: [{ type: "url", value: URI }] };
let root: Issued;
beforeAll(async () => {
  root = await issue("root", undefined);
});

/** Codes of the problems, in the end what OpenSSL thinks of it. */
async function judge(...path: readonly Issued[]): Promise<readonly string[]> {
  const chain = path.map(({ certificate }) => certificate);
  const openssl = verify(temporary(), chain.map(({ pem }) => pem).join(""), root.certificate.pem, "any");
  return [
    ...chainProblems(chain, [root.certificate], Date.now()).map(({ code, index }) => `${code} ${index}`),
    openssl === "OK" ? "OK" : "refused",
  ];
}

test("a chain of any length is good, and so is one with its root in it", async () => {
  const upper = await issue("upper", root, { pathLength: 1 });
  const lower = await issue("lower", upper, { pathLength: 0 });
  const leaf = await issue("leaf", lower, WORKLOAD);
  expect(await judge(leaf, lower, upper)).toEqual(["OK"]);
  expect(await judge(leaf, lower, upper, root)).toEqual(["OK"]);
  expect(await judge(await issue("leaf", root, WORKLOAD))).toEqual(["OK"]);
});

describe("OpenSSL and this agree that a chain is bad", () => {
  test.each<[string, Draft, Draft, string]>([
    ["whose issuer is no authority", { ca: false }, WORKLOAD, "issuer-is-no-ca 1"],
    ["whose issuer may not sign certificates", { usage: KeyUsageFlags.digitalSignature }, WORKLOAD, "issuer-may-not-sign 1"],
    ["whose issuer has expired", { until: -1000 }, WORKLOAD, "expired 1"],
    ["whose issuer is not valid yet", { from: DAY / 2 }, WORKLOAD, "not-yet-valid 1"],
    ["that has expired", {}, { ...WORKLOAD, until: -1000 }, "expired 0"],
    ["that is not valid yet", {}, { ...WORKLOAD, from: DAY / 2 }, "not-yet-valid 0"],
    [
      "with a critical extension that nobody knows",
      {},
      { ...WORKLOAD, more: [new Extension("1.2.3.4", true, Buffer.from("0500", "hex"))] },
      "unknown-critical-extension 0",
    ],
  ])("%s", async (_, issuerDraft, leafDraft, problem) => {
    const issuer = await issue("issuer", root, issuerDraft);
    const codes = await judge(await issue("leaf", issuer, leafDraft), issuer);
    expect(codes).toContain(problem);
    expect(codes.at(-1)).toBe("refused");
  });

  test("with more authorities than one of them allows", async () => {
    const upper = await issue("upper", root, { pathLength: 0 });
    const lower = await issue("lower", upper);
    const codes = await judge(await issue("leaf", lower, WORKLOAD), lower, upper);
    expect(codes).toEqual(["path-too-long 2", "refused"]);
  });

  test("whose issuer is missing, or is another of the same name", async () => {
    const issuer = await issue("issuer", root);
    const leaf = await issue("leaf", issuer, WORKLOAD);
    expect(await judge(leaf)).toEqual(["untrusted 0", "refused"]);
    const codes = await judge(leaf, await issue("issuer", root));
    expect(codes).toEqual(["not-issued 0", "refused"]);
  });
});

test("nothing is no chain, and an authority is no workload", () => {
  expect(chainProblems([], [root.certificate], Date.now())).toMatchObject([{ code: "untrusted" }]);
  expect(chainProblems([root.certificate], [root.certificate], Date.now())).toMatchObject([{ code: "is-ca" }]);
});

describe("whom a certificate is for", () => {
  test.each<[string, Draft["names"], RegExp | object]>([
    ["one SPIFFE id", [{ type: "url", value: URI }], { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" }],
    ["no name", undefined, /no name/],
    [
      "two ids",
      [
        { type: "url", value: URI },
        { type: "url", value: `${URI}2` },
      ],
      /has 2 names/,
    ],
    [
      "an id and a host",
      [
        { type: "url", value: URI },
        { type: "dns", value: "example.com" },
      ],
      /has 2 names/,
    ],
    ["a host", [{ type: "dns", value: "example.com" }], /of type dns/],
    ["a NUL behind the id", [{ type: "url", value: `${URI}\0.example.com` }], /service account/],
    ["another URI", [{ type: "url", value: "https://example.com" }], /no SPIFFE id/],
  ])("%s", async (_, names, expected) => {
    const { certificate } = await issue("leaf", root, { ca: false, ...(names !== undefined && { names }) });
    const identity = certificateIdentity(certificate);
    if (expected instanceof RegExp) expect(identity).toMatch(expected);
    else expect(identity).toEqual(expected);
  });
});

test("bytes changed anywhere: no other identity is trusted, and nothing but IdentityErrors is thrown", async () => {
  const { certificate } = await issue("leaf", root, WORKLOAD);
  fc.assert(
    fc.property(fc.nat(certificate.der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Buffer.from(certificate.der);
      changed[at] = (changed[at] ?? 0) ^ change;
      try {
        const read = Certificate.read(changed);
        if (chainProblems([read], [root.certificate], Date.now()).length === 0)
          expect(certificateIdentity(read)).toEqual(certificateIdentity(certificate));
      } catch (error) {
        expect(error).toBeInstanceOf(IdentityError);
      }
    }),
    { numRuns: 500 },
  );
});
