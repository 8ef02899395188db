import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import type { Authority, IssuedCertificate } from "../authority/index.ts";
import { newRequest } from "../request/index.ts";
import type { Identity } from "../spiffe/index.ts";

export interface MeshServerTlsOptions {
  readonly authority: Authority;
  /** Of the service itself: what proxies look for when they connect. Asked at each renewal. */
  readonly identity: () => Identity;
  /** Whether a client without a certificate is turned away by TLS. Default: it is let in, since who joins has none; what it may do is decided by what it shows. */
  readonly requireClientCertificate?: boolean;
  /** Milliseconds for which a certificate of the service is good. Default: the authority's. */
  readonly lifetime?: number;
  /** Hears why the next certificate could not be had; it is tried again. Default: nobody. */
  readonly warn?: (message: string) => void;
}

type Ca = Parameters<Parameters<experimental.CertificateProvider["addCaCertificateListener"]>[0]>[0];
type Own = Parameters<Parameters<experimental.CertificateProvider["addIdentityCertificateListener"]>[0]>[0];

/** Milliseconds before a failed renewal is tried again. */
const RETRY = 10_000;
/** Milliseconds between two renewals at least, whatever the clock says. */
const MIN_WAIT = 500;
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Credentials of a gRPC server whose certificate is renewed at half of its life and whenever the roots change, without a connection being lost. A client's certificate is only asked for: Node lets
 * in clients with a bad one, so whoever relies on it looks at it (`Authority.problemsOf`).
 */
export class MeshServerTls implements Disposable {
  readonly credentials: ServerCredentials;
  private readonly options: MeshServerTlsOptions;
  private readonly caListeners = new Set<(update: Ca) => void>();
  private readonly ownListeners = new Set<(update: Own) => void>();
  private readonly unsubscribe: () => void;
  private timer: NodeJS.Timeout | undefined;
  private ca: Ca = null;
  private own: Own = null;
  private ended = false;

  private constructor(options: MeshServerTlsOptions) {
    this.options = options;
    // Told a moment later, as grpc-js 1.14 wants it: it asks before it is ready to hear.
    const provider: experimental.CertificateProvider = {
      addCaCertificateListener: (listener) => {
        this.caListeners.add(listener);
        queueMicrotask(() => listener(this.ca));
      },
      removeCaCertificateListener: (listener) => void this.caListeners.delete(listener),
      addIdentityCertificateListener: (listener) => {
        this.ownListeners.add(listener);
        queueMicrotask(() => listener(this.own));
      },
      removeIdentityCertificateListener: (listener) => void this.ownListeners.delete(listener),
    };
    this.credentials = experimental.createCertificateProviderServerCredentials(
      provider,
      provider,
      options.requireClientCertificate ?? false,
    );
    this.unsubscribe = options.authority.onRootsChanged(() => void this.renew());
  }

  /** @throws IdentityError where the first certificate cannot be had */
  static async start(options: MeshServerTlsOptions): Promise<MeshServerTls> {
    const tls = new MeshServerTls(options);
    try {
      tls.take(await tls.issue());
    } catch (error) {
      tls[Symbol.dispose]();
      throw error;
    }
    return tls;
  }

  [Symbol.dispose](): void {
    this.ended = true;
    this.unsubscribe();
    clearTimeout(this.timer);
  }

  private async issue(): Promise<{ readonly key: string; readonly certificate: IssuedCertificate }> {
    const identity = this.options.identity();
    const { key, csr } = await newRequest(identity);
    return { key, certificate: await this.options.authority.sign(csr, identity, this.options.lifetime ?? 0) };
  }

  private take({ key, certificate }: { readonly key: string; readonly certificate: IssuedCertificate }): void {
    if (this.ended) return;
    this.ca = { caCertificate: Buffer.from(certificate.roots) };
    this.own = { certificate: Buffer.from(certificate.chain), privateKey: Buffer.from(key) };
    for (const listener of this.caListeners) listener(this.ca);
    for (const listener of this.ownListeners) listener(this.own);
    this.plan(Math.max(MIN_WAIT, (certificate.notAfter - Date.now()) / 2));
  }

  private async renew(): Promise<void> {
    try {
      this.take(await this.issue());
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
