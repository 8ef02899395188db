import { type Certificate, chainProblems, pathOf } from "../chain/index.ts";
import type { Identity, TrustDomains } from "../spiffe/index.ts";
import { certificateProver } from "./certificate-prover.ts";

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
    const { identity, serialNumber = "", notAfter = 0 } = await prover.prove({ bearer: undefined, chain, key: "" });
    return { identity, serialNumber, notAfter };
  };
}
