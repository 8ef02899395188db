import { RuleIndex } from "../lib/match";
import { Bytes, Counter, Gauge, Root, Stream, Text } from "../sdk";
import { Parsed, parseConfiguration } from "./configuration";
import { Rule } from "./rule";
import { FaultStream } from "./stream";

/** One configuration. Metrics have the names of Envoy's own fault filter. */
@final
export class FaultRoot extends Root {
  index: RuleIndex<Rule> = new RuleIndex<Rule>();
  /** The header by which a client is told; `null`: it is not. */
  responseHeader: Text | null = null;
  private maxActiveFaults: i64 = -1;
  readonly delaysInjected: Counter = new Counter("fault.delays_injected");
  readonly abortsInjected: Counter = new Counter("fault.aborts_injected");
  readonly faultsOverflow: Counter = new Counter("fault.faults_overflow");
  /** Requests that are held back now, by all workers. */
  readonly activeFaults: Gauge = new Gauge("fault.active_faults");

  configure(configuration: Bytes): string | null {
    const parsed: Parsed = parseConfiguration(configuration);
    const index = parsed.index;
    if (index == null) return parsed.problem;
    this.index = index;
    this.responseHeader = parsed.responseHeader;
    this.maxActiveFaults = parsed.maxActiveFaults;
    return null;
  }

  /** Whether as many requests are held back as may be. */
  get full(): bool {
    const most = this.maxActiveFaults;
    return most >= 0 && (most == 0 || <i64>this.activeFaults.value >= most);
  }

  createStream(): Stream {
    return new FaultStream();
  }
}
