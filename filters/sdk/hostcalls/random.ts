import { random_get } from "../abi/hostcalls";
import { RESULT, resultU64 } from "../abi/results";
import { currentTime, monotonicTime } from "./time";

/** 64 bits that no client can guess, for the seed of a hash. Where a host gives no randomness, its clocks, which is the best that is left. */
export function randomSeed(): u64 {
  return random_get(RESULT, 8) == 0 ? resultU64() : currentTime() ^ rotl<u64>(monotonicTime(), 32);
}
