import type { Log } from "../log.ts";
import type { CertificateSource, Credentials } from "./certificate-client.ts";
import { keepHeld, readHeld } from "./held-file.ts";
import { RootsWatch } from "./roots-watch.ts";
import { SecretServer } from "./secrets.ts";
import { type Workload, WorkloadCertificate } from "./workload-certificate.ts";

export interface ProxyIdentityOptions {
  readonly source: CertificateSource;
  /** Whom the certificate is to be for; another one is not used. */
  readonly workload: Workload;
  /** The token that proves who asks, read anew each time. */
  readonly token?: () => Promise<string>;
  /** Path of the socket of SDS; no longer than a socket's may be (108 bytes on Linux). */
  readonly socket: string;
  /** File in which key and certificate are kept, mode 0600, so that a process that starts again needs no new token. Default: nowhere. */
  readonly file?: string;
  /** Milliseconds for which certificates are asked for. Default: the authority's. */
  readonly lifetime?: number;
  readonly log: Log;
  /** Default: `Math.random`. */
  readonly random?: () => number;
}

/**
 * A workload's certificate, kept good, and given to the Envoy beside this process. As long as that is there, what the mesh trusts is followed, too: a peer may come with a certificate of a new root long before the
 * next certificate of this workload.
 */
export class ProxyIdentity implements AsyncDisposable {
  private readonly secrets: SecretServer;
  private readonly watch: RootsWatch;
  private readonly certificate: WorkloadCertificate;
  private readonly ended = new AbortController();
  private readonly keeping: Promise<void>;

  private constructor(secrets: SecretServer, certificate: WorkloadCertificate, watch: RootsWatch) {
    this.secrets = secrets;
    this.watch = watch;
    this.certificate = certificate;
    this.keeping = certificate.keep(this.ended.signal);
  }

  /**
   * Listens, and asks for the first certificate. Where the control service is away it goes on asking, and Envoy waits for its secrets.
   *
   * @throws CertificateRefusal where the control service refuses to give one
   */
  static async start({ socket, file, source, ...options }: ProxyIdentityOptions): Promise<ProxyIdentity> {
    const secrets = await SecretServer.start(socket, (node) => watch.follow(node));
    const held = file === undefined ? undefined : readHeld(file, options.workload, options.log);
    let shown = "";
    const certificate = new WorkloadCertificate({
      ...options,
      source,
      ...(held !== undefined && { held }),
      onCertificate(given) {
        secrets.serve(given, source.roots);
        if (file !== undefined) keepHeld(file, given, options.log);
        // A connection is good for as long as the certificate that it was made with.
        if (shown !== given.chain) watch.again();
        shown = given.chain;
      },
    });
    const watch = new RootsWatch({
      source: () => certificate.source,
      certificate: () => certificate.held,
      async take(roots, signal) {
        await certificate.trust(roots);
        await secrets.accepted(signal);
      },
      lost: () => void certificate.trust(undefined),
      log: options.log,
      ...(options.random !== undefined && { random: options.random }),
    });
    try {
      await certificate.begin();
      return new ProxyIdentity(secrets, certificate, watch);
    } catch (error) {
      await watch[Symbol.asyncDispose]();
      await secrets[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where the control service is, as it is known now, and what is shown there. */
  get connection(): { readonly source: CertificateSource; readonly certificate: Credentials["certificate"] } {
    return { source: this.certificate.source, certificate: this.certificate.held };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ended.abort();
    await this.keeping;
    await this.watch[Symbol.asyncDispose]();
    await this.secrets[Symbol.asyncDispose]();
  }
}
