import { Bytes, Counter, Root, Stream } from "../sdk";
import { parseConfiguration } from "./configuration";
import { Settings } from "./settings";
import { RateLimitStream } from "./stream";


@final
export class RateLimitRoot extends Root {
  settings: Settings = new Settings();
  // Envoy's names, those of its rate limit filter's counters.
  readonly ok: Counter = new Counter("ratelimit.ok");
  readonly overLimit: Counter = new Counter("ratelimit.over_limit");
  readonly shadowOverLimit: Counter = new Counter("ratelimit.shadow_over_limit");
  readonly error: Counter = new Counter("ratelimit.error");
  readonly failureModeAllowed: Counter = new Counter("ratelimit.failure_mode_allowed");
  /** Buckets that were forgotten before they were full. */
  readonly evicted: Counter = new Counter("ratelimit.evicted");

  configure(configuration: Bytes): string | null {
    const result = parseConfiguration(configuration, this.pluginName);
    const settings = result.settings;
    if (settings == null) return result.problem;
    this.settings = settings;
    return null;
  }

  createStream(): Stream {
    return new RateLimitStream();
  }
}
