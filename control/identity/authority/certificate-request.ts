import { createPublicKey, type KeyObject, verify } from "node:crypto";
import {
  type Attribute,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  ExtensionsAttribute,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
} from "../x509.ts";
import { readPem } from "../chain/index.ts";
import { IdentityError } from "../identity-error.ts";
import { requireGoodKey } from "./key-strength.ts";

/** A request for a certificate whose signature is good and that asks for nothing that a workload may not have. */
export interface CertificateRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** The URI that it asks for; undefined where it leaves that to the proof of identity. */
  readonly uri: string | undefined;
  readonly der: Buffer;
}

/** Bytes of DER. One with a key of RSA 4096 has some 1,700. */
const LONGEST = 16 * 1024;
const LIMITS = { berOptions: { maxDepth: 24, maxNodes: 1000, maxContentLength: LONGEST } };
const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
const HASHES: ReadonlyMap<string, string> = new Map([
  ["SHA-256", "sha256"],
  ["SHA-384", "sha384"],
  ["SHA-512", "sha512"],
]);
/** How a SubjectPublicKeyInfo with an uncompressed point begins: on P-256, on P-384 (RFC 5480, 2). */
const POINTS = ["3059301306072a8648ce3d020106082a8648ce3d03010703420004", "3076301006072a8648ce3d020106052b8104002203620004"].map((hex) =>
  Buffer.from(hex, "hex"),
);
const SIGNATURES = new Set(["ECDSA", "RSASSA-PKCS1-v1_5"]);

/**
 * Reads and checks a request (PKCS #10, RFC 2986), PEM or DER. Of what it says only the key and the one URI are used further; all else is refused rather than passed over, since whoever
 * asks for an authority's rights or for another's name is not to be answered with less.
 *
 * @throws IdentityError `csr-...`
 */
export function readRequest(csr: string | Uint8Array): CertificateRequest {
  const der = typeof csr === "string" ? derOf(csr) : Buffer.from(csr);
  if (der.length > LONGEST) throw new IdentityError("csr-malformed", `the request has ${der.length} bytes; ${LONGEST} are read`);
  const whole = elementAt(der, 0);
  if (whole?.end !== der.length) throw new IdentityError("csr-malformed", "the request is no DER: its length is another than its bytes");
  const request = attempt(() => new Pkcs10CertificateRequest(new Uint8Array(der), LIMITS));
  const spki = attempt(() => Buffer.from(request.publicKey.rawData));
  const key = keyOf(spki);
  const signed = elementAt(der, whole.content);
  if (signed === undefined) throw new IdentityError("csr-malformed", "the request is no DER: its first part has no length");
  requireSignature(request, der.subarray(whole.content, signed.end), key);
  requireBareSubject(attempt(() => request.subjectName.toJSON().flatMap((each) => Object.entries(each))));
  const uri = attempt(() => checkExtensions(extensionsOf(request.attributes)));
  return { publicKey: spki, uri, der };
}

function derOf(pem: string): Buffer {
  if (pem.length > 2 * LONGEST)
    throw new IdentityError("csr-malformed", `the request has ${pem.length} characters; ${2 * LONGEST} are read`);
  const blocks = readPem(pem);
  const [block] = blocks;
  // `NEW` is what older tools write: RFC 7468, 7.
  if (block === undefined || blocks.length > 1 || !/^(NEW )?CERTIFICATE REQUEST$/.test(block.label))
    throw new IdentityError("csr-malformed", "the request is no PEM with one block BEGIN CERTIFICATE REQUEST");
  return block.der;
}

/** The SEQUENCE of DER that begins at `at`: where its content begins, and where it ends; undefined where there is none. */
function elementAt(der: Buffer, at: number): { readonly content: number; readonly end: number } | undefined {
  const first = der[at + 1];
  if (der[at] !== 0x30 || first === undefined) return undefined;
  if (first < 0x80) return { content: at + 2, end: at + 2 + first };
  const size = first & 0x7f;
  // DER has one form for each length (X.690, 10.1): as short as it can be.
  if (size < 1 || size > 3 || der.length < at + 2 + size || der[at + 2] === 0) return undefined;
  const length = der.readUIntBE(at + 2, size);
  return length < 0x80 ? undefined : { content: at + 2 + size, end: at + 2 + size + length };
}

/** The parser throws many kinds of errors, lazily; each of them means the same. */
function attempt<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof IdentityError) throw error;
    throw new IdentityError("csr-malformed", "the request is no PKCS #10 request (RFC 2986)", { cause: error });
  }
}

