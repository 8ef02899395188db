import { setTimeout as sleep } from "node:timers/promises";
import { Certificate, certificateIdentity, type Identity, type KeyAndRequest, newRequest } from "../../identity/index.ts";
import type { Log } from "../log.ts";
import { askForCertificate, CertificateRefusal, type CertificateSource } from "./certificate-client.ts";

/** A workload's certificate with what goes with it. The key was made here. */
export interface HeldCertificate {
  /** PKCS #8, PEM. */
  readonly key: string;
  /** PEM, the workload's own certificate first. */
  readonly chain: string;
  /** PEM: whom to trust. */
  readonly roots: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

/** Who a proxy says that it is; in which trust domain, its control service knows. */
export type Workload = Pick<Identity, "namespace" | "serviceAccount">;

export interface WorkloadCertificateOptions {
  readonly source: CertificateSource;
  readonly workload: Workload;
  /** Read anew for each request: Kubernetes replaces its tokens. Undefined: only a certificate proves who asks. */
  readonly token?: () => Promise<string>;
  /** What an earlier process was given, if it is still good. */
  readonly held?: HeldCertificate;
  /** Milliseconds for which certificates are asked for. Default: the authority's. */
  readonly lifetime?: number;
  readonly log: Log;
  /** Hears of each certificate, the first included, and of the same one again where others are to be trusted. */
  readonly onCertificate: (certificate: HeldCertificate) => Promise<void> | void;
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
  /** Default: `Math.random`. */
  readonly random?: () => number;
}

/** Of a certificate's life it is renewed at a time from here to there, at random, so that those that began together do not all come at once. */
const EARLIEST = 0.5;
const LATEST = 0.8;
/** Milliseconds between attempts: at first, and at most. */
const BASE = 500;
const MAXIMUM = 30_000;
/** Node's longest timer. */
const LONGEST_SLEEP = 2 ** 31 - 1;

/** Keeps a certificate for one workload: asks for the first, renews it in time, and goes on trying while the control service is away. */
export class WorkloadCertificate {
  private readonly options: WorkloadCertificateOptions;
  private readonly clock: () => number;
  private readonly random: () => number;
  private current: HeldCertificate | undefined;
  /** What is trusted, as told apart from certificates. */
  private roots: string | undefined;
  /** The key for the next certificate. */
  private request: Promise<KeyAndRequest> | undefined;

  constructor(options: WorkloadCertificateOptions) {
    this.options = options;
    this.clock = options.clock ?? Date.now;
    this.random = options.random ?? Math.random;
  }

  /**
   * Has a first certificate, or tries to.
   *
   * @returns whether there is one; where the control service is away {@link keep} goes on trying
   * @throws CertificateRefusal where the control service refuses what proves who asks, and there is no certificate from before
   */
  async begin(): Promise<boolean> {
    const { held, onCertificate } = this.options;
    if (held !== undefined && held.notAfter > this.clock()) {
      this.current = held;
      await onCertificate(held);
      return true;
    }
    try {
      await this.renew();
      return true;
    } catch (error) {
      if (error instanceof CertificateRefusal && error.final) throw error;
      this.tell(error);
      return false;
    }
  }

  /** Renews until the signal ends it. */
  async keep(signal: AbortSignal): Promise<void> {
    for (let failures = this.held === undefined ? 1 : 0; !signal.aborted;) {
      await sleep(this.wait(failures), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      if (failures === 0 && this.renewal() > this.clock()) continue;
      try {
        await this.renew();
        failures = 0;
      } catch (error) {
        failures += 1;
        this.tell(error);
      }
    }
  }

  /** What there is now. */
  get held(): HeldCertificate | undefined {
    return this.current;
  }

  /** Where it is asked for, and what is trusted there now. */
  get source(): CertificateSource {
    const { source } = this.options;
    return source.roots === undefined || this.current === undefined
      ? source
      : { ...source, roots: `${source.roots}\n${this.current.roots}` };
  }

  /** Has these trusted, PEM, and not what comes with certificates: that may have been on its way for longer. Undefined: what comes with certificates again. */
  async trust(roots: string | undefined): Promise<void> {
    this.roots = roots;
    const { current } = this;
    if (current === undefined || roots === undefined || current.roots === roots) return;
    this.current = { ...current, roots };
    await this.options.onCertificate(this.current);
  }

  /** Milliseconds until the next step. */
  private wait(failures: number): number {
    if (failures > 0) return Math.min(MAXIMUM, BASE * 2 ** (failures - 1)) * (0.5 + this.random() / 2);
    return Math.max(0, Math.min(LONGEST_SLEEP, this.renewal() - this.clock()));
  }

  private at: { readonly chain: string; readonly time: number } | undefined;

  /** When the certificate is to be renewed, chosen once for each. */
  private renewal(): number {
    const { held } = this;
    if (held === undefined) return 0;
    if (this.at?.chain !== held.chain) {
      // From now on, not from its beginning, which is set back for peers whose clock is behind.
      const now = this.clock();
      const share = EARLIEST + (LATEST - EARLIEST) * this.random();
      this.at = { chain: held.chain, time: now + Math.max(0, held.notAfter - now) * share };
    }
    return this.at.time;
  }

  private async renew(): Promise<void> {
    const { workload, token, lifetime = 0, onCertificate, log } = this.options;
    const { held, source } = this;
    const current = held !== undefined && held.notAfter > this.clock() && source.roots !== undefined ? held : undefined;
    // The control service takes a token before it looks at a certificate, and a token may be used up.
    const proof = current === undefined ? { ...(token !== undefined && { token: await token() }) } : { certificate: current };
    // A token that was used up by a request whose answer was lost is good for the same key again.
    this.request ??= newRequest();
    const { key, csr } = await this.request;
    const { chain, roots } = await askForCertificate(source, csr, proof, lifetime);
    this.request = undefined;
    const [leaf] = Certificate.readAll(chain);
    const problem = leaf === undefined ? "there is none" : problemOf(leaf, workload);
    if (leaf === undefined || problem !== undefined)
      throw new CertificateRefusal(`the certificate that was given is not used: ${problem}`, true);
    if (leaf.notAfter <= this.clock())
      throw new CertificateRefusal(
        `the certificate that was given has ended at ${new Date(leaf.notAfter).toISOString()}: is the clock of this machine right?`,
        false,
      );
    this.current = { key, chain, roots: this.roots ?? roots, notAfter: leaf.notAfter };
    await onCertificate(this.current);
    const { serialNumber, notAfter } = leaf;
    log.info({ ...workload, serialNumber, notAfter: new Date(notAfter).toISOString() }, "this proxy has a certificate");
  }

  private tell(error: unknown): void {
    const { held } = this;
    const until = held === undefined ? undefined : new Date(held.notAfter).toISOString();
    this.options.log.warn({ reason: (error as Error).message, goodUntil: until }, "no certificate could be had; it is asked for again");
  }
}

/** What is wrong with a certificate for a workload; undefined where nothing is. */
export function problemOf(leaf: Certificate, { namespace, serviceAccount }: Workload): string | undefined {
  const named = certificateIdentity(leaf);
  if (typeof named === "string") return named;
  if (named.namespace === namespace && named.serviceAccount === serviceAccount) return undefined;
  return `it is for ${named.namespace}/${named.serviceAccount}, and this proxy is ${namespace}/${serviceAccount} (NAMESPACE and SERVICE_ACCOUNT of its metadata)`;
}
