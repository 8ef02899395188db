import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { KeptToken } from "./state/health.ts";

/** Milliseconds until a token is replaced: two of them are the longest that one is good for. */
export const TOKEN_LIFE = 12 * 3_600_000;

interface KnownToken extends KeptToken {
  readonly since: number;
  readonly digest: Buffer;
}

/**
 * Tokens by which proxies in plain text show that their configuration is from here. One is handed out; that before it is good until the next one is made, so that no proxy is refused which has not heard
 * of the new one yet.
 */
export class ReportTokens {
  /** The newest first, at most two. */
  private known: readonly KnownToken[];
  private readonly now: () => number;

  /**
   * @param kept of an earlier process, the newest first; those whose age is not known are replaced at once
   * @param now milliseconds since 1970
   */
  constructor(kept: readonly KeptToken[], now: () => number) {
    this.now = now;
    // A date in the future is that of a clock that was wrong.
    this.known = kept.slice(0, 2).map(({ token, since = -Infinity }) => knownToken(token, Math.min(since, now())));
    if (this.known.length === 0) this.replace();
    else this.renew();
  }

  /** What configuration carries. */
  get current(): string {
    return this.known[0]?.token ?? "";
  }

  accepts(given: string): boolean {
    const digest = digestOf(given);
    return this.known.map((each) => timingSafeEqual(each.digest, digest)).includes(true);
  }

  /** Makes another where the current one is old, and says whether it did. */
  renew(): boolean {
    const isOld = this.now() - (this.known[0]?.since ?? -Infinity) >= TOKEN_LIFE;
    if (isOld) this.replace();
    return isOld;
  }

  replace(): void {
    this.known = [knownToken(randomBytes(24).toString("base64url"), this.now()), ...this.known.slice(0, 1)];
  }

  /** To be kept over a restart. */
  kept(): readonly KeptToken[] {
    // An unknown age, which JSON has no number for, is that of the former one only: nobody asks for it again.
    return this.known.map(({ token, since }) => ({ token, since: Number.isFinite(since) ? since : 0 }));
  }
}

function knownToken(token: string, since: number): KnownToken {
  return { token, since, digest: digestOf(token) };
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
