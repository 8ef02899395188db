import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Certificate, chainProblems, pathOf } from "../chain/index.ts";
import { IdentityError } from "../identity-error.ts";
import { Issuer } from "./issuer.ts";
import { Listeners } from "./listeners.ts";
import type { CertificateOrder, Signer } from "./signer.ts";

export interface PluggedInSignerOptions {
  /** Milliseconds between two looks at the files. Default: 10,000. */
  readonly interval?: number;
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
  /** Hears why changed files are not used. Default: nobody. */
  readonly warn?: (message: string) => void;
}

/** Istio's names in its Secret `cacerts` (https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/). */
const FILES = { certificate: "ca-cert.pem", key: "ca-key.pem", roots: "root-cert.pem", chain: "cert-chain.pem" } as const;
/** Replaced certificates that are remembered. */
const MOST_KNOWN = 32;
const LARGEST = 1024 * 1024;

interface Loaded {
  readonly issuer: Issuer;
  readonly intermediates: readonly Certificate[];
  readonly roots: readonly string[];
  readonly signature: string;
}

/** Whether a directory has the files of a plugged-in authority. */
export function isPluggedIn(directory: string): boolean {
  return existsSync(join(directory, FILES.certificate));
}

/**
 * An authority in four files that somebody else makes and replaces: `ca-cert.pem` and `ca-key.pem` sign, `root-cert.pem` is trusted, `cert-chain.pem` stands between them. It writes nothing. Changed files
 * are taken when they are good; the root is changed by way of a `root-cert.pem` with both.
 */
export class PluggedInSigner implements Signer, Disposable {
  private readonly directory: string;
  private readonly options: PluggedInSignerOptions;
  readonly local = true;
  private readonly listeners = new Listeners();
  private readonly timer: NodeJS.Timeout;
  private loaded: Loaded;
  private refused: string | undefined;
  /** The newest first. Those that were replaced are known as long as the process lives. */
  private known: readonly Certificate[];

  private constructor(directory: string, loaded: Loaded, options: PluggedInSignerOptions) {
    this.directory = directory;
    this.options = options;
    this.loaded = loaded;
    this.known = loaded.intermediates;
    this.timer = setInterval(() => void this.refresh(), options.interval ?? 10_000).unref();
  }

  /** @throws IdentityError `state` where a file is missing or they do not belong together */
  static async open(directory: string, options: PluggedInSignerOptions = {}): Promise<PluggedInSigner> {
    return new PluggedInSigner(directory, await load(directory, (options.clock ?? Date.now)()), options);
  }

  roots(): readonly string[] {
    return this.loaded.roots;
  }

  onRootsChanged(listener: () => void): () => void {
    return this.listeners.add(listener);
  }

  intermediates(): readonly Certificate[] {
    return this.known;
  }

  signingEnds(): number {
    return this.loaded.issuer.certificate.notAfter;
  }

  async sign(order: CertificateOrder): Promise<string> {
    const { issuer, intermediates } = this.loaded;
    issuer.requireValid((this.options.clock ?? Date.now)(), "replace ca-cert.pem and ca-key.pem");
    return (await issuer.sign(order)) + intermediates.map(({ pem }) => pem).join("");
  }

  /** Reads the files where they are others than before. */
  async refresh(): Promise<void> {
    const before = this.loaded;
    const signature = signatureOf(this.directory);
    if (signature === before.signature || signature === this.refused) return;
    try {
      const loaded = await load(this.directory, (this.options.clock ?? Date.now)());
      const same = loaded.roots.join("") === before.roots.join("");
      this.loaded = same ? { ...loaded, roots: before.roots } : loaded;
      this.refused = undefined;
      const fresh = new Set(loaded.intermediates.map(({ fingerprint }) => fingerprint));
      this.known = [...loaded.intermediates, ...this.known.filter(({ fingerprint }) => !fresh.has(fingerprint))].slice(0, MOST_KNOWN);
      if (!same) this.listeners.call();
    } catch (error) {
      this.refused = signature;
      this.options.warn?.(`${(error as Error).message}; what was read before stays`);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}

async function load(directory: string, now: number): Promise<Loaded> {
  const signature = signatureOf(directory);
  const named = <T>(file: string, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      throw new IdentityError("state", `${join(directory, file)}: ${(error as Error).message}`, { cause: error });
    }
  };
  const certificates = (file: string) => named(file, () => Certificate.readAll(readText(directory, file)));
  const [own] = certificates(FILES.certificate);
  if (own === undefined) throw new IdentityError("state", `${join(directory, FILES.certificate)}: there is no certificate`);
  const roots = certificates(FILES.roots);
  const trusted = new Set(roots.map(({ fingerprint }) => fingerprint));
  // Made by hand: some begin with the authority's own certificate, some end with the root, and former ones may stand there too.
  const between = existsSync(join(directory, FILES.chain)) ? certificates(FILES.chain) : [];
  const chain = pathOf(own, between, roots);
  const problem = chainProblems(chain, roots, now).find(({ code }) => code !== "is-ca");
  if (problem !== undefined)
    throw new IdentityError(
      "state",
      `${directory}: certificate ${problem.index} of the chain from ${FILES.certificate} to ${FILES.roots}: ${problem.message}`,
    );
  const key = named(FILES.key, () => readText(directory, FILES.key));
  return {
    issuer: await Issuer.of(own, key).catch((error: Error) => {
      throw new IdentityError("state", `${directory}: ${error.message}`, { cause: error });
    }),
    intermediates: chain.filter(({ fingerprint }) => !trusted.has(fingerprint)),
    roots: roots.map(({ pem }) => pem),
    signature,
  };
}

function readText(directory: string, file: string): string {
  const path = join(directory, file);
  const { size } = statSync(path);
  if (size > LARGEST) throw new Error(`it has ${size} bytes; ${LARGEST} are read`);
  return readFileSync(path, "utf8");
}

/** Another one where a file is another: Kubernetes replaces them by way of symbolic links. */
function signatureOf(directory: string): string {
  return Object.values(FILES)
    .map((file) => statSync(join(directory, file), { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? "-" : `${stat.ino}:${stat.size}:${stat.mtimeMs}`))
    .join(" ");
}
