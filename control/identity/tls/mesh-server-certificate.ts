import type { Authority, IssuedCertificate } from "../authority/index.ts";
import { newRequest } from "../request/index.ts";
import type { Identity } from "../spiffe/index.ts";

export interface MeshServerCertificateOptions {
  readonly authority: Authority;
  /** Of the service itself: what proxies look for when they connect. Asked at each renewal. */
  readonly identity: () => Identity;
  /** Milliseconds for which a certificate of the service is good. Default: the authority's. */
  readonly lifetime?: number;
  /** Hears why the next certificate could not be had; it is tried again. Default: nobody. */
  readonly warn?: (message: string) => void;
}

/** PEM. */
interface KeyPair {
  readonly certificate: string;
  readonly key: string;
  /** The roots of the mesh. */
  readonly clientAuthorities: string;
}

/** Milliseconds before a failed renewal is tried again. */
const RETRY = 10_000;
/** Milliseconds between two renewals at least, whatever the clock says. */
const MIN_WAIT = 500;
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * The certificate of the control service itself, of the mesh's own authority: renewed at half of its life and whenever the roots change, without a connection being lost. It is a `ServerCertificate`
 * of `control/tls`.
 */
export class MeshServerCertificate implements Disposable {
  private readonly options: MeshServerCertificateOptions;
  private readonly listeners = new Set<() => void>();
  private readonly unsubscribe: () => void;
  private timer: NodeJS.Timeout | undefined;
  private pair: KeyPair;
  private ended = false;

  private constructor(options: MeshServerCertificateOptions, issued: { readonly key: string; readonly certificate: IssuedCertificate }) {
    this.options = options;
    this.pair = this.take(issued);
    this.unsubscribe = options.authority.onRootsChanged(() => void this.renew());
  }

  /** @throws IdentityError where the first certificate cannot be had */
  static async start(options: MeshServerCertificateOptions): Promise<MeshServerCertificate> {
    return new MeshServerCertificate(options, await issue(options));
  }

  current(): KeyPair {
    return this.pair;
  }

  /** @returns ends that */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    this.ended = true;
    this.unsubscribe();
    clearTimeout(this.timer);
  }

  private take({ key, certificate }: { readonly key: string; readonly certificate: IssuedCertificate }): KeyPair {
    this.plan(Math.max(MIN_WAIT, (certificate.notAfter - Date.now()) / 2));
    return { key, certificate: certificate.chain, clientAuthorities: certificate.roots };
  }

  private async renew(): Promise<void> {
    try {
      this.pair = this.take(await issue(this.options));
      if (!this.ended) for (const listener of this.listeners) listener();
    } catch (error) {
      this.options.warn?.(`the control service's own certificate could not be renewed: ${(error as Error).message}`);
      this.plan(RETRY);
    }
  }

  private plan(milliseconds: number): void {
    clearTimeout(this.timer);
    if (!this.ended) this.timer = setTimeout(() => void this.renew(), Math.min(milliseconds, LONGEST_TIMER)).unref();
  }
}

async function issue({ identity: identityOf, authority, lifetime = 0 }: MeshServerCertificateOptions) {
  const identity = identityOf();
  const { key, csr } = await newRequest(identity);
  return { key, certificate: await authority.sign(csr, identity, lifetime) };
}
