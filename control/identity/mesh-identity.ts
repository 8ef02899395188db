import { Authority, EmbeddedSigner, isPluggedIn, PluggedInSigner, type Signer } from "./authority/index.ts";
import {
  certificateProver,
  joinTokenProver,
  kubernetesProver,
  type KubernetesProverOptions,
  type Prover,
  type RateLimit,
} from "./proof/index.ts";
import { CertificateService, type IdentityObserver } from "./service/index.ts";
import { Revocations } from "./revocations/index.ts";
import type { Identity, TrustDomains } from "./spiffe/index.ts";
import { lockDirectory, makeDirectory } from "./store/index.ts";
import { JoinTokens } from "./tokens/index.ts";

export interface MeshIdentityOptions {
  /**
   * Where the authority's state is kept: a root that is made at the first start, and join tokens. Where it holds `ca-cert.pem` and the other files of Istio's `cacerts`, these are the authority.
   */
  readonly directory: string;
  /** Asked at each request: MeshConfig may change. */
  readonly trustDomains: () => TrustDomains;
  /** Another signer than the directory's. Default: none. */
  readonly signer?: Signer;
  /** Milliseconds. Default: 24 hours. */
  readonly lifetime?: number;
  /** Whether, and by what keys, tokens of Kubernetes' service accounts are taken. Default: they are not. */
  readonly kubernetes?: KubernetesProverOptions;
  readonly rateLimit?: RateLimit;
  readonly observer?: IdentityObserver;
  /** Hears what is wrong with the files and goes on. Default: nobody. */
  readonly warn?: (message: string) => void;
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
}

/** The authority of a mesh with its tokens and proofs, in one directory. */
export class MeshIdentity implements Disposable {
  readonly authority: Authority;
  readonly tokens: JoinTokens;
  readonly revocations: Revocations;
  readonly certificates: CertificateService;
  /** The root's own life; undefined where the root is somebody else's. */
  readonly embedded: EmbeddedSigner | undefined;
  private readonly pluggedIn: PluggedInSigner | undefined;
  private readonly byCertificate: Prover;
  private readonly lock: Disposable;

  private constructor(options: MeshIdentityOptions, signer: Signer, tokens: JoinTokens, revocations: Revocations, lock: Disposable) {
    this.lock = lock;
    const { lifetime, clock, kubernetes, trustDomains, rateLimit, observer } = options;
    this.embedded = signer instanceof EmbeddedSigner ? signer : undefined;
    this.pluggedIn = signer instanceof PluggedInSigner ? signer : undefined;
    this.authority = new Authority({ signer, ...(lifetime !== undefined && { lifetime }), ...(clock !== undefined && { clock }) });
    this.tokens = tokens;
    this.revocations = revocations;
    this.byCertificate = certificateProver(this.authority, trustDomains);
    const provers: Prover[] = [
      joinTokenProver(tokens, trustDomains),
      ...(kubernetes === undefined ? [] : [kubernetesProver(kubernetes, trustDomains)]),
      this.byCertificate,
    ];
    this.certificates = new CertificateService({
      authority: this.authority,
      provers,
      revocations,
      ...(rateLimit !== undefined && { rateLimit }),
      ...(observer !== undefined && { observer }),
    });
  }

  /** @throws IdentityError `state` where the directory's files are damaged, open to others or do not belong together, or where another process has it */
  static async open(options: MeshIdentityOptions): Promise<MeshIdentity> {
    const { directory, trustDomains, clock, warn } = options;
    const common = { ...(clock !== undefined && { clock }), ...(warn !== undefined && { warn }) };
    makeDirectory(directory);
    const lock = await lockDirectory(directory);
    try {
      const signer =
        options.signer ??
        (isPluggedIn(directory)
          ? await PluggedInSigner.open(directory, common)
          : await EmbeddedSigner.open(directory, { name: trustDomains().trustDomain, ...common }));
      return new MeshIdentity(options, signer, JoinTokens.open(directory, common), Revocations.open(directory, common), lock);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Who is at the other end of a TLS connection, as of now. TLS itself need not have verified anything.
   *
   * @param chain certificates, DER, the peer's own first
   * @returns the identity, in the mesh's own trust domain, and until when this holds, milliseconds since 1970
   * @throws IdentityError `no-proof`, `certificate-...` or `revoked`
   */
  async identify(
    chain: readonly Uint8Array[],
  ): Promise<{ readonly identity: Identity; readonly serialNumber: string; readonly notAfter: number }> {
    const { identity, serialNumber = "", notAfter = 0 } = await this.byCertificate.prove({ bearer: undefined, chain, key: "" });
    this.revocations.require(identity, serialNumber);
    return { identity, serialNumber, notAfter };
  }

  [Symbol.dispose](): void {
    this.pluggedIn?.[Symbol.dispose]();
    this.lock[Symbol.dispose]();
  }
}
