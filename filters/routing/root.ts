import { RuleIndex } from "../lib/match";
import { Bytes, Counter, Root, Stream } from "../sdk";
import { parseConfiguration } from "./configuration";
import { Rule } from "./rule";
import { RoutingStream } from "./stream";


@final
export class RoutingRoot extends Root {
  index: RuleIndex<Rule> = new RuleIndex<Rule>();
  readonly matched: Counter = new Counter("routing.matched");
  readonly unmatched: Counter = new Counter("routing.unmatched");

  configure(configuration: Bytes): string | null {
    const result = parseConfiguration(configuration);
    const index = result.index;
    if (index == null) return result.problem;
    this.index = index;
    return null;
  }

  createStream(): Stream {
    return new RoutingStream();
  }
}
