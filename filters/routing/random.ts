import { Random } from "../lib/random";
import { currentTime, monotonicTime } from "../sdk";

let generator: Random | null = null;

/** A number from 0 up to, not including, `bound`. One generator for each VM, seeded by its clocks: this divides traffic and guards nothing. */
export function randomBelow(bound: u32): u32 {
  if (generator == null) generator = new Random(currentTime() ^ (monotonicTime() << 20));
  return (generator as Random).below(bound);
}
