import { Bucketing, BUCKETS, Match } from "../lib/match";
import { Regex } from "../lib/regex";
import { RequestView, Text } from "../sdk";


@final
export class HeaderValue {
  constructor(
    readonly name: Text,
    readonly value: Text,
  ) {}
}

/** Changes of one header map, in the order: remove, set, add. */
@final
export class HeaderOperations {
  remove: Text[] = [];
  set: HeaderValue[] = [];
  add: HeaderValue[] = [];
}

/** What else a rule or a destination changes; null for nothing. */
export abstract class HeaderChanges {
  request: HeaderOperations | null = null;
  response: HeaderOperations | null = null;
}

/** Where a request goes: the route and the cluster that native routes find by header, and what else this choice changes. */
@final
export class Destination extends HeaderChanges {
  route: Text | null = null;
  cluster: Text | null = null;
  weight: u32 = 1;
}


@final
export class Rewrite {
  /** In place of the matched prefix, or of the whole path where the match was not a prefix. */
  uri: Text | null = null;
  /** In place of the whole path. */
  path: Text | null = null;
  regex: Regex | null = null;
  substitution: Text | null = null;
  authority: Text | null = null;
}


@final
export class Redirect {
  uri: Text | null = null;
  prefixRewrite: Text | null = null;
  authority: Text | null = null;
  scheme: Text | null = null;
  /** 0: none is written, or the request's. */
  port: i32 = 0;
  code: u32 = 301;
}


@final
export class DirectResponse {
  status: u32 = 200;
  body: Text | null = null;
}


@final
export class Rule extends HeaderChanges {
  matches: Match[] = [];
  destinations: Destination[] = [];
  totalWeight: u32 = 0;
  /** What a weighted choice is sticky to. */
  bucketing: Bucketing | null = null;
  rewrite: Rewrite | null = null;
  redirect: Redirect | null = null;
  directResponse: DirectResponse | null = null;
  /** Envoy's own request headers for timeout and retries. */
  policy: HeaderValue[] = [];

  constructor(readonly name: Text) {
    super();
  }

  /** One of the destinations by weight; `null` where the rule names none. */
  choose(request: RequestView): Destination | null {
    const destinations = this.destinations;
    if (destinations.length < 2) return destinations.length == 1 ? unchecked(destinations[0]) : null;
    const bucketing = this.bucketing as Bucketing;
    // A bucket of a million, scaled to the weights; 64 bits, so that nothing is lost.
    let point = <u32>((<u64>bucketing.bucketOf(request) * <u64>this.totalWeight) / <u64>BUCKETS);
    for (let i = 0; i < destinations.length; i++) {
      const destination = unchecked(destinations[i]);
      if (point < destination.weight) return destination;
      point -= destination.weight;
    }
    return null;
  }
}
