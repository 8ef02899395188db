import { formatInteger } from "../lib/number";
import { BucketKey } from "../lib/token-bucket";
import { DecisionResult, HeaderMap, HeaderPairs, HeadersAction, HttpStream, logDecision, Bytes, Text } from "../sdk";
import { Presence } from "./descriptor";
import { RATELIMIT, RATELIMIT_POLICY, Report, RETRY_AFTER } from "./fields";
import { delaySeconds, RateLimit } from "./limit";
import { LimitedRequest } from "./request";
import { RateLimitRoot } from "./root";
import { RateLimitHeaders } from "./settings";
import { Outcome, Taking } from "./taking";
import { Takings } from "./takings";

const FILTER = Bytes.of("ratelimit");
const NO_RULE = Bytes.of("");
const WITHIN = Bytes.of("within every limit");
const NO_LIMIT = Bytes.of("no limit concerns it");
const EMPTY = Bytes.of("bucket is empty");
const SHADOW_EMPTY = Bytes.of("bucket is empty, in shadow mode");
const UNDECODABLE = Text.of("a descriptor cannot be decoded");
const NO_SHARED_DATA = Text.of("shared data failed");
const UNDECODABLE_DETAILS = Text.of("ratelimit_undecodable_descriptor");
const NO_SHARED_DATA_DETAILS = Text.of("ratelimit_shared_data_failed");

/** What Envoy's local rate limit filter answers. */
const BODY = Bytes.of("local_rate_limited");
/** Tells Envoys in front not to try again (`envoy-ratelimited` of `x-envoy-retry-on`), as Envoy's own filters do. */
const X_ENVOY_RATELIMITED = Bytes.of("x-envoy-ratelimited");
const TRUE = Bytes.of("true");
const RESOURCE_EXHAUSTED: i32 = 8;


@final
export class RateLimitStream extends HttpStream {
  private readonly report: Report = new Report();

  reset(): void {
    this.report.clear();
  }

  /** Every limit is looked at before a token is taken: a request that one refuses takes nothing of the others. */
  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const root = changetype<RateLimitRoot>(this.root);
    const settings = root.settings;
    const request = LimitedRequest.of(headers);
    const takings = Takings.create();
    if (settings.unconditional) {
      const limits = settings.limits;
      for (let i = 0; i < limits.length; i++) {
        if (!this.look(root, unchecked(limits[i]), request, takings)) return HeadersAction.StopIteration;
      }
      return this.take(root, takings);
    }
    const view = request.view;
    const candidates = settings.index.candidates(view);
    let previous: RateLimit | null = null;
    for (let candidate = candidates.next(); candidate != null; candidate = candidates.next()) {
      const limit = candidate.rule;
      if (limit === previous || !candidate.match.matches(view)) continue;
      previous = limit;
      if (!this.look(root, limit, request, takings)) return HeadersAction.StopIteration;
    }
    return this.take(root, takings);
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const report = this.report;
    if (report.empty) return HeadersAction.Continue;
    // Beside those that the service may have sent: both are lists.
    headers.add(RATELIMIT_POLICY, report.policy);
    headers.add(RATELIMIT, report.rateLimit);
    return HeadersAction.Continue;
  }

  /** Looks at one limit. False: the request was answered. */
  private look(root: RateLimitRoot, limit: RateLimit, request: LimitedRequest, takings: Takings): bool {
    const key = BucketKey.begin(limit.seedOne, limit.seedTwo);
    const presence = limit.describe(key, request);
    if (presence == Presence.Absent) return true;
    if (presence == Presence.Undecodable) {
      if (limit.shadowMode) root.error.increment();
      else if (root.settings.failureModeDeny) return this.fail(root, limit, UNDECODABLE, UNDECODABLE_DETAILS);
      else this.allowFailure(root, limit, UNDECODABLE);
      return true;
    }
    const taking = Taking.look(limit, key, takings.time);
    if (taking.after == 0 && !limit.shadowMode) return this.refuse(root, taking);
    takings.add(taking);
    return true;
  }

  /** Takes what was looked at. Another worker can have been quicker: then what was taken so far is given back. */
  private take(root: RateLimitRoot, takings: Takings): HeadersAction {
    const settings = root.settings;
    let taking = takings.first;
    while (taking != null) {
      const outcome = taking.limit.shadowMode ? Outcome.Taken : taking.take();
      if (outcome == Outcome.Refused) {
        takings.giveBack(taking);
        this.refuse(root, taking);
        return HeadersAction.StopIteration;
      }
      if (outcome == Outcome.Failed) {
        if (settings.failureModeDeny) {
          takings.giveBack(taking);
          this.fail(root, taking.limit, NO_SHARED_DATA, NO_SHARED_DATA_DETAILS);
          return HeadersAction.StopIteration;
        }
        this.allowFailure(root, taking.limit, NO_SHARED_DATA);
      }
      taking = taking.next;
    }
    taking = takings.first;
    while (taking != null) {
      if (taking.limit.shadowMode) this.takeInShadow(root, taking);
      else if (settings.headers == RateLimitHeaders.Always) this.report.add(taking.limit, taking.after, taking.now);
      if (taking.evicts) root.evicted.increment();
      taking = taking.next;
    }
    root.ok.increment();
    logDecision(FILTER, NO_RULE, DecisionResult.Allow, takings.first == null ? NO_LIMIT : WITHIN);
    return HeadersAction.Continue;
  }

  private takeInShadow(root: RateLimitRoot, taking: Taking): void {
    const outcome = taking.take();
    if (outcome == Outcome.Failed) root.error.increment();
    if (outcome != Outcome.Refused) return;
    root.shadowOverLimit.increment();
    logDecision(FILTER, taking.limit.name.bytes, DecisionResult.ShadowDeny, SHADOW_EMPTY);
  }

  private refuse(root: RateLimitRoot, taking: Taking): bool {
    const limit = taking.limit;
    root.overLimit.increment();
    logDecision(FILTER, limit.name.bytes, DecisionResult.Limit, EMPTY);
    const headers = HeaderPairs.create();
    const report = this.report;
    headers.add(X_ENVOY_RATELIMITED, TRUE);
    headers.add(RETRY_AFTER, formatInteger(<i64>delaySeconds(limit.bucket.wait(taking.fullAt, taking.now))));
    if (root.settings.headers != RateLimitHeaders.Off) {
      report.add(limit, taking.fullAt, taking.now);
      headers.add(RATELIMIT_POLICY, report.policy);
      headers.add(RATELIMIT, report.rateLimit);
      // The answer comes by this filter's own onResponseHeaders.
      report.clear();
    }
    this.sendLocalResponse(limit.status, limit.details.bytes, BODY, headers, RESOURCE_EXHAUSTED);
    return false;
  }

  private fail(root: RateLimitRoot, limit: RateLimit, reason: Text, details: Text): bool {
    root.error.increment();
    logDecision(FILTER, limit.name.bytes, DecisionResult.Deny, reason.bytes);
    this.sendLocalResponse(root.settings.statusOnError, details.bytes);
    return false;
  }

  private allowFailure(root: RateLimitRoot, limit: RateLimit, reason: Text): void {
    root.error.increment();
    root.failureModeAllowed.increment();
    logDecision(FILTER, limit.name.bytes, DecisionResult.Allow, reason.bytes);
  }
}
