import { readFile, stat } from "node:fs/promises";
import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { IdentityError } from "../identity-error.ts";
import { identityProblem, type TrustDomains } from "../spiffe/index.ts";
import type { Prover } from "./prover.ts";

export interface KubernetesProverOptions {
  /** The cluster's keys for service accounts (its `/openid/v1/jwks`): a file, which may be replaced while the service runs, or a URL. */
  readonly jwks: string;
  /** One of them has to stand in the token's `aud`. Default: `istio-ca`, as Istio's projected tokens have it. */
  readonly audiences?: readonly string[];
  /** Of the token's `iss`. Default: any, since the keys are one cluster's. */
  readonly issuer?: string;
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
}

/** No HMAC: its key would be public. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const LONGEST_TOKEN = 16 * 1024;
/** Seconds by which clocks may differ. */
const TOLERANCE = 10;

/**
 * By the projected token of a Kubernetes service account (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/): signed by the cluster, for this audience, with an end. Tokens from
 * Secrets, which have neither audience nor end, are refused.
 */
export function kubernetesProver(
  { jwks, audiences = ["istio-ca"], issuer, clock = Date.now }: KubernetesProverOptions,
  trustDomains: () => TrustDomains,
): Prover {
  const keys = /^https?:\/\//.test(jwks)
    ? createRemoteJWKSet(new URL(jwks), { timeoutDuration: 5000, cooldownDuration: 10_000 })
    : fileKeys(jwks);
  return {
    method: "kubernetes",
    takes: ({ bearer }) => bearer?.split(".").length === 3,
    async prove({ bearer = "" }) {
      if (bearer.length > LONGEST_TOKEN)
        throw new IdentityError("jwt-invalid", `the token has ${bearer.length} characters; ${LONGEST_TOKEN} are read`);
      const options = {
        algorithms: ALGORITHMS,
        audience: [...audiences],
        requiredClaims: ["exp", "aud", "sub"],
        clockTolerance: TOLERANCE,
        currentDate: new Date(clock()),
        ...(issuer !== undefined && { issuer }),
      };
      const { payload } = await jwtVerify(bearer, keys, options).catch((error: unknown) => {
        throw refusal(error);
      });
      const { namespace, serviceAccount } = accountOf(payload);
      const identity = { trustDomain: trustDomains().trustDomain, namespace, serviceAccount };
      const problem = identityProblem(identity);
      if (problem !== undefined) throw new IdentityError("jwt-invalid", `the token is for no workload: ${problem}`);
      return { identity, evidence: `service account ${namespace}/${serviceAccount}` };
    },
  };
}

function refusal(error: unknown): IdentityError {
  const unavailable = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || !(error instanceof errors.JOSEError);
  if (error instanceof IdentityError) return error;
  if (unavailable)
    return new IdentityError("jwt-keys", "the keys of Kubernetes' service accounts cannot be had now; the log says why", { cause: error });
  return new IdentityError("jwt-invalid", `the token of the service account is refused: ${error.message}`, { cause: error });
}

/** Who the token is for, said twice in it, and the same both times. */
function accountOf(payload: JWTPayload): { readonly namespace: string; readonly serviceAccount: string } {
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(payload.sub ?? "") ?? [];
  const claim = payload["kubernetes.io"] as
    { readonly namespace?: unknown; readonly serviceaccount?: { readonly name?: unknown } } | null | undefined;
  if (
    namespace === undefined ||
    serviceAccount === undefined ||
    claim?.namespace !== namespace ||
    claim.serviceaccount?.name !== serviceAccount
  )
    throw new IdentityError(
      "jwt-invalid",
      'the token is none of a service account: "sub" and the claim "kubernetes.io" name no account, or two',
    );
  return { namespace, serviceAccount };
}

/** Keys of a file, read anew when it is another. */
function fileKeys(path: string): JWTVerifyGetKey {
  let known: { readonly signature: string; readonly keys: JWTVerifyGetKey } | undefined;
  return async (header, token) => {
    const { ino, size, mtimeMs } = await stat(path);
    const signature = `${ino}:${size}:${mtimeMs}`;
    if (known?.signature !== signature)
      known = { signature, keys: createLocalJWKSet(JSON.parse(await readFile(path, "utf8")) as JSONWebKeySet) };
    return known.keys(header, token);
  };
}
