import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openssl, requestOf, temporary, verify } from "../testing/openssl.ts";
import { Authority, EmbeddedSigner } from "./index.ts";

const REVIEWS = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };
const URI = "spiffe://cluster.local/ns/default/sa/reviews";

test.each([
  ["P-256", ["ec", "P-256"]],
  ["P-384", ["ec", "P-384"]],
  ["RSA 2048", ["rsa", "2048"]],
])("a certificate for a key of %s is one that OpenSSL takes, for servers and clients", async (_, key) => {
  const folder = temporary();
  const authority = new Authority({ signer: await EmbeddedSigner.open(folder, { name: "cluster.local" }) });
  const { csr, keyFile } = requestOf(folder, `URI:${URI}`, { key });
  const issued = await authority.sign(csr, REVIEWS);
  expect(verify(folder, issued.chain, issued.roots, "sslserver")).toBe("OK");
  expect(verify(folder, issued.chain, issued.roots, "sslclient")).toBe("OK");
  const leaf = new X509Certificate(issued.chain);
  expect(leaf.publicKey.export({ format: "pem", type: "spki" })).toBe(openssl(["pkey", "-in", keyFile, "-pubout"]));
  expect(leaf).toMatchObject({
    subject: undefined,
    subjectAltName: `URI:${URI}`,
    ca: false,
    serialNumber: issued.serialNumber.toUpperCase(),
  });
  expect(leaf.validFromDate.getTime()).toBe(issued.notBefore);
  expect(openssl(["x509", "-noout", "-text"], issued.chain)).toMatch(
    /X509v3 Basic Constraints: critical\s+CA:FALSE\s+X509v3 Key Usage: critical\s+Digital Signature, Key Encipherment\s+X509v3 Extended Key Usage: \s+TLS Web Server Authentication, TLS Web Client Authentication\s+X509v3 Subject Alternative Name: critical/,
  );
  expect(readFileSync(`${folder}/authority.json`, "utf8")).toContain("meshwright authority");
});
