import type { TrustDomains } from "../spiffe/index.ts";
import { isJoinToken, type JoinTokens } from "../tokens/index.ts";
import type { Prover } from "./prover.ts";

/** By a join token: the identity is that for which the token was made. */
export function joinTokenProver(tokens: JoinTokens, trustDomains: () => TrustDomains): Prover {
  return {
    method: "join-token",
    takes: ({ bearer }) => bearer !== undefined && isJoinToken(bearer),
    async prove({ bearer = "", key }) {
      const { id, namespace, serviceAccount } = tokens.check(bearer, key);
      return {
        identity: { trustDomain: trustDomains().trustDomain, namespace, serviceAccount },
        evidence: `token ${id}`,
        use: () => tokens.use(bearer, key),
      };
    },
  };
}
