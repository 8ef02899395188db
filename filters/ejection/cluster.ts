import { xxHash64 } from "../lib/hash";
import { Text } from "../sdk";
import { Latencies } from "./latencies";
import { Settings } from "./settings";

/** A cluster as one root sees it. */
@final
export class Cluster {
  readonly hash: u64;
  readonly latencies: Latencies = new Latencies();
  /** `null` where nothing judges its answers. */
  settings: Settings | null = null;
  /** Monotonic time at which its metadata was last looked at. */
  lookedAt: u64 = 0;
  /** The version that its metadata had then; empty for none. */
  version: Text = Text.of("");
  /** Its name stands in the record that all workers share. */
  announced: bool = false;
  /** The last interval that somebody evaluated, as far as this worker knows. */
  evaluated: u64 = 0;

  constructor(readonly name: Text) {
    const hash = xxHash64(name.bytes);
    this.hash = hash != 0 ? hash : 1;
  }
}
