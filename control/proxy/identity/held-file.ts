import { createPrivateKey } from "node:crypto";
import { Certificate } from "../../identity/index.ts";
import { readSealed, type SealedFormat, writeSealed } from "../../identity/store/index.ts";
import type { Log } from "../log.ts";
import { type HeldCertificate, problemOf, type Workload } from "./workload-certificate.ts";

const FORMAT: SealedFormat = { format: "meshwright proxy certificate", version: 1, limit: 256 * 1024 };

interface Stored {
  readonly key: string;
  readonly chain: string;
  readonly roots: string;
}

/** What an earlier process kept, if it is whole and for this workload; whatever else is there is told and left, and another certificate is asked for. */
export function readHeld(file: string, workload: Workload, log: Log): HeldCertificate | undefined {
  try {
    const stored = readSealed(file, FORMAT) as Stored | undefined;
    if (stored === undefined) return undefined;
    const { key, chain, roots } = stored;
    const [leaf] = Certificate.readAll(chain);
    if (leaf === undefined) return undefined;
    if (!leaf.x509.checkPrivateKey(createPrivateKey(key))) throw new Error("key and certificate do not belong together");
    const problem = problemOf(leaf, workload);
    if (problem !== undefined) throw new Error(problem);
    return { key, chain, roots, notAfter: leaf.notAfter };
  } catch (error) {
    log.warn({ file, reason: (error as Error).message }, "the certificate that was kept is not used");
    return undefined;
  }
}

/** A disk that is full costs the next process a token, and this one nothing. */
export function keepHeld(file: string, { key, chain, roots }: HeldCertificate, log: Log): void {
  try {
    const stored: Stored = { key, chain, roots };
    writeSealed(file, FORMAT, stored);
  } catch (error) {
    log.warn({ file, reason: (error as Error).message }, "the certificate could not be kept: after a restart a token is needed");
  }
}
