import { join } from "node:path";
import { IdentityError } from "../identity-error.ts";
import { type Identity, parseSpiffeId } from "../spiffe/index.ts";
import { makeDirectory, readSealed, type SealedFormat, writeSealed } from "../store/index.ts";

export interface RevocationsOptions {
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
}

export interface Revocation {
  /** A SPIFFE id, or the serial number of a certificate, hexadecimal, lower case. */
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const FORMAT: SealedFormat = { format: "meshwright revocations", version: 1, limit: 16 * 1024 * 1024 };
const MOST = 10_000;
/** No certificate lives longer (`AuthorityOptions.longestLifetime`), so that its number need not be remembered for longer. */
const LONGEST_CERTIFICATE = 90 * 86_400_000;
const SERIAL = /^[0-9a-f]{1,40}$/;

/**
 * What is revoked, in one file of a directory. An identity that is revoked gets no certificate by any proof, until it is restored; a certificate that is revoked proves nothing. Peers of workloads do not hear of it: this
 * is for the control service.
 */
export class Revocations {
  private readonly path: string;
  private readonly clock: () => number;
  private readonly listeners = new Set<(subject: string) => void>();
  private all: ReadonlyMap<string, Revocation>;

  private constructor(path: string, all: readonly Revocation[], clock: () => number) {
    this.path = path;
    this.clock = clock;
    this.all = new Map(all.map((each) => [each.subject, each]));
  }

  /** @throws IdentityError `state` where its file is damaged or open to others */
  static open(directory: string, { clock = Date.now }: RevocationsOptions = {}): Revocations {
    makeDirectory(directory);
    const path = join(directory, "revocations.json");
    return new Revocations(path, (readSealed(path, FORMAT) ?? []) as readonly Revocation[], clock);
  }

  /**
   * Revokes an identity or a certificate, on the disk when this returns.
   *
   * @param subject a SPIFFE id, or a serial number in hexadecimal
   * @throws IdentityError `revocation` where it is neither, `state` where it cannot be stored
   */
  revoke(subject: string): Revocation {
    const known = normal(subject);
    const before = this.all.get(known);
    if (before !== undefined) return before;
    const now = this.clock();
    const kept = [...this.all.values()].filter((each) => !SERIAL.test(each.subject) || now - each.at < LONGEST_CERTIFICATE);
    if (kept.length >= MOST) throw new IdentityError("revocation", `${MOST} are revoked already; restore some`);
    const revocation = { subject: known, at: now };
    this.store([...kept, revocation]);
    for (const listener of [...this.listeners]) listener(known);
    return revocation;
  }

  /**
   * Takes a revocation back.
   *
   * @returns whether there was one
   */
  restore(subject: string): boolean {
    const known = normal(subject);
    if (!this.all.has(known)) return false;
    this.store([...this.all.values()].filter((each) => each.subject !== known));
    return true;
  }

  /** The newest first. */
  list(): readonly Revocation[] {
    return [...this.all.values()].reverse();
  }

  /** @throws IdentityError `revoked` where an identity, by whichever name of the trust domain, or the certificate that proves it is revoked */
  require({ namespace, serviceAccount }: Identity, serialNumber?: string): void {
    if (serialNumber !== undefined && this.all.has(normalSerial(serialNumber)))
      throw new IdentityError("revoked", `the certificate ${serialNumber} is revoked`);
    // As identities are few, and one may be revoked under a former name of the trust domain.
    const workload = `/ns/${namespace}/sa/${serviceAccount}`;
    for (const subject of this.all.keys())
      if (subject.endsWith(workload)) throw new IdentityError("revoked", `the identity of ${namespace}/${serviceAccount} is revoked`);
  }

  /** Calls back with what was revoked, until the function that it returns is called. */
  onRevoked(listener: (subject: string) => void): () => void {
    const own = (subject: string) => listener(subject);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  private store(all: readonly Revocation[]): void {
    writeSealed(this.path, FORMAT, all);
    this.all = new Map(all.map((each) => [each.subject, each]));
  }
}

function normal(subject: string): string {
  if (subject.startsWith("spiffe:")) {
    const identity = parseSpiffeId(subject);
    if (typeof identity === "string") throw new IdentityError("revocation", identity);
    return subject;
  }
  const serial = normalSerial(subject);
  if (SERIAL.test(serial)) return serial;
  throw new IdentityError("revocation", "what is revoked is a SPIFFE id, or the serial number of a certificate in hexadecimal");
}

/** Without colons and leading zeros, which some programs show and others do not. */
function normalSerial(serial: string): string {
  return serial
    .toLowerCase()
    .replaceAll(":", "")
    .replace(/^0+(?=.)/, "");
}
