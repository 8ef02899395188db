import { Random } from "../../lib/random";
import { random_get } from "../abi/hostcalls";
import { RESULT, resultU64 } from "../abi/results";
import { currentTime, monotonicTime } from "./time";

/** 64 bits that no client can guess, for the seed of a hash. Where a host gives no randomness, its clocks, which is the best that is left. */
export function randomSeed(): u64 {
  return random_get(RESULT, 8) == 0 ? resultU64() : currentTime() ^ rotl<u64>(monotonicTime(), 32);
}

let generator: Random | null = null;

/** A number from 0 up to, not including, `bound`. One generator for each VM, seeded by its clocks: this divides traffic and guards nothing. */
export function randomBelow(bound: u32): u32 {
  if (generator == null) generator = new Random(currentTime() ^ (monotonicTime() << 20));
  return (generator as Random).below(bound);
}
