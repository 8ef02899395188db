import { type ChainProblem, Certificate, certificateIdentity, chainProblems, pathOf } from "../chain/index.ts";
import { IdentityError } from "../identity-error.ts";
import { formatSpiffeId, type Identity, identityProblem } from "../spiffe/index.ts";
import { type CertificateRequest, readRequest } from "./certificate-request.ts";
import { BACKDATED, newSerialNumber } from "./issuer.ts";
import type { CertificateOrder, Signer } from "./signer.ts";

export interface AuthorityOptions {
  readonly signer: Signer;
  /** Milliseconds for which a certificate is good, where its request says nothing. Default: 24 hours, as Istio's `DEFAULT_WORKLOAD_CERT_TTL`. */
  readonly lifetime?: number;
  /** Milliseconds at most. Default: 90 days, as Istio's `MAX_WORKLOAD_CERT_TTL`. */
  readonly longestLifetime?: number;
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
}

/** A workload's certificate, and what goes with it. */
export interface IssuedCertificate {
  readonly identity: Identity;
  /** PEM: the workload's own, then those of the authorities that stand between it and a root. */
  readonly chain: string;
  /** PEM: every root that is trusted. */
  readonly roots: string;
  /** Hexadecimal, lower case. */
  readonly serialNumber: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const HOUR = 3_600_000;

/** Issues certificates to workloads whose identity has been proved. */
export class Authority {
  readonly signer: Signer;
  private readonly lifetime: number;
  private readonly longestLifetime: number;
  private readonly clock: () => number;
  private trusted: { readonly pems: readonly string[]; readonly certificates: readonly Certificate[] } | undefined;

  constructor({ signer, lifetime = 24 * HOUR, longestLifetime = 90 * 24 * HOUR, clock = Date.now }: AuthorityOptions) {
    if (!(lifetime >= 1000 && lifetime <= longestLifetime))
      throw new RangeError(`a lifetime of ${lifetime} ms is not between a second and ${longestLifetime} ms`);
    this.signer = signer;
    this.lifetime = lifetime;
    this.longestLifetime = longestLifetime;
    this.clock = clock;
  }

  /** Every root that is trusted now, PEM. */
  roots(): string {
    return this.signer.roots().join("");
  }

  /** Calls back after each change of the roots, until the function that it returns is called. */
  onRootsChanged(listener: () => void): () => void {
    return this.signer.onRootsChanged(listener);
  }

  /**
   * Issues a certificate for the key of a request.
   *
   * Nothing of it is kept: serial numbers are random, so a process that is killed in between has forgotten nothing that matters, and whoever did not get the answer asks again.
   *
   * @param csr PKCS #10, PEM or DER
   * @param identity whom the certificate is for, proved by whoever calls
   * @param lifetime milliseconds; the default where it is 0 or absent
   * @throws IdentityError `csr-...`, `lifetime`, `state` or `signer`
   */
  async sign(csr: string | Uint8Array, identity: Identity, lifetime = 0): Promise<IssuedCertificate> {
    return this.fulfil(this.order(readRequest(csr), identity, lifetime));
  }

  /**
   * The first half of {@link sign}: what a request that was read comes to. Nothing is signed yet.
   *
   * @throws IdentityError `csr-identity` or `lifetime`
   */
  order({ publicKey, uri: asked, der }: CertificateRequest, identity: Identity, lifetime = 0): CertificateOrder {
    const problem = identityProblem(identity);
    if (problem !== undefined) throw new IdentityError("csr-identity", `no certificate can name this identity: ${problem}`);
    const uri = formatSpiffeId(identity);
    if (asked !== undefined && asked !== uri)
      throw new IdentityError("csr-identity", `the request is for another identity than the one that was proved, ${uri}`);
    const now = Math.floor(this.clock() / 1000) * 1000;
    return {
      identity,
      uri,
      publicKey,
      request: der,
      serialNumber: newSerialNumber(),
      notBefore: now - BACKDATED,
      notAfter: now + this.checkedLifetime(lifetime),
    };
  }

  /** The second half. */
  async fulfil(order: CertificateOrder): Promise<IssuedCertificate> {
    const signed = await this.signer.sign(order).catch((error: unknown) => {
      if (error instanceof IdentityError) throw error;
      throw new IdentityError("signer", "the certificate could not be signed now; try again later", { cause: error });
    });
    const chain = Certificate.readAll(signed);
    const [leaf] = chain;
    if (leaf === undefined) throw new IdentityError("signer", "nothing was signed");
    if (!this.signer.local) this.check(order, chain);
    const { serialNumber, notBefore, notAfter } = leaf;
    return { identity: order.identity, chain: signed, roots: this.roots(), serialNumber, notBefore, notAfter };
  }

  /** What is wrong with a chain that a peer shows, as of now: the workload's certificate first. */
  problemsOf(chain: readonly Certificate[]): readonly ChainProblem[] {
    const [leaf, ...others] = chain;
    const roots = this.trustedCertificates();
    return chainProblems(leaf === undefined ? [] : pathOf(leaf, [...others, ...this.signer.intermediates()], roots), roots, this.clock());
  }

  /** Every root that is trusted now, read; the one that signs first where it is one of them. */
  trustedCertificates(): readonly Certificate[] {
    const pems = this.signer.roots();
    if (this.trusted?.pems !== pems) this.trusted = { pems, certificates: pems.flatMap((pem) => Certificate.readAll(pem)) };
    return this.trusted.certificates;
  }

  /** When the first of the roots ends, and when the certificate that signs, milliseconds since 1970. */
  expiry(): { readonly root: number; readonly signing: number } {
    const roots = this.trustedCertificates();
    return { root: Math.min(...roots.map(({ notAfter }) => notAfter)), signing: this.signer.signingEnds() };
  }

  private checkedLifetime(lifetime: number): number {
    if (lifetime === 0) return this.lifetime;
    if (Number.isFinite(lifetime) && lifetime >= 1000 && lifetime <= this.longestLifetime) return Math.floor(lifetime / 1000) * 1000;
    throw new IdentityError(
      "lifetime",
      `a certificate for ${lifetime / 1000} seconds is asked for; from 1 to ${this.longestLifetime / 1000} seconds can be had, 0 is the default of ${this.lifetime / 1000}`,
    );
  }

  /** @throws IdentityError `signer` where it is not what was ordered */
  private check({ uri, publicKey, notBefore, notAfter }: CertificateOrder, chain: readonly Certificate[]): void {
    const wrong = (what: string) => new IdentityError("signer", `the certificate that was signed is not used: ${what}`);
    const [leaf] = chain;
    if (leaf === undefined) throw wrong("there is none");
    const [problem] = this.problemsOf(chain);
    if (problem !== undefined) throw wrong(problem.message);
    const named = certificateIdentity(leaf);
    if (typeof named === "string") throw wrong(named);
    if (formatSpiffeId(named) !== uri) throw wrong("it is for another identity");
    if (!leaf.publicKey.export({ format: "der", type: "spki" }).equals(publicKey)) throw wrong("it is for another key");
    if (leaf.notBefore < notBefore || leaf.notAfter > notAfter) throw wrong("it is good for longer than was ordered");
  }
}
