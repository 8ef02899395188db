/**
 * One request and what became of it, in the form that `meshwright try` reads and prints and that scenarios compare between targets.
 * Every field of a request is optional but `path`; defaults stand beside them.
 */

/** Header names and values in order; a repeated name stands once for each value. */
export type HeaderList = ReadonlyArray<readonly [name: string, value: string]>;

/** Text, or bytes as base64 where they are not UTF-8. */
export type Body = string | { readonly base64: string };

/** `http/1.1` where absent. `grpc` sends the body as one length-prefixed message over HTTP/2; `websocket` upgrades, sends the body as one message and waits for one. */
export type Protocol = "http/1.1" | "h2" | "grpc" | "websocket";

/**
 * Where a client gives an exchange up, unless it is over by then: over HTTP/2 it resets the stream (CANCEL), over HTTP/1.1 it closes the connection. Each is a
 * place, not a time, so that every target does the same:
 *
 * - `in-request`: the filters have seen the headers and the whole body, of which the end, and trailers, never come. HTTP/2 only.
 * - `after-request`: the upstream has the whole request. It answers nothing.
 * - `in-response`: the filters have seen the headers of the response and its whole body, of which the end, and trailers, never come. HTTP/2 only.
 */
export type ClientReset = "in-request" | "after-request" | "in-response";

/** What the upstream answers; 200 without headers and body where absent. */
export interface ScriptedResponse {
  readonly status?: number;
  readonly headers?: HeaderList;
  readonly body?: Body;
  /** Sends the body in these pieces, each as a DATA frame that Envoy has dealt with before the next one comes; instead of `body`. HTTP/2 only: of HTTP/1.1 Envoy may read two chunks as one. */
  readonly chunks?: readonly Body[];
  readonly trailers?: HeaderList;
  /** Milliseconds before the answer begins. */
  readonly delay?: number;
  /** Ends the stream instead of answering: before the headers, or after headers and body began. */
  readonly reset?: "before-headers" | "after-headers";
}

export interface ExchangeRequest {
  readonly id?: string;
  readonly method?: string;
  readonly scheme?: string;
  readonly authority?: string;
  readonly path: string;
  readonly headers?: HeaderList;
  readonly body?: Body;
  /** Sends the body in these pieces, each as a DATA frame or chunk of its own; instead of `body`. */
  readonly chunks?: readonly Body[];
  readonly trailers?: HeaderList;
  readonly reset?: ClientReset;
  readonly protocol?: Protocol;
  readonly source?: {
    /** `ip:port`; reaches Envoy through the PROXY protocol. */
    readonly address?: string;
    readonly principal?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly namespace?: string;
  };
  readonly destination?: { readonly address?: string; readonly port?: number; readonly principal?: string };
  readonly sni?: string;
  /** RFC 3339; the in-process host only. */
  readonly time?: string;
  /** Dynamic metadata by namespace, as a native filter before this one would have set it. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly response?: ScriptedResponse;
}

/** What one filter decided, from its decision log line. */
export interface Decision {
  readonly filter: string;
  readonly rule: string;
  readonly result: "allow" | "deny" | "shadow-deny" | "route" | "delay" | "abort" | "limit" | "mark";
  readonly reason: string;
  /** What the rule comes from, where that is an object of a mesh. */
  readonly object?: { readonly kind: string; readonly namespace: string; readonly name: string };
  /** Where that stands: `FILE:LINE:COLUMN`. */
  readonly at?: string;
}

export interface ExchangeResult {
  readonly id?: string;
  /** `forward`: the upstream answered; `respond`: Envoy or a filter answered; `reset`: the client saw no answer. */
  readonly outcome: "forward" | "respond" | "reset";
  /** What the client saw; 0 after a reset. */
  readonly status: number;
  /** Envoy's `%RESPONSE_CODE_DETAILS%`. */
  readonly details: string;
  /** As the upstream saw it (the last attempt); absent where it saw nothing. */
  readonly request?: {
    readonly method: string;
    readonly authority: string;
    readonly path: string;
    readonly headers: HeaderList;
    readonly body?: Body;
    readonly trailers?: HeaderList;
  };
  /** As the client saw it; absent after a reset. */
  readonly response?: { readonly status: number; readonly headers: HeaderList; readonly body: Body; readonly trailers?: HeaderList };
  readonly route?: string;
  readonly cluster?: string;
  /** Seconds by which filters held the request back; absent where they did not. */
  readonly delay?: number;
  readonly decisions: readonly Decision[];
}
