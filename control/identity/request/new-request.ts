import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { formatSpiffeId, type Identity } from "../spiffe/index.ts";
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from "../x509.ts";

export interface KeyAndRequest {
  /** PKCS #8, PEM. It does not leave the machine on which it was made. */
  readonly key: string;
  /** PKCS #10, PEM. */
  readonly csr: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const generate = promisify(generateKeyPair);

/**
 * A new key, ECDSA on P-256, and a request for its certificate.
 *
 * @param identity whom it is for; absent, that is left to the proof
 */
export async function newRequest(identity?: Identity): Promise<KeyAndRequest> {
  const { privateKey, publicKey } = await generate("ec", { namedCurve: "P-256" });
  const cryptoKey = (key: KeyObject, use: "sign" | "verify") => key.toCryptoKey(ALGORITHM, true, [use]) as CryptoKey;
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys: { privateKey: cryptoKey(privateKey, "sign"), publicKey: cryptoKey(publicKey, "verify") },
    signingAlgorithm: ALGORITHM,
    extensions:
      identity === undefined ? [] : [new SubjectAlternativeNameExtension([{ type: "url", value: formatSpiffeId(identity) }], true)],
  });
  return { key: privateKey.export({ format: "pem", type: "pkcs8" }).toString(), csr: `${request.toString("pem")}\n` };
}
