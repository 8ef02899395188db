import { randomFillSync } from "node:crypto";

/** Where `random_get` and Envoy's own draws (back-off jitter) come from. */
export interface Random {
  /** Fills all of `bytes`. */
  fill(bytes: Uint8Array): void;
}

/** Repeatable: the same seed gives the same bytes (xorshift32; not for secrets). */
export class SeededRandom implements Random {
  private state: number;

  constructor(seed = 1) {
    this.state = seed | 0 || 1;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      this.state ^= this.state << 13;
      this.state ^= this.state >>> 17;
      this.state ^= this.state << 5;
      bytes[i] = this.state & 0xff;
    }
  }
}

/** The machine's randomness, for the command line. */
export class SystemRandom implements Random {
  fill(bytes: Uint8Array): void {
    randomFillSync(bytes);
  }
}
