import type { Authority } from "../authority/index.ts";
import { Certificate, certificateIdentity } from "../chain/index.ts";
import { IdentityError } from "../identity-error.ts";
import { inTrustDomain, type TrustDomains } from "../spiffe/index.ts";
import type { Prover } from "./prover.ts";

/** Certificates that a client may show; longer chains are not looked at. */
export const LONGEST_CHAIN = 8;

/**
 * By a certificate that this mesh has issued and that is good now, shown on the TLS connection, which proves that the client has its key. TLS looks at it when the connection begins; it is looked at
 * again here, since a connection may outlast it.
 */
export function certificateProver(authority: Pick<Authority, "problemsOf">, trustDomains: () => TrustDomains): Prover {
  return {
    method: "certificate",
    takes: ({ bearer, chain }) => bearer === undefined && chain.length > 0,
    async prove({ chain }) {
      if (chain.length > LONGEST_CHAIN)
        throw new IdentityError("certificate-malformed", `the client shows ${chain.length} certificates; ${LONGEST_CHAIN} are looked at`);
      const certificates = chain.map((der) => Certificate.read(der));
      const [leaf] = certificates;
      if (leaf === undefined) throw new IdentityError("no-proof", "the client shows no certificate");
      const [problem] = authority.problemsOf(certificates);
      if (problem !== undefined)
        throw new IdentityError(
          "certificate-untrusted",
          `the client's certificate is not good here: ${problem.message} (certificate ${problem.index} of its chain); join anew with a token`,
        );
      const own = certificateIdentity(leaf);
      if (typeof own === "string") throw new IdentityError("certificate-identity", own);
      const domains = trustDomains();
      const identity = inTrustDomain(own, domains);
      if (identity === undefined)
        throw new IdentityError(
          "certificate-identity",
          `the client's certificate is of the trust domain ${own.trustDomain}; this mesh is ${domains.trustDomain}, and that is no alias of it`,
        );
      const { serialNumber, notAfter } = leaf;
      return { identity, evidence: `certificate ${serialNumber}`, serialNumber, notAfter };
    },
  };
}
