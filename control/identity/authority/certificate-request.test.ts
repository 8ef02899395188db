import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
} from "../x509.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IdentityError } from "../identity-error.ts";
import { openssl, requestOf, temporary } from "../testing/openssl.ts";
import { quickRequest } from "../testing/requests.ts";
import { readRequest } from "./index.ts";

const URI = "spiffe://cluster.local/ns/default/sa/reviews";

/** The code with which a request is refused; `taken` where it is not. */
async function judge(csr: string | Uint8Array): Promise<string> {
  return Promise.resolve(csr)
    .then(readRequest)
    .then(
      () => "taken",
      (error: unknown) => {
        expect(error).toBeInstanceOf(IdentityError);
        return (error as IdentityError).code;
      },
    );
}

const sans = (...names: readonly ConstructorParameters<typeof SubjectAlternativeNameExtension>[0][]) =>
  names.map((each) => new SubjectAlternativeNameExtension(each));

test("a request is read: its key, and the one URI that it asks for", async () => {
  const { csr, der } = await quickRequest(URI);
  expect(readRequest(csr)).toMatchObject({ uri: URI, der });
  expect(readRequest(der)).toMatchObject({ uri: URI });
  expect(readRequest((await quickRequest()).csr)).toMatchObject({ uri: undefined });
});

test.each([
  ["a subject with an empty organization, as of Istio's agents", "O=", "taken"],
  ["a subject with a common name", "CN=admin", "csr-names"],
  ["a subject with an organization and a common name", "O=shop\nCN=admin", "csr-names"],
])("%s", async (_, subject, code) => {
  expect(await judge(requestOf(temporary(), `URI:${URI}`, { subject: subject === "O=" ? "O=shop" : subject }).csr)).toBe(code);
});

