import { IdentityError } from "../identity-error.ts";

export interface RateLimitOptions {
  /** Requests that one source may make at once. Default: 2,000, since a machine may start that many workloads. */
  readonly burst?: number;
  /** Requests a second after that. Default: 100. */
  readonly rate?: number;
  /** How many requests one that is refused counts for. Default: 20. */
  readonly refusal?: number;
  /** Sources that are remembered; the one that was quiet for longest is forgotten first. Default: 10,000. */
  readonly sources?: number;
  /** Milliseconds, of any beginning, that never go back. Default: the system's monotonic clock. */
  readonly clock?: () => number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket for each source. Refusals cost more than certificates: who guesses is slowed down, who starts a thousand workloads is not. */
export class RateLimit {
  private readonly buckets = new Map<string, Bucket>();
  private readonly burst: number;
  private readonly rate: number;
  private readonly refusal: number;
  private readonly sources: number;
  private readonly clock: () => number;

  constructor({ burst = 2000, rate = 100, refusal = 20, sources = 10_000, clock = () => performance.now() }: RateLimitOptions = {}) {
    this.burst = burst;
    this.rate = rate;
    this.refusal = refusal;
    this.sources = sources;
    this.clock = clock;
  }

  /**
   * Counts one request.
   *
   * @param source address of the client, with its port or without
   * @throws IdentityError `rate-limit`
   */
  request(source: string): void {
    const bucket = this.bucket(source);
    if (bucket.tokens < 1)
      throw new IdentityError(
        "rate-limit",
        `too many requests for certificates from this address; try again in ${Math.ceil((1 - bucket.tokens) / this.rate)} seconds`,
      );
    bucket.tokens -= 1;
  }

  /** Counts the rest of the price of a request that was refused. */
  refused(source: string): void {
    // In debt for ten seconds at most, so that one bad neighbour behind the same address does not lock out the others for long.
    const bucket = this.bucket(source);
    bucket.tokens = Math.max(bucket.tokens - (this.refusal - 1), -10 * this.rate);
  }

  /** Sources that are remembered. */
  get size(): number {
    return this.buckets.size;
  }

  private bucket(source: string): Bucket {
    const key = networkOf(source);
    const now = this.clock();
    const known = this.buckets.get(key);
    const bucket = { tokens: this.burst, at: now };
    if (known !== undefined) {
      bucket.tokens = Math.min(this.burst, known.tokens + (Math.max(0, now - known.at) / 1000) * this.rate);
      this.buckets.delete(key);
    } else if (this.buckets.size >= this.sources) {
      const [oldest] = this.buckets.keys();
      if (oldest !== undefined) this.buckets.delete(oldest);
    }
    // A Map keeps the order of insertion: the last one is the one that was heard of last.
    this.buckets.set(key, bucket);
    return bucket;
  }
}

/** The address; of IPv6 the first 64 bits, since whoever has one address there has all of these. */
function networkOf(source: string): string {
  const address = source.replace(/^\[?(.*?)\]?:\d+$/, "$1");
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const behind = tail === undefined ? [] : tail.split(":").filter((group) => group !== "");
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => "0");
  return `${[...groups, ...zeros, ...behind].slice(0, 4).join(":")}::/64`;
}