function keyOf(spki: Buffer): KeyObject {
  let key: KeyObject;
  try {
    // OpenSSL looks at whether a point lies on its curve.
    key = createPublicKey({ key: spki, format: "der", type: "spki" });
  } catch (error) {
    throw new IdentityError("csr-key", "the request's public key cannot be read", { cause: error });
  }
  requireGoodKey(key, "csr-key", "the request's key");
  // A curve spelled out by its parameters, or a point in another form, is a second way to write the same key (CVE-2020-0601).
  const usual =
    key.asymmetricKeyType === "ec"
      ? POINTS.some((head) => spki.subarray(0, head.length).equals(head))
      : key.export({ format: "der", type: "spki" }).equals(spki);
  if (!usual) throw new IdentityError("csr-key", "the request's public key is not in its usual form: a named curve, an uncompressed point");
  return key;
}

function requireSignature(request: Pkcs10CertificateRequest, signed: Buffer, key: KeyObject): void {
  const { name, hash } = attempt(() => request.signatureAlgorithm);
  const digest = HASHES.get(hash?.name ?? "");
  if (!SIGNATURES.has(name) || digest === undefined)
    throw new IdentityError(
      "csr-signature",
      `the request is signed with ${name} and ${hash?.name ?? "no hash"}; sign it with ECDSA or RSA and SHA-256`,
    );
  if (!attempt(() => verify(digest, signed, key, Buffer.from(request.signature))))
    throw new IdentityError("csr-signature", "the request's signature is not that of its key");
}

/** A workload's certificate has no subject. Istio's agents send an empty organization, and what is an organization names nobody. */
function requireBareSubject(fields: readonly (readonly [string, unknown])[]): void {
  const other = fields.find(([name]) => name !== "O");
  if (other !== undefined)
    throw new IdentityError(
      "csr-names",
      `the request has a subject with ${other[0]}; workloads are named by their SPIFFE id alone, so leave the subject empty`,
    );
}

function extensionsOf(attributes: readonly Attribute[]): readonly Extension[] {
  const other = attributes.find(({ type }) => type !== EXTENSION_REQUEST);
  if (other !== undefined)
    throw new IdentityError("csr-names", `the request has the attribute ${other.type}; extensionRequest is the only one that is known`);
  const [attribute, ...more] = attributes;
  if (attribute === undefined) return [];
  if (more.length > 0 || attribute.values.length !== 1 || !(attribute instanceof ExtensionsAttribute))
    throw new IdentityError("csr-malformed", "the request has more than one list of extensions, or none in its attribute");
  const ids = attribute.items.map(({ type }) => type);
  if (new Set(ids).size < ids.length) throw new IdentityError("csr-malformed", "an extension stands twice in the request");
  return attribute.items;
}

/** @returns the one URI that is asked for */
function checkExtensions(extensions: readonly Extension[]): string | undefined {
  let uri: string | undefined;
  for (const extension of extensions) {
    if (extension instanceof SubjectAlternativeNameExtension) uri = onlyUri(extension);
    else if (extension instanceof BasicConstraintsExtension) requireNoAuthority(extension.ca);
    else if (extension instanceof KeyUsagesExtension)
      requireNoAuthority((extension.usages & (KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign)) !== 0);
    else if (extension instanceof ExtendedKeyUsageExtension) checkUsages(extension.usages.map(String));
    else if (extension.type !== SUBJECT_KEY_IDENTIFIER)
      throw new IdentityError("csr-names", `the request has the extension ${extension.type}; a workload's certificate has none such`);
  }
  return uri;
}

function onlyUri({ names: { items } }: SubjectAlternativeNameExtension): string {
  const [name, ...others] = items;
  if (name === undefined || others.length > 0 || name.type !== "url")
    throw new IdentityError("csr-names", "the request asks for names other than one URI, its SPIFFE id");
  return name.value;
}

function requireNoAuthority(authority: boolean): void {
  if (authority) throw new IdentityError("csr-ca", "the request asks for the rights of a certificate authority");
}

function checkUsages(usages: readonly string[]): void {
  const allowed: readonly string[] = [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth];
  const other = usages.find((each) => !allowed.includes(each));
  if (other !== undefined)
    throw new IdentityError("csr-names", `the request asks for the extended key usage ${other}; workloads have serverAuth and clientAuth`);
}
