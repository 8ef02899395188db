import { xxHash64 } from "../lib/hash";
import { Text } from "../sdk";
import { MAX_RULES } from "./limits";
import { Settings } from "./settings";

/** A cluster as one root sees it: its settings, and what was learnt about it. */
@final
export class Cluster {
  readonly hash: u64;
  /** `null` where nothing judges its answers. */
  settings: Settings | null = null;
  /** For each rule with a quantile, how long an answer may take, microseconds; 0 while that is not known. */
  readonly quantiles: StaticArray<u64> = new StaticArray<u64>(MAX_RULES);

  constructor(readonly name: Text) {
    this.hash = xxHash64(name.bytes);
  }
}
