import { arena, Bytes, getSharedData, randomSeed, setSharedData } from "../sdk";

const SEEDS = Bytes.of("ratelimit/seeds");
const SIZE: i32 = 16;
/** Creates a missing key and overwrites none: no value has this version. */
const NEW: u32 = u32.MAX_VALUE;

/**
 * The two secret numbers with which the keys of buckets begin. They are drawn once by whichever VM is first and kept in shared data, because all workers must find
 * the same bucket. `null` where this host gives no shared data.
 */
export function sharedSeeds(): Bytes | null {
  for (let i = 0; i < 2; i++) {
    const known = getSharedData(SEEDS);
    if (known != null && known.bytes.length == SIZE) return known.bytes;
    setSharedData(SEEDS, ownSeeds(), known != null ? known.cas : NEW);
  }
  // What was written last, by this VM or by one that was quicker.
  const written = getSharedData(SEEDS);
  return written != null && written.bytes.length == SIZE ? written.bytes : null;
}

/** Of this VM alone. */
export function ownSeeds(): Bytes {
  const seeds = arena.allocate(<usize>SIZE);
  store<u64>(seeds, randomSeed());
  store<u64>(seeds, randomSeed(), 8);
  return Bytes.view(seeds, SIZE);
}
