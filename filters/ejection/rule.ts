import { StringMatch } from "../lib/match";
import { StreamSearch } from "../lib/scan";
import { HeaderMap, Text } from "../sdk";
import { Answer } from "./answer";

/** How an answer stands to a rule. */
export const enum Judgement {
  /** Not what the rule is about. */
  Good,
  Failure,
  /** The headers do not tell. */
  Pending,
}

/** HTTP status codes from `first` to `last`. */
@final
export class StatusRange {
  constructor(
    readonly first: i32,
    readonly last: i32,
  ) {}
}

/** A header and what one of its values must be like. */
@final
export class HeaderCondition {
  constructor(
    readonly name: Text,
    readonly match: StringMatch,
  ) {}

  holds(headers: HeaderMap): bool {
    const values = headers.values(this.name.bytes);
    let found = false;
    while (values.next()) {
      if (this.match.matches(values.value)) return true;
      found = true;
    }
    return !found && this.match.matchesMissing();
  }
}

/** Which answers are failures: those for which all conditions that are there hold. Compiled with the configuration. */
@final
export class Rule {
  /** So many failures in a row are a verdict. */
  consecutive: i32 = 5;
  readonly statuses: StatusRange[] = [];
  readonly headers: HeaderCondition[] = [];
  /** The statuses are those that Envoy makes of gRPC's. */
  mapsGrpc: bool = false;
  /** A bit for each gRPC status, which may stand in trailers; 0 where the rule does not ask. */
  grpcStatuses: u32 = 0;
  body: StreamSearch | null = null;
  bodyLimit: i32 = 65_536;
  /** Microseconds that an answer may take; 0 where the rule does not ask. */
  latencyAbove: u64 = 0;
  /** In parts of a million: an answer may be as slow as this share of those of the interval before. 0 where the rule does not ask. */
  latencyQuantile: u32 = 0;
  /** Latency is that of the whole answer, not of its headers. */
  latencyToEnd: bool = false;
  /** The attempt had no answer: no connection, a reset, a timeout. */
  localOrigin: bool = false;
  /** The answer was cut off after its headers. */
  reset: bool = false;

  constructor(readonly name: Text) {}

  /** Whether an answer can be a failure, and not only its absence. */
  get judgesAnswers(): bool {
    return (
      this.reset || this.body != null || this.grpcStatuses != 0 || this.statuses.length > 0 || this.headers.length > 0 || this.asksLatency
    );
  }

  get asksLatency(): bool {
    return this.latencyAbove != 0 || this.latencyQuantile != 0;
  }

  /**
   * What the headers say. A condition that does not hold settles it, whatever comes later. `slowAfter`: the quantile in microseconds, 0 while
   * it is not known.
   */
  judgeHeaders(answer: Answer, headers: HeaderMap, slowAfter: u64, endOfStream: bool): Judgement {
    if (!this.judgesAnswers) return Judgement.Good;
    if (this.statuses.length > 0 && !this.hasStatus(this.mapsGrpc ? answer.httpStatus : answer.status)) return Judgement.Good;
    for (let i = 0; i < this.headers.length; i++) {
      if (!unchecked(this.headers[i]).holds(headers)) return Judgement.Good;
    }
    let pending = this.reset || this.body != null;
    if (this.grpcStatuses != 0) {
      if (!answer.isGrpc) return Judgement.Good;
      if (answer.grpcStatus < 0) pending = true;
      else if (!this.hasGrpcStatus(answer.grpcStatus)) return Judgement.Good;
    }
    if (this.asksLatency) {
      if (this.latencyToEnd) pending = true;
      else if (!this.isSlow(answer.latency, slowAfter)) return Judgement.Good;
    }
    if (!pending) return Judgement.Failure;
    return endOfStream ? this.judgeEnd(answer, slowAfter, false, false) : Judgement.Pending;
  }

  /** What the end of an answer says, whose headers left it open. `found`: the body has the marker. `cut`: more was to come. */
  judgeEnd(answer: Answer, slowAfter: u64, found: bool, cut: bool): Judgement {
    if (this.reset && !cut) return Judgement.Good;
    if (this.body != null && !found) return Judgement.Good;
    if (this.grpcStatuses != 0 && !this.hasGrpcStatus(answer.grpcStatus)) return Judgement.Good;
    if (this.latencyToEnd && !this.isSlow(answer.latency, slowAfter)) return Judgement.Good;
    return Judgement.Failure;
  }

  private isSlow(latency: u64, slowAfter: u64): bool {
    if (latency <= this.latencyAbove && this.latencyAbove != 0) return false;
    return this.latencyQuantile == 0 || (slowAfter != 0 && latency > slowAfter);
  }

  private hasStatus(status: i32): bool {
    for (let i = 0; i < this.statuses.length; i++) {
      const range = unchecked(this.statuses[i]);
      if (status >= range.first && status <= range.last) return true;
    }
    return false;
  }

  private hasGrpcStatus(status: i32): bool {
    return status >= 0 && (this.grpcStatuses & (1 << status)) != 0;
  }
}