describe("what a workload may not have is refused", () => {
  test.each<[string, readonly Extension[], string]>([
    [
      "a second URI",
      sans([
        { type: "url", value: URI },
        { type: "url", value: `${URI}2` },
      ]),
      "csr-names",
    ],
    [
      "a DNS name beside the URI",
      sans([
        { type: "url", value: URI },
        { type: "dns", value: "example.com" },
      ]),
      "csr-names",
    ],
    ["a DNS name alone", sans([{ type: "dns", value: "example.com" }]), "csr-names"],
    ["an address", sans([{ type: "ip", value: "10.0.0.1" }]), "csr-names"],
    ["no name in the list of names", sans([]), "csr-names"],
    ["two lists of names", sans([{ type: "url", value: URI }], [{ type: "url", value: URI }]), "csr-malformed"],
    ["the CA bit", [new BasicConstraintsExtension(true, 2, true)], "csr-ca"],
    ["no CA bit, said so", [new BasicConstraintsExtension(false, undefined, true)], "taken"],
    ["a key that signs certificates", [new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign)], "csr-ca"],
    ["a key that signs revocations", [new KeyUsagesExtension(KeyUsageFlags.cRLSign)], "csr-ca"],
    ["the usual key usage", [new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment)], "taken"],
    ["servers and clients", [new ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"])], "taken"],
    ["code signing", [new ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.3"])], "csr-names"],
    ["any extended key usage", [new ExtendedKeyUsageExtension(["2.5.29.37.0"])], "csr-names"],
    ["name constraints", [new Extension("2.5.29.30", true, Buffer.from("3000", "hex"))], "csr-names"],
    ["an extension that nobody knows", [new Extension("1.2.3.4", false, Buffer.from("0500", "hex"))], "csr-names"],
    ["an extension that is broken", [new Extension("2.5.29.17", false, Buffer.from("30ff01", "hex"))], "csr-malformed"],
  ])("%s", async (_, extensions, code) => {
    const own = extensions.some(({ type }) => type === "2.5.29.17");
    expect(await judge((await quickRequest(own ? undefined : URI, extensions)).csr)).toBe(code);
  });
});

describe("keys", () => {
  test.each<[string, readonly [string, string], string]>([
    ["RSA of 1024 bits", ["rsa", "1024"], "csr-key"],
    ["P-521", ["ec", "P-521"], "csr-key"],
    ["P-224", ["ec", "P-224"], "csr-key"],
    ["secp256k1", ["ec", "secp256k1"], "csr-key"],
    ["Ed25519", ["ed25519", ""], "csr-key"],
  ])("%s is refused", async (_, key, code) => {
    expect(await judge(requestOf(temporary(), `URI:${URI}`, { key: [...key] }).csr)).toBe(code);
  });

  test.each([
    ["RSA with the exponent 3", ["RSA", "rsa_keygen_bits:2048", "rsa_keygen_pubexp:3"]],
    ["a curve that is spelled out", ["EC", "ec_paramgen_curve:P-256", "ec_param_enc:explicit"]],
  ])("%s is refused", async (_, [algorithm = "", ...options]) => {
    const file = join(temporary(), "key.pem");
    openssl(["genpkey", "-algorithm", algorithm, ...options.flatMap((each) => ["-pkeyopt", each]), "-out", file]);
    expect(await judge(openssl(["req", "-new", "-key", file, "-subj", "/"]))).toBe("csr-key");
  });

  test("a point in compressed form is refused", async () => {
    const folder = temporary();
    const { keyFile } = requestOf(folder, undefined);
    const file = join(folder, "compressed.pem");
    openssl(["ec", "-in", keyFile, "-conv_form", "compressed", "-out", file]);
    expect(await judge(openssl(["req", "-new", "-key", file, "-subj", "/"]))).toBe("csr-key");
  });
});

describe("bytes", () => {
  test.each<[string, (pem: string, der: Buffer) => string | Uint8Array, string]>([
    ["nothing", () => "", "csr-malformed"],
    ["garbage", () => "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "csr-malformed"],
    ["no base64", () => "-----BEGIN CERTIFICATE REQUEST-----\nA!AA\n-----END CERTIFICATE REQUEST-----\n", "csr-malformed"],
    ["another label", (pem) => pem.replaceAll("CERTIFICATE REQUEST", "CERTIFICATE"), "csr-malformed"],
    ["the older label", (pem) => pem.replaceAll("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"), "taken"],
    ["two requests", (pem) => `${pem}\n${pem}`, "csr-malformed"],
    ["bytes behind it", (_, der) => Buffer.concat([der, Buffer.from([0])]), "csr-malformed"],
    ["cut off", (_, der) => der.subarray(0, -1), "csr-malformed"],
    ["an indefinite length", (_, der) => Buffer.concat([Buffer.from([0x30, 0x80]), der.subarray(3), Buffer.from([0, 0])]), "csr-malformed"],
    ["a length in too many bytes", (_, der) => Buffer.concat([Buffer.from([0x30, 0x83, 0, 0]), der.subarray(2)]), "csr-malformed"],
    ["a megabyte of DER", () => Buffer.concat([Buffer.from([0x30, 0x83, 0x10, 0, 0]), Buffer.alloc(0x100000)]), "csr-malformed"],
    [
      "a megabyte of PEM",
      () => `-----BEGIN CERTIFICATE REQUEST-----\n${"A".repeat(1024 * 1024)}\n-----END CERTIFICATE REQUEST-----\n`,
      "csr-malformed",
    ],
    ["nested a thousand deep", () => nested(1000), "csr-malformed"],
  ])("%s", async (_, change, code) => {
    const { csr, der } = await quickRequest(URI);
    expect(await judge(change(csr, der))).toBe(code);
  });

  test("a signature of another key is refused", async () => {
    const [one, other] = [await quickRequest(URI), await quickRequest(URI)];
    const spki = Buffer.from(await crypto.subtle.exportKey("spki", other.keys.publicKey));
    const own = Buffer.from(await crypto.subtle.exportKey("spki", one.keys.publicKey));
    const at = one.der.indexOf(own);
    expect(at).toBeGreaterThan(0);
    expect(await judge(Buffer.concat([one.der.subarray(0, at), spki, one.der.subarray(at + own.length)]))).toBe("csr-signature");
  });

  test("SHA-1 is refused", async () => {
    const file = join(temporary(), "key.pem");
    openssl(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", file]);
    expect(await judge(openssl(["req", "-new", "-sha1", "-key", file, "-subj", "/"]))).toBe("csr-signature");
  });

  test("one byte changed anywhere: refused, or, where the signature is only written in another way, the same request", async () => {
    const { der } = await quickRequest(URI);
    await fc.assert(
      fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(der);
        changed[at] = (changed[at] ?? 0) ^ change;
        await refusedOrSame(changed, der);
      }),
      { numRuns: 400 },
    );
  });

  test("bytes cut out, doubled and made up: the same", async () => {
    const { der } = await quickRequest(URI);
    await fc.assert(
      fc.asyncProperty(fc.nat(der.length), fc.nat(40), fc.uint8Array({ maxLength: 20 }), async (at, length, bytes) => {
        await refusedOrSame(Buffer.concat([der.subarray(0, at), bytes, der.subarray(at + length)]), der);
      }),
      { numRuns: 300 },
    );
  });
});

async function refusedOrSame(changed: Buffer, der: Buffer): Promise<void> {
  const judged = await judge(changed);
  if (judged !== "taken") return expect(judged).toMatch(/^csr-/);
  const [one, other] = [readRequest(changed), readRequest(der)];
  expect([one.uri, one.publicKey.equals(other.publicKey)]).toEqual([other.uri, true]);
}

/** SEQUENCE in SEQUENCE, with right lengths. */
function nested(depth: number): Buffer {
  let bytes = Buffer.from([0x30, 0]);
  for (let i = 0; i < depth; i++) {
    const { length } = bytes;
    const head = length < 0x80 ? [0x30, length] : length < 0x100 ? [0x30, 0x81, length] : [0x30, 0x82, length >> 8, length & 0xff];
    bytes = Buffer.concat([Buffer.from(head), bytes]);
  }
  return bytes;
}
