import { Glob } from "../lib/glob";
import { Text } from "../sdk";
import { anyMatches } from "./values";

/** A header of a fixed value, or an entry of `contextExtensions`. */
@final
export class AddedHeader {
  constructor(
    readonly name: Text,
    readonly value: Text,
  ) {}
}

/** An external authoriser that CUSTOM policies ask: Istio's `envoyExtAuthzHttp` or `envoyExtAuthzGrpc`. */
@final
export class Provider {
  /** Speaks `envoy.service.auth.v3.Authorization` and not HTTP. */
  grpc: bool = false;
  /** Envoy's cluster. */
  cluster: Text = Text.of("");
  /** Milliseconds. Istio's default. */
  timeout: u32 = 600_000;
  /** Before the path of the request. */
  pathPrefix: Text = Text.of("");
  /** Whether a request goes on when no answer comes. */
  failOpen: bool = false;
  /** The answer when none comes and the filter fails closed. */
  statusOnError: u32 = 403;
  /** Bytes of the body that the authoriser gets; 0: none. */
  maxRequestBytes: i32 = 0;
  /** Whether it gets the beginning of a body that is longer; else such a request is answered with 413. */
  allowPartialMessage: bool = false;
  /** Over gRPC: as bytes and not as text. */
  packAsBytes: bool = false;
  /** Names of request headers that the authoriser gets. */
  includeRequestHeadersInCheck: Glob[] = [];
  includeAdditionalHeadersInCheck: AddedHeader[] = [];
  contextExtensions: AddedHeader[] = [];
  /** Names of headers of a good answer that replace those of the request. */
  headersToUpstreamOnAllow: Glob[] = [];
  /** Names of headers of a good answer that the client gets. */
  headersToDownstreamOnAllow: Glob[] = [];
  /** Names of headers of a denial that the client gets; `null`: all. */
  headersToDownstreamOnDeny: Glob[] | null = null;

  constructor(readonly name: string) {}
}

/** Whether the name of a header, in lower case, is one of `names`. */
export { anyMatches as anyNameMatches };
