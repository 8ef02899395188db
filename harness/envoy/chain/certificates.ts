import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

// X.509 certificates for tests, in the DER of RFC 5280: Node signs, but writes none. Keys are ECDSA on P-256 and live as long as the process.

/** PEM texts of a certificate, its key, and the authority that both sides trust. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

const OID = {
  commonName: "550403",
  ecdsaWithSha256: "2a8648ce3d040302",
  basicConstraints: "551d13",
  keyUsage: "551d0f",
  subjectAltName: "551d11",
} as const;

const VALID_FOR_DAYS = 2;

function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const length = body.length;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), body]);
}

const sequence = (...items: readonly Uint8Array[]) => der(0x30, ...items);
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const octets = (content: Uint8Array) => der(0x04, content);
const bits = (content: Uint8Array, unused = 0) => der(0x03, Buffer.from([unused]), content);
const name = (text: string) => sequence(der(0x31, sequence(oid(OID.commonName), der(0x0c, Buffer.from(text)))));
const time = (date: Date) => der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));
const extension = (id: string, critical: boolean, value: Uint8Array) =>
  sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), octets(value));

const SIGNATURE_ALGORITHM = sequence(oid(OID.ecdsaWithSha256));
const URI = 0x86;
const DNS = 0x82;

interface Certified {
  readonly pem: string;
  readonly keyPem: string;
  readonly key: KeyObject;
}

function certify(subject: string, issuer: string, extensions: readonly Uint8Array[], signer?: KeyObject): Certified {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const now = Date.now();
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    SIGNATURE_ALGORITHM,
    name(issuer),
    sequence(time(new Date(now - 3_600_000)), time(new Date(now + VALID_FOR_DAYS * 86_400_000))),
    name(subject),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", body, signer ?? privateKey);
  const certificate = sequence(body, SIGNATURE_ALGORITHM, bits(signature));
  return {
    pem: `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64").replace(/.{64}(?=.)/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    key: privateKey,
  };
}

const AUTHORITY = "Meshwright test authority";
let authority: Certified | undefined;
const identities = new Map<string, TlsIdentity>();

/**
 * A certificate whose subject alternative name is `principal` as a URI (for instance `spiffe://cluster.local/ns/default/sa/a`), or as a DNS
 * name where it has no scheme. The same principal gets the same one.
 */
export function identityOf(principal: string): TlsIdentity {
  const known = identities.get(principal);
  if (known !== undefined) return known;
  authority ??= certify(AUTHORITY, AUTHORITY, [
    extension(OID.basicConstraints, true, sequence(der(0x01, Buffer.from([0xff])))),
    // keyCertSign
    extension(OID.keyUsage, true, bits(Buffer.from([0x04]), 2)),
  ]);
  const alternative = der(principal.includes("://") ? URI : DNS, Buffer.from(principal));
  const own = certify("meshwright-test", AUTHORITY, [extension(OID.subjectAltName, false, sequence(alternative))], authority.key);
  const identity = { certificate: own.pem, key: own.keyPem, authority: authority.pem };
  identities.set(principal, identity);
  return identity;
}
