import { hash } from "node:crypto";
import { type Authority, type CertificateRequest, type IssuedCertificate, readRequest } from "../authority/index.ts";
import { IdentityError } from "../identity-error.ts";
import type { Proof, ProofMethod, Prover } from "../proof/index.ts";
import { RateLimit } from "../proof/index.ts";
import type { Revocations } from "../revocations/index.ts";

/** A request as it came, whatever brought it. */
export interface ClientRequest {
  /** PEM. */
  readonly csr: string;
  /** Milliseconds; 0 is the default. */
  readonly lifetime: number;
  /** Values of the metadata `authorization`. */
  readonly authorization: readonly string[];
  /** Certificates of the TLS connection, DER, the client's own first. */
  readonly chain: readonly Uint8Array[];
  /** Address of the client. */
  readonly source: string;
}

export interface IssuedEvent {
  readonly certificate: IssuedCertificate;
  readonly method: ProofMethod;
  readonly evidence: string;
  readonly source: string;
}

export interface RefusedEvent {
  readonly error: IdentityError;
  /** What was shown as a proof; undefined where nothing was, or it was not looked at. */
  readonly method: ProofMethod | undefined;
  readonly source: string;
}

/** Hears of every certificate and every refusal. Nothing that it is given is secret. */
export interface IdentityObserver {
  issued?(event: IssuedEvent): void;
  refused?(event: RefusedEvent): void;
}

export interface CertificateServiceOptions {
  readonly authority: Authority;
  /** Ways to prove an identity; the first that takes what is shown decides. */
  readonly provers: readonly Prover[];
  /** What gets nothing, whatever it proves. Default: nothing is revoked. */
  readonly revocations?: Revocations;
  readonly rateLimit?: RateLimit;
  readonly observer?: IdentityObserver;
  /** Requests that may be under way; one more is refused. Default: 5,000. */
  readonly pending?: number;
}

/** Issues certificates to whoever proves to be somebody. */
export class CertificateService {
  private readonly options: CertificateServiceOptions;
  private readonly rateLimit: RateLimit;
  private readonly pending: number;
  private underWay = 0;

  constructor(options: CertificateServiceOptions) {
    this.options = options;
    this.rateLimit = options.rateLimit ?? new RateLimit();
    this.pending = options.pending ?? 5000;
  }

  get authority(): Authority {
    return this.options.authority;
  }

  /** @throws IdentityError, which was counted */
  async create(request: ClientRequest): Promise<IssuedCertificate> {
    let method: ProofMethod | undefined;
    this.underWay += 1;
    try {
      if (this.underWay > this.pending)
        throw new IdentityError("rate-limit", "too many requests for certificates at once; try again in a second");
      this.rateLimit.request(request.source);
      const csr = readRequest(request.csr);
      const presented = { bearer: bearerOf(request.authorization), chain: request.chain, key: hash("sha256", csr.publicKey) };
      const prover = this.options.provers.find((each) => each.takes(presented));
      if (prover === undefined) throw noProof(presented.bearer !== undefined);
      ({ method } = prover);
      const proof = await prover.prove(presented);
      this.options.revocations?.require(proof.identity, proof.serialNumber);
      const certificate = await this.issue(csr, proof, request.lifetime);
      this.options.observer?.issued?.({ certificate, method, evidence: proof.evidence, source: request.source });
      return certificate;
    } catch (thrown) {
      const error = IdentityError.from(thrown);
      if (error.code !== "rate-limit" && !isOurs(error)) this.rateLimit.refused(request.source);
      this.options.observer?.refused?.({ error, method, source: request.source });
      throw error;
    } finally {
      this.underWay -= 1;
    }
  }

  /** What can be used up is used when the request is known to be good: one that is not costs no use. */
  private async issue(csr: CertificateRequest, { identity, use }: Proof, lifetime: number): Promise<IssuedCertificate> {
    const order = this.authority.order(csr, identity, lifetime);
    await use?.();
    return this.authority.fulfil(order);
  }
}

/** Whether the fault lies on this side. */
export function isOurs({ code }: IdentityError): boolean {
  return code === "state" || code === "signer" || code === "internal" || code === "jwt-keys";
}

function bearerOf(authorization: readonly string[]): string | undefined {
  const [value, ...others] = authorization;
  if (value === undefined) return undefined;
  const token = /^Bearer +(\S+) *$/i.exec(value)?.[1];
  // With two of them somebody in between may have looked at the other one.
  if (token === undefined || others.length > 0)
    throw new IdentityError("no-proof", 'the metadata authorization is to be there once, as "Bearer TOKEN"');
  return token;
}

function noProof(bearer: boolean): IdentityError {
  return bearer
    ? new IdentityError(
        "token-unknown",
        "the bearer token is of no kind that this service takes: a join token, or one of a Kubernetes service account where their keys are known (--kubernetes-jwks)",
      )
    : new IdentityError(
        "no-proof",
        "nothing proves who asks: show a join token (authorization: Bearer TOKEN), or a certificate of this mesh on the TLS connection",
      );
}
