import { Certificate, chainProblems, pathOf } from "../chain/index.ts";
import { IdentityError } from "../identity-error.ts";
import type { Identity, TrustDomains } from "../spiffe/index.ts";
import { certificateProver, LONGEST_CHAIN } from "./certificate-prover.ts";

/** Who shows a chain (DER, the client's own certificate first), and until when that holds, milliseconds since 1970. */
export type ClientIdentifier = (
  chain: readonly Uint8Array[],
) => Promise<{ readonly identity: Identity; readonly serialNumber: string; readonly notAfter: number }>;

/** Tells clients by certificates of somebody else's authorities, which issue them as SPIFFE has it. Throws IdentityError `no-proof` or `certificate-...`. */
export function clientsOf(roots: readonly Certificate[], trustDomains: () => TrustDomains): ClientIdentifier {
  const problemsOf = ([leaf, ...others]: readonly Certificate[]) =>
    chainProblems(leaf === undefined ? [] : pathOf(leaf, others, roots), roots, Date.now());
  const prover = certificateProver({ problemsOf }, trustDomains);
  return async (chain) => {
    goodClientCertificate(chain, roots);
    const { identity, serialNumber = "", notAfter = 0 } = await prover.prove({ bearer: undefined, chain, key: "" });
    return { identity, serialNumber, notAfter };
  };
}

/** RFC 5280, 4.2.1.12: `id-kp-clientAuth` and `anyExtendedKeyUsage`. */
const FOR_CLIENTS = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

/**
 * The certificate of a client of TLS, for whatever names.
 *
 * @param chain DER, the client's own first
 * @throws IdentityError `no-proof` where there is none, or `certificate-...` where no root has signed it, or it is not one for clients
 */
export function goodClientCertificate(chain: readonly Uint8Array[], roots: readonly Certificate[]): Certificate {
  if (chain.length > LONGEST_CHAIN)
    throw new IdentityError("certificate-malformed", `the client shows ${chain.length} certificates; ${LONGEST_CHAIN} are looked at`);
  const [leaf, ...others] = chain.map((der) => Certificate.read(der));
  if (leaf === undefined) throw new IdentityError("no-proof", "the client shows no certificate");
  const [problem] = chainProblems(pathOf(leaf, others, roots), roots, Date.now());
  if (problem !== undefined)
    throw new IdentityError(
      "certificate-untrusted",
      `the client's certificate is not good here: ${problem.message} (certificate ${problem.index} of its chain)`,
    );
  const uses: readonly string[] | undefined = leaf.x509.keyUsage;
  if (uses !== undefined && !uses.some((use) => FOR_CLIENTS.includes(use)))
    throw new IdentityError("certificate-untrusted", "the client's certificate is not for clients: its extendedKeyUsage has no clientAuth");
  return leaf;
}
