import { join } from "node:path";
import { Certificate } from "../chain/index.ts";
import { IdentityError } from "../identity-error.ts";
import { makeDirectory, readSealed, type SealedFormat, writeSealed } from "../store/index.ts";
import { Issuer } from "./issuer.ts";
import { Listeners } from "./listeners.ts";
import type { CertificateOrder, Signer } from "./signer.ts";

export interface EmbeddedSignerOptions {
  /** Stands in the name of roots that are made, as their organization: the mesh's trust domain. */
  readonly name: string;
  /** Milliseconds for which a root is good. Default: ten years, as Istio's own. */
  readonly rootLifetime?: number;
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
  /** Hears what goes on without being stored. Default: nobody. */
  readonly warn?: (message: string) => void;
}

/**
 * Where a change of the root stands. `prepared`: a new one is trusted beside the old one, which signs. `switched`: the new one signs, and the old one is trusted for what it has signed.
 *
 * ```
 *            prepare            switch              retire
 *   stable ──────────> prepared ──────> switched ──────────> stable
 *      ^      cancel      │    old: trusted      old: gone
 *      └──────────────────┘    new: signs
 * ```
 */
export type RotationPhase = "stable" | "prepared" | "switched";

export interface Rotation {
  readonly phase: RotationPhase;
  /** When it was reached, milliseconds since 1970. */
  readonly since: number;
  /** The root that signs; PEM. */
  readonly signing: string;
  /** The other one that is trusted, in `prepared` the next, in `switched` the former; PEM. */
  readonly other?: string;
  /** In `switched`: from when on nothing that the former root has signed is good any more, milliseconds since 1970. */
  readonly retirable?: number;
}

interface Root {
  readonly issuer: Issuer;
  /** No certificate that it has signed is good after that. */
  readonly leavesEnd: number;
}

interface State {
  readonly signing: Root;
  readonly phase: RotationPhase;
  readonly since: number;
  readonly other: Root | undefined;
}

/** The same on the disk. */
interface StoredRoot {
  readonly certificate: string;
  readonly key: string;
  readonly leavesEnd: number;
}

interface StoredState {
  readonly signing: StoredRoot;
  readonly phase: RotationPhase;
  readonly since: number;
  readonly other?: StoredRoot;
}

const FORMAT: SealedFormat = { format: "meshwright authority", version: 1, limit: 1024 * 1024 };
const HOUR = 3_600_000;
const TEN_YEARS = 3652 * 24 * HOUR;

/** A root of the mesh's own, made at the first start and kept, with its key, in one file of a directory that is for its owner alone. */
export class EmbeddedSigner implements Signer {
  private readonly path: string;
  private readonly options: EmbeddedSignerOptions;
  private readonly clock: () => number;
  readonly local = true;
  private readonly listeners = new Listeners();
  private state: State;
  private trusted: readonly string[];

  private constructor(path: string, state: State, options: EmbeddedSignerOptions) {
    this.path = path;
    this.options = options;
    this.clock = options.clock ?? Date.now;
    this.state = state;
    this.trusted = trustedOf(state);
  }

  /**
   * Reads the authority of a directory, or makes one.
   *
   * @throws IdentityError `state` where its file is damaged, is open to others or cannot be written: a new root in its place would cut off every workload, so none is made
   */
  static async open(directory: string, options: EmbeddedSignerOptions): Promise<EmbeddedSigner> {
    const path = join(directory, "authority.json");
    const clock = options.clock ?? Date.now;
    makeDirectory(directory);
    const stored = readSealed(path, FORMAT) as StoredState | undefined;
    if (stored !== undefined) return new EmbeddedSigner(path, await restored(path, stored), options);
    const now = clock();
    const signing = { issuer: await Issuer.root(options.name, now, options.rootLifetime ?? TEN_YEARS), leavesEnd: 0 };
    const state: State = { signing, phase: "stable", since: now, other: undefined };
    writeSealed(path, FORMAT, storedOf(state));
    return new EmbeddedSigner(path, state, options);
  }

  roots(): readonly string[] {
    return this.trusted;
  }

