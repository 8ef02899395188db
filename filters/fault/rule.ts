import { Match, Share } from "../lib/match";
import { Bytes, RequestView, Text } from "../sdk";
import { delayOfHeaders, delayShareOfHeaders } from "./client-headers";


@final
export class HeaderValue {
  constructor(
    readonly name: Text,
    readonly value: Text,
  ) {}
}

/** How long a share of the requests is held back. */
@final
export class Delay {
  constructor(
    private readonly share: Share,
    /** Milliseconds; 0: the client says it in its headers. */
    private readonly fixedDelay: u32,
  ) {}

  /** Milliseconds for `request`; 0 where it is not in the share. */
  draw(request: RequestView): u32 {
    if (this.fixedDelay > 0) return this.share.has(request) ? this.fixedDelay : 0;
    const wanted = delayOfHeaders(request.headers);
    return wanted > 0 && this.share.hasWithin(request, delayShareOfHeaders(request.headers)) ? wanted : 0;
  }
}

/** What a share of the requests is answered with. */
@final
export class Abort {
  /** 0: the client says it in its headers. */
  httpStatus: u32 = 0;
  /** -1: what Envoy makes of the HTTP status. */
  grpcStatus: i32 = -1;
  readonly headers: HeaderValue[] = [];

  constructor(
    readonly share: Share,
    readonly body: Text,
  ) {}
}

/** A block of conditions and the faults of what matches. Without either, what matches is spared. */
@final
export class Rule {
  matches: Match[] = [];
  delay: Delay | null = null;
  abort: Abort | null = null;

  constructor(readonly name: Text) {}
}
