import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { ServerCertificate, ServerKeyPair } from "./server-certificate.ts";

export interface FileCertificateOptions {
  /** Paths of PEM files. */
  readonly certificate: string;
  readonly key: string;
  /** Milliseconds between two looks. Default: 10,000. */
  readonly every?: number;
  /** Hears why files that were replaced are not used; those read before are, then. Default: nobody. */
  readonly warn?: (message: string) => void;
}

/** A certificate in files of somebody else, read anew when they are replaced. */
export class FileCertificate implements ServerCertificate, Disposable {
  private readonly options: FileCertificateOptions;
  private readonly listeners = new Set<() => void>();
  private readonly timer: NodeJS.Timeout;
  private pair: ServerKeyPair;
  private warned = "";

  private constructor(options: FileCertificateOptions, pair: ServerKeyPair) {
    this.options = options;
    this.pair = pair;
    this.timer = setInterval(() => void this.look(), options.every ?? 10_000).unref();
  }

  /** @throws Error that names the file which cannot be read, or says that certificate and key do not belong together */
  static async open(options: FileCertificateOptions): Promise<FileCertificate> {
    return new FileCertificate(options, await read(options));
  }

  current(): ServerKeyPair {
    return this.pair;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    try {
      const pair = await read(this.options);
      this.warned = "";
      if (JSON.stringify(pair) === JSON.stringify(this.pair)) return;
      this.pair = pair;
      for (const listener of this.listeners) listener();
    } catch (error) {
      const { message } = error as Error;
      // Once for each fault: certificate and key are hardly replaced in the same instant.
      if (message !== this.warned) this.options.warn?.(`${message}; what was read before stays in use`);
      this.warned = message;
    }
  }
}

async function read({ certificate, key }: FileCertificateOptions): Promise<ServerKeyPair> {
  const pair = {
    certificate: await textOf(certificate),
    key: await textOf(key),
  };
  try {
    createSecureContext({ cert: pair.certificate, key: pair.key });
  } catch (error) {
    throw new Error(`${certificate} and ${key} are no certificate with its key: ${(error as Error).message}`, { cause: error });
  }
  return pair;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}