  onRootsChanged(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  /** The root signs by itself. */
  intermediates(): readonly Certificate[] {
    return [];
  }

  signingEnds(): number {
    return this.state.signing.issuer.certificate.notAfter;
  }

  async sign(order: CertificateOrder): Promise<string> {
    const { issuer } = this.state.signing;
    issuer.requireValid(this.clock(), "prepare a new root, and switch to it (meshwright certs rotate)");
    this.remember(Math.min(order.notAfter, issuer.certificate.notAfter));
    return issuer.sign(order);
  }

  get rotation(): Rotation {
    const { phase, since, signing, other } = this.state;
    return {
      phase,
      since,
      signing: signing.issuer.certificate.pem,
      ...(other !== undefined && { other: other.issuer.certificate.pem }),
      ...(phase === "switched" && other !== undefined && { retirable: other.leavesEnd }),
    };
  }

  /** Makes the next root and has it trusted. When every proxy has the new roots, {@link switch} may follow. */
  async prepare(): Promise<void> {
    this.require("stable", "a new root can be prepared");
    const now = this.clock();
    const issuer = await Issuer.root(this.options.name, now, this.options.rootLifetime ?? TEN_YEARS);
    this.require("stable", "a new root can be prepared");
    this.become({ ...this.state, phase: "prepared", since: now, other: { issuer, leavesEnd: 0 } });
  }

  /** Takes back {@link prepare}. */
  cancel(): void {
    this.require("prepared", "a new root can be given up");
    this.become({ ...this.state, phase: "stable", since: this.clock(), other: undefined });
  }

  /** Has the next root sign from now on. The old one stays trusted. */
  switch(): void {
    this.require("prepared", "the new root can sign");
    const { signing, other } = this.state;
    if (other === undefined) throw new IdentityError("rotation", "there is no other root");
    this.become({ signing: other, phase: "switched", since: this.clock(), other: signing });
  }

  /**
   * Trusts the old root no more, and forgets its key.
   *
   * @param force also while certificates that it has signed are good: their workloads are cut off until they have new ones. For a key that has leaked
   * @throws IdentityError `rotation`, with the time from when on it can be done without
   */
  retire(force = false): void {
    this.require("switched", "the old root can be retired");
    const ends = this.state.other?.leavesEnd ?? 0;
    if (ends > this.clock() && !force)
      throw new IdentityError(
        "rotation",
        `certificates of the old root are good until ${new Date(ends).toISOString()}; retire it then, or by force now, which cuts off who has not renewed`,
      );
    this.become({ ...this.state, phase: "stable", since: this.clock(), other: undefined });
  }

  private require(phase: RotationPhase, what: string): void {
    if (this.state.phase !== phase) throw new IdentityError("rotation", `${what} in the phase ${phase}; this is ${this.state.phase}`);
  }

  /** Stored first: a change that a restart would take back is none. */
  private become(state: State): void {
    writeSealed(this.path, FORMAT, storedOf(state));
    this.state = state;
    this.trusted = trustedOf(state);
    this.listeners.call();
  }

  /**
   * Until when the root is needed is stored before the certificate is signed, ahead by a tenth of its life and at most an hour, so that this is a write in an hour and not one for each certificate. It serves
   * {@link retire} alone, so workloads get their certificates where it cannot be stored, too.
   */
  private remember(end: number): void {
    const { signing } = this.state;
    if (end <= signing.leavesEnd) return;
    const ahead = Math.min(HOUR, Math.max(0, end - this.clock()) / 10);
    const state = { ...this.state, signing: { ...signing, leavesEnd: end + ahead } };
    try {
      writeSealed(this.path, FORMAT, storedOf(state));
      this.state = state;
    } catch (error) {
      this.options.warn?.(`certificates are issued, but until when they are good is not kept: ${(error as Error).message}`);
      // Tried again when that time is over, not at every certificate.
      this.state = state;
    }
  }
}

/** The one that signs first. */
function trustedOf({ signing, other }: State): readonly string[] {
  return [signing, other].flatMap((root) => (root === undefined ? [] : [root.issuer.certificate.pem]));
}

function storedOf({ signing, phase, since, other }: State): StoredState {
  const stored = ({ issuer, leavesEnd }: Root): StoredRoot => ({ certificate: issuer.certificate.pem, key: issuer.keyPem, leavesEnd });
  return { signing: stored(signing), phase, since, ...(other !== undefined && { other: stored(other) }) };
}

async function restored(path: string, { signing, phase, since, other }: StoredState): Promise<State> {
  try {
    const root = async ({ certificate, key, leavesEnd }: StoredRoot): Promise<Root> => {
      const [first] = Certificate.readAll(certificate);
      if (first === undefined) throw new IdentityError("state", "there is no certificate");
      return { issuer: await Issuer.of(first, key), leavesEnd };
    };
    return { signing: await root(signing), phase, since, other: other === undefined ? undefined : await root(other) };
  } catch (error) {
    throw new IdentityError("state", `${path} holds no authority (${(error as Error).message}); bring it back from a backup`, {
      cause: error,
    });
  }
}
