import { formatInteger } from "../lib/number";
import { BucketKey, TICKS_PER_NANOSECOND } from "../lib/token-bucket";
import { DecisionResult, HeaderMap, HeaderPairs, HeadersAction, HttpStream, logDecision, monotonicTime, Text } from "../sdk";
import { Presence } from "./descriptor";
import { RATELIMIT, RATELIMIT_POLICY, Report, RETRY_AFTER } from "./fields";
import { RateLimit, seconds } from "./limit";
import { LimitedRequest } from "./request";
import { RateLimitRoot } from "./root";
import { RateLimitHeaders, Settings } from "./settings";
import { Outcome, Taking } from "./taking";

const FILTER = Text.of("ratelimit");
const NO_RULE = Text.of("");
const WITHIN = Text.of("within every limit");
const NO_LIMIT = Text.of("no limit concerns it");
const EMPTY = Text.of("bucket is empty");
const SHADOW_EMPTY = Text.of("bucket is empty, in shadow mode");
const UNDECODABLE = Text.of("a descriptor cannot be decoded");
const NO_SHARED_DATA = Text.of("shared data failed");
const UNDECODABLE_DETAILS = Text.of("ratelimit_undecodable_descriptor");
const NO_SHARED_DATA_DETAILS = Text.of("ratelimit_shared_data_failed");

/** What Envoy's local rate limit filter answers. */
const BODY = Text.of("local_rate_limited");
/** Tells Envoys in front not to try again (`envoy-ratelimited` of `x-envoy-retry-on`), as Envoy's own filters do. */
const X_ENVOY_RATELIMITED = Text.of("x-envoy-ratelimited");
const TRUE = Text.of("true");
const RESOURCE_EXHAUSTED: i32 = 8;


@final
export class RateLimitStream extends HttpStream {
  private readonly report: Report = new Report();

  reset(): void {
    this.report.clear();
  }

  onRequestHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const root = changetype<RateLimitRoot>(this.root);
    const settings = root.settings;
    const request = LimitedRequest.of(headers);
    let now: u64 = 0;
    let first: Taking | null = null;
    let last: Taking | null = null;
    // Looked at first: a request that one limit refuses takes nothing of the others.
    const candidates = settings.index.candidates(request.view);
    let previous: RateLimit | null = null;
    for (let candidate = candidates.next(); candidate != null; candidate = candidates.next()) {
      const limit = candidate.rule;
      if (limit === previous || !candidate.match.matches(request.view)) continue;
      previous = limit;
      const key = BucketKey.begin(limit.seedOne, limit.seedTwo);
      const presence = limit.describe(key, request);
      if (presence == Presence.Absent) continue;
      if (presence == Presence.Undecodable) {
        if (limit.shadowMode) {
          root.error.increment();
          continue;
        }
        if (settings.failureModeDeny) return this.fail(root, limit, UNDECODABLE, UNDECODABLE_DETAILS);
        this.allowFailure(root, limit, UNDECODABLE);
        continue;
      }
      if (now == 0) now = monotonicTime() * TICKS_PER_NANOSECOND;
      const taking = Taking.look(limit, key, now);
      if (taking.after == 0 && !limit.shadowMode) return this.refuse(root, limit, taking.fullAt, now);
      if (last == null) first = taking;
      else last.next = taking;
      last = taking;
    }
    return this.take(root, settings, first, now);
  }

  onResponseHeaders(headers: HeaderMap, endOfStream: bool): HeadersAction {
    const report = this.report;
    if (report.empty) return HeadersAction.Continue;
    // Beside those that the service may have sent: both are lists.
    headers.add(RATELIMIT_POLICY.bytes, report.policy);
    headers.add(RATELIMIT.bytes, report.rateLimit);
    return HeadersAction.Continue;
  }

  /** Takes what was looked at. Another worker can have been quicker: then what was taken so far is given back. */
  private take(root: RateLimitRoot, settings: Settings, first: Taking | null, now: u64): HeadersAction {
    let taking = first;
    while (taking != null) {
      const outcome = taking.limit.shadowMode ? Outcome.Taken : taking.take();
      if (outcome == Outcome.Refused) {
        giveBack(first, taking);
        return this.refuse(root, taking.limit, taking.fullAt, now);
      }
      if (outcome == Outcome.Failed) {
        if (settings.failureModeDeny) {
          giveBack(first, taking);
          return this.fail(root, taking.limit, NO_SHARED_DATA, NO_SHARED_DATA_DETAILS);
        }
        this.allowFailure(root, taking.limit, NO_SHARED_DATA);
      }
      taking = taking.next;
    }
    taking = first;
    while (taking != null) {
      if (taking.limit.shadowMode) this.takeInShadow(root, taking);
      else if (settings.headers == RateLimitHeaders.Always) this.report.add(taking.limit, taking.after, now);
      if (taking.evicts) root.evicted.increment();
      taking = taking.next;
    }
    root.ok.increment();
    logDecision(FILTER.bytes, NO_RULE.bytes, DecisionResult.Allow, first == null ? NO_LIMIT.bytes : WITHIN.bytes);
    return HeadersAction.Continue;
  }

  private takeInShadow(root: RateLimitRoot, taking: Taking): void {
    const outcome = taking.take();
    if (outcome == Outcome.Failed) root.error.increment();
    if (outcome != Outcome.Refused) return;
    root.shadowOverLimit.increment();
    logDecision(FILTER.bytes, taking.limit.name.bytes, DecisionResult.ShadowDeny, SHADOW_EMPTY.bytes);
  }

  private refuse(root: RateLimitRoot, limit: RateLimit, fullAt: u64, now: u64): HeadersAction {
    root.overLimit.increment();
    logDecision(FILTER.bytes, limit.name.bytes, DecisionResult.Limit, EMPTY.bytes);
    const headers = HeaderPairs.create();
    const report = this.report;
    headers.add(X_ENVOY_RATELIMITED.bytes, TRUE.bytes);
    headers.add(RETRY_AFTER.bytes, formatInteger(<i64>seconds(limit.bucket.wait(fullAt, now))));
    if (root.settings.headers != RateLimitHeaders.Off) {
      report.add(limit, fullAt, now);
      headers.add(RATELIMIT_POLICY.bytes, report.policy);
      headers.add(RATELIMIT.bytes, report.rateLimit);
      // The answer comes by this filter's own onResponseHeaders.
      report.clear();
    }
    return this.sendLocalResponse(limit.status, limit.details.bytes, BODY.bytes, headers, RESOURCE_EXHAUSTED);
  }

  private fail(root: RateLimitRoot, limit: RateLimit, reason: Text, details: Text): HeadersAction {
    root.error.increment();
    logDecision(FILTER.bytes, limit.name.bytes, DecisionResult.Deny, reason.bytes);
    return this.sendLocalResponse(root.settings.statusOnError, details.bytes);
  }

  private allowFailure(root: RateLimitRoot, limit: RateLimit, reason: Text): void {
    root.error.increment();
    root.failureModeAllowed.increment();
    logDecision(FILTER.bytes, limit.name.bytes, DecisionResult.Allow, reason.bytes);
  }
}

/** Gives back what was taken for the limits in front of `end`. */
function giveBack(first: Taking | null, end: Taking): void {
  let taking = first;
  while (taking != null && taking !== end) {
    if (!taking.limit.shadowMode) taking.giveBack();
    taking = taking.next;
  }
}
