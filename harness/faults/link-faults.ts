import { FaultError } from "./fault-error.ts";

/** What is wrong with a link. All of it holds for each direction on its own; what is left out is not wrong. */
export interface LinkFaults {
  /** Milliseconds that everything takes longer, each way. */
  readonly delay?: number;
  /** Up to as many milliseconds more, drawn for each chunk. Chunks do not overtake each other. */
  readonly jitter?: number;
  /** All connections of the link share it, each way. */
  readonly bytesPerSecond?: number;
  /**
   * Share (0 to 1) of chunks that are lost and sent again. TCP hides a lost packet: what its ends see is that this chunk, and all after it, come later by the
   * retransmission timeout: 200 ms in Linux, and twice as much for each time that it is lost again (RFC 6298, section 5.5).
   */
  readonly loss?: number;
  /** Share (0 to 1) of chunks at which the connection is reset at both ends, and the chunk lost. */
  readonly resets?: number;
  /** Every connection is closed when so many bytes of answers went over it since it was made, in the middle of an answer if need be. */
  readonly closeAfter?: number;
  /**
   * Nothing goes through.
   *
   * - `hang`: as where a cable is cut, or packets are dropped. Connections stay open, what is written is kept and goes on when the link is healed. New connections are
   *   made, because this machine's kernel makes them; nothing comes over them either.
   * - `reset`: connections are reset, and new ones as soon as they are made.
   * - `refuse`: connections are reset, and nobody listens any more (ECONNREFUSED).
   */
  readonly cut?: "hang" | "reset" | "refuse";
}

const NUMBERS = ["delay", "jitter", "bytesPerSecond", "loss", "resets", "closeAfter"] as const;
const SHARES: readonly string[] = ["loss", "resets"];
const CUTS: readonly unknown[] = [undefined, "hang", "reset", "refuse"];

/** @throws FaultError `spec` */
export function checkFaults(faults: LinkFaults): void {
  for (const name of Object.keys(faults)) {
    if (name !== "cut" && !NUMBERS.some((known) => known === name))
      throw new FaultError("spec", `a link has no fault ${name}; there are ${[...NUMBERS, "cut"].join(", ")}`);
  }
  for (const name of NUMBERS) {
    const value = faults[name];
    if (value === undefined) continue;
    if (!Number.isFinite(value) || value < 0) throw new FaultError("spec", `${name}: ${value} is no amount; expected 0 or more`);
    if (SHARES.includes(name) && value > 1) throw new FaultError("spec", `${name}: ${value} is no share; expected 0 to 1`);
  }
  if (faults.bytesPerSecond === 0)
    throw new FaultError("spec", `bytesPerSecond: 0 lets nothing through; expected 1 or more, or cut: "hang"`);
  if (!CUTS.includes(faults.cut)) throw new FaultError("spec", `cut: ${String(faults.cut)} is none; expected hang, reset or refuse`);
}
