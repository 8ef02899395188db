import { Match } from "../lib/match";
import { decimal } from "../lib/number";
import { BucketKey, TICKS_PER_SECOND, TokenBucket } from "../lib/token-bucket";
import { Text } from "../sdk";
import { Buckets } from "./buckets";
import { Descriptor, Presence } from "./descriptor";
import { LimitedRequest } from "./request";

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/** One limit: which requests it concerns, what tells its buckets apart, and how large and fast they are. */
@final
export class RateLimit {
  /** One must hold. */
  readonly matches: Match[] = [];
  readonly descriptors: Descriptor[] = [];
  status: u32 = 429;
  /** Counts and refuses nothing. */
  shadowMode: bool = false;
  /** `%RESPONSE_CODE_DETAILS%` of the answer to a request that this limit refuses. */
  readonly details: Text;
  /** `"name"`, as a string of structured fields (RFC 9651, section 3.3.3). */
  readonly quoted: Text;
  /** `"name";q=100;w=10`, the limit's item of `RateLimit-Policy`: with `w` the time in which an empty bucket fills. */
  readonly policy: Text;

  /** `name` is printable ASCII. The seeds are secret, the same in all workers that share buckets, and others for each limit. */
  constructor(
    readonly name: Text,
    readonly bucket: TokenBucket,
    readonly buckets: Buckets,
    readonly seedOne: u64,
    readonly seedTwo: u64,
  ) {
    const text = name.toString();
    const quoted = quotedOf(text);
    const window = decimal(<i64>max<u64>(seconds(bucket.capacity), 1));
    this.details = Text.of("ratelimit_limited[" + text + "]");
    this.quoted = Text.of(quoted);
    this.policy = Text.of(quoted + ";q=" + decimal(<i64>bucket.maxTokens) + ";w=" + window);
  }

  /**
   * Adds to `key` what tells the bucket of `request`. Absent: the limit does not concern the request, as in Envoy a descriptor of which one entry is missing.
   * Undecodable: nobody can say which bucket it is.
   */
  describe(key: BucketKey, request: LimitedRequest): Presence {
    const descriptors = this.descriptors;
    for (let i = 0; i < descriptors.length; i++) {
      const descriptor = unchecked(descriptors[i]);
      const presence = descriptor.add(key, request);
      if (presence == Presence.Present) continue;
      if (presence == Presence.Undecodable || !descriptor.skipIfAbsent) return presence;
      key.addGap();
    }
    return Presence.Present;
  }
}

function quotedOf(text: string): string {
  let quoted = '"';
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character == '"' || character == "\\") quoted += "\\";
    quoted += character;
  }
  return quoted + '"';
}

/** `ticks` in seconds, rounded up. */
export function seconds(ticks: u64): u64 {
  return (ticks + TICKS_PER_SECOND - 1) / TICKS_PER_SECOND;
}

/**
 * A wait of `ticks` as clients are told: in seconds, above an hour in whole minutes, rounded up: who waits as long as he is told finds his token.
 */
export function delaySeconds(ticks: u64): u64 {
  const exact = seconds(ticks);
  return exact <= HOUR ? exact : ((exact + MINUTE - 1) / MINUTE) * MINUTE;
}
