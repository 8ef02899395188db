import { RuleIndex } from "../lib/match";
import { RateLimit } from "./limit";

/** On which answers `RateLimit` and `RateLimit-Policy` stand. */
export const enum RateLimitHeaders {
  Off,
  /** On those of requests that are limited. */
  Limited,
  Always,
}

/** What one configuration says. */
@final
export class Settings {
  readonly index: RuleIndex<RateLimit> = new RuleIndex<RateLimit>();
  /** In the order of the configuration. */
  readonly limits: RateLimit[] = [];
  /** All of them concern all requests, so that none needs the index, nor its headers for it. */
  unconditional: bool = true;
  headers: RateLimitHeaders = RateLimitHeaders.Limited;
  /** What cannot be decided is refused. */
  failureModeDeny: bool = true;
  statusOnError: u32 = 500;

  add(limit: RateLimit, unconditional: bool): void {
    this.limits.push(limit);
    this.index.add(limit);
    if (!unconditional) this.unconditional = false;
  }
}
