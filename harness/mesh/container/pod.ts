import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { LinkCounts, LinkFaults } from "../../faults/index.ts";

/** As `net.Server.listen` and `net.connect` take it. */
type End = { readonly host: string; readonly port: number } | { readonly path: string };

/** From a listener to a destination. */
export interface Relay {
  readonly from: End;
  readonly to: End;
  /** Says whether somebody listens there, and carries nothing: `yes`, or nothing. Default: false. */
  readonly asks?: boolean;
}

/** Links from one caller, each at an address of the caller's own network: what comes to it goes on by the containers' network, as from the caller. */
export interface KeptLinks {
  /** Socket on which faults are set, by a {@link SetFaults} for each connection; what is answered is the error, or nothing. */
  readonly socket: string;
  /** File with the counts of each, in the order of `links`. */
  readonly counts: string;
  readonly links: readonly { readonly from: Address; readonly to: Address }[];
}

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface SetFaults {
  /** Which of `links`. */
  readonly link: number;
  readonly faults: LinkFaults;
}

/** What the keeper of a network does for it. */
export interface KeeperSpec {
  readonly relays: readonly Relay[];
  readonly kept?: KeptLinks;
}

/** What the keeper prints when it listens everywhere. */
export const KEEPS = "keeps";

const KEEPER = fileURLToPath(new URL(`keeper${extname(import.meta.url)}`, import.meta.url));

export function keeperCommand(spec: KeeperSpec): readonly string[] {
  return [process.execPath, KEEPER, JSON.stringify(spec)];
}

const NAMES = [
  "connections",
  "open",
  "reset",
  "failed",
  "retransmitted",
  "sent",
  "received",
] as const satisfies readonly (keyof LinkCounts)[];
/** Of the counts of one link, in their file. */
export const COUNTS_LENGTH = NAMES.length * Float64Array.BYTES_PER_ELEMENT;

export function encodeCounts(counts: LinkCounts): Uint8Array {
  return new Uint8Array(Float64Array.from(NAMES, (name) => counts[name]).buffer);
}

/** @param file of counts, whole */
export function decodeCounts(file: Uint8Array, link: number): LinkCounts {
  const values = new Float64Array(new Uint8Array(file).buffer, link * COUNTS_LENGTH, NAMES.length);
  return Object.fromEntries(NAMES.map((name, index) => [name, values[index] ?? 0])) as Record<keyof LinkCounts, number>;
}
