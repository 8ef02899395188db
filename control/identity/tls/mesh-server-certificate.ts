import type { Authority, IssuedCertificate } from "../authority/index.ts";
import { newRequest } from "../request/index.ts";
import type { Identity } from "../spiffe/index.ts";

export interface MeshServerCertificateOptions {
  readonly authority: Authority;
  /** Of the service itself: what proxies look for when they connect. Asked at each renewal. */
  readonly identity: () => Identity;
  /** Milliseconds for which a certificate of the service is good. Default: the authority's. */
  readonly lifetime?: number;
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
  /** Hears why the next certificate could not be had; it is tried again. Default: nobody. */
  readonly warn?: (message: string) => void;
}

/** PEM. */
interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Milliseconds before a failed renewal is tried again. */
const RETRY = 10_000;
/** Milliseconds between two renewals at least, whatever the clock says. */
const MIN_WAIT = 500;
/** Milliseconds between two looks at the clock: it may step, or have stood still while the machine slept. */
const LOOK = 30_000;

/**
 * The certificate of the control service itself, of the mesh's own authority: renewed at half of its life and whenever the roots change, without a connection being lost. It is a `ServerCertificate`
 * of `control/tls`.
 */
export class MeshServerCertificate implements Disposable {
  private readonly options: MeshServerCertificateOptions;
  private readonly listeners = new Set<() => void>();
  private readonly unsubscribe: () => void;
  private timer: NodeJS.Timeout | undefined;
  private readonly clock: () => number;
  private pair: KeyPair;
  private ended = false;

  private constructor(options: MeshServerCertificateOptions, issued: { readonly key: string; readonly certificate: IssuedCertificate }) {
    this.options = options;
    this.clock = options.clock ?? Date.now;
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
    const { notBefore, notAfter } = certificate;
    const now = this.clock();
    this.plan(now, Math.max(now + MIN_WAIT, now + (notAfter - now) / 2), notBefore);
    return { key, certificate: certificate.chain };
  }

  private async renew(): Promise<void> {
    try {
      this.pair = this.take(await issue(this.options));
      if (!this.ended) for (const listener of this.listeners) listener();
    } catch (error) {
      this.options.warn?.(`the control service's own certificate could not be renewed: ${(error as Error).message}`);
      const now = this.clock();
      this.plan(now, now + RETRY, -Infinity);
    }
  }

  /** Renews it at `until`, or as soon as the clock is before `from`, when it was not good yet. */
  private plan(now: number, until: number, from: number): void {
    clearTimeout(this.timer);
    if (this.ended) return;
    const look = (): void => {
      const at = this.clock();
      if (at >= until || at < from) void this.renew();
      else this.plan(at, until, from);
    };
    this.timer = setTimeout(look, Math.min(Math.max(until - now, 1), LOOK)).unref();
  }
}

async function issue({ identity: identityOf, authority, lifetime = 0 }: MeshServerCertificateOptions) {
  const identity = identityOf();
  const { key, csr } = await newRequest(identity);
  return { key, certificate: await authority.sign(csr, identity, lifetime) };
}
