import type { FilterSpec, HeaderList } from "../../../../harness/target/index.ts";

/** A filter of a case: the scripted module (`test/foreign/scripted`) with this configuration. */
export type CaseFilter = Partial<Omit<FilterSpec, "module" | "configuration">> & {
  /** Lines of its script. Default: {@link TRACED}. */
  readonly script?: string;
  /** Milliseconds: Envoy's `reload_config.backoff.base_interval`. Default: 1,000. */
  readonly reloadBaseInterval?: number;
};

/** Something that is done step by step in both places. Cases with the same filters and limit share a listener, and with it a VM. */
export interface Case {
  readonly title: string;
  /** Default: one that is {@link TRACED}. */
  readonly filters?: readonly CaseFilter[];
  /** Default: `http`. */
  readonly listener?: "http" | "tcp";
  /** Bytes that may be buffered for a filter, see {@link LIMIT}. */
  readonly limited?: boolean;
  /** Whether configurations are replaced. Envoy then watches a file for each filter, and a machine lets few files be watched. */
  readonly updated?: boolean;
  /** Whether METADATA frames of HTTP/2 are sent. */
  readonly metadata?: boolean;
  /** What the upstream speaks. Default: `h2`. */
  readonly upstream?: "h2" | "http/1.1";
  /** Lines of the log that are looked at. Default: all. */
  readonly shown?: RegExp;
  readonly play: (place: Place) => Promise<void>;
}

/** Logs every callback, does what requests say, and shows what is logged of a request. */
export const TRACED = "trace: on\nlog: prop response.code\nlog: prop response.code_details";

/** Of a case that is limited, the bytes that may be buffered: the smallest window of HTTP/2 that Envoy takes. */
export const LIMIT = 65_535;

/** Where the steps are done. Each ends when what is seen no longer changes. */
export interface Place {
  /** Begins a request whose `x-script` the filters carry out. */
  readonly request: (script?: string, options?: RequestOptions) => Promise<RequestSteps>;
  readonly connect: () => Promise<ConnectionSteps>;
  /** Replaces the script of a filter, by its number. The streams that live keep theirs. Only in a case that is `updated`. */
  readonly update: (script: string, filter?: number) => Promise<void>;
  /** Steps behind which nobody looks but in the end: something that time brings may come in the middle. */
  readonly together: (steps: () => Promise<void>) => Promise<void>;
  /** Lets time pass. */
  readonly pass: (milliseconds: number) => Promise<void>;
}

export interface RequestOptions {
  /** Default: `h2`. */
  readonly protocol?: "h2" | "http/1.1";
  /** Default: GET, where something follows POST. */
  readonly method?: string;
  readonly path?: string;
  readonly headers?: HeaderList;
  /** Whether nothing follows the headers. Default: true. */
  readonly end?: boolean;
}

/** A request: what the client does, and what the upstream does. */
export interface RequestSteps {
  readonly send: (data: string) => Promise<void>;
  /** Ends the request by an empty DATA frame or the last chunk. */
  readonly finish: () => Promise<void>;
  readonly trailers: (trailers: HeaderList) => Promise<void>;
  /** Sends a METADATA of HTTP/2. Only in a case with `metadata`. */
  readonly metadata: (entries: HeaderList) => Promise<void>;
  /** The client resets the stream. */
  readonly leave: () => Promise<void>;
  /** One side reads no more of the body that goes to it, and reads on. */
  readonly stopReading: (side: "client" | "upstream") => Promise<void>;
  readonly readOn: (side: "client" | "upstream") => Promise<void>;
  readonly answerMetadata: (entries: HeaderList) => Promise<void>;
  readonly answer: (headers?: HeaderList, end?: boolean) => Promise<void>;
  readonly answerData: (data: string) => Promise<void>;
  readonly answerEnd: () => Promise<void>;
  readonly answerTrailers: (trailers: HeaderList) => Promise<void>;
}

/** A TCP connection: what the client does, and what the server does. */
export interface ConnectionSteps {
  readonly send: (data: string) => Promise<void>;
  /** The client sends no more. */
  readonly finish: () => Promise<void>;
  /** The client resets the connection. */
  readonly leave: () => Promise<void>;
  readonly receive: (data: string) => Promise<void>;
  /** The server sends no more. */
  readonly receiveEnd: () => Promise<void>;
}

/** How far a message came. */
export type Progress = "open" | "whole" | "reset";

/** One side of a request as it looks there; the upstream's is whole or open. Bodies beyond 100 bytes are told by their length. */
export interface Side {
  readonly status?: number;
  readonly path?: string;
  readonly headers: HeaderList;
  readonly body: string;
  readonly trailers: HeaderList;
  /** How many METADATA came; absent where none did. */
  readonly metadata?: number;
  readonly progress: Progress;
}

export interface RequestView {
  /** Absent until headers came. */
  readonly client?: Side | { readonly progress: Progress };
  readonly upstream?: Side;
}

export interface ConnectionView {
  readonly client: { readonly body: string; readonly progress: Progress };
  readonly server: { readonly body: string; readonly progress: Progress };
}

/** All that is seen behind a step. */
export interface Sight {
  readonly step: string;
  readonly log: readonly string[];
  readonly streams: ReadonlyArray<RequestView | ConnectionView>;
}

/**
 * What instances logged that have seen a stream, without their names: Envoy has others for trying a configuration and for its main thread. The number of
 * headers of an answer depends on the server.
 */
export function shownLines(messages: ReadonlyArray<{ readonly filter: string; readonly message: string }>): string[] {
  const parts = messages.map(({ filter, message }) => ({ filter, words: /^(@\d+) (.*)$/s.exec(message) }));
  const seen = new Set(parts.flatMap(({ words }) => (/^> (create|new_connection)/.test(words?.[2] ?? "") ? [words?.[1]] : [])));
  return parts.flatMap(({ filter, words }) =>
    words === null || !seen.has(words[1]) || words[2]?.startsWith("http_call_response ") === true ? [] : [`${filter}${words[2] ?? ""}`],
  );
}

const SHOWN = /^(?!x-(?:envoy|forwarded|request-id|script|stream))(?:x-|content-type$|grpc-)/;

/** The headers that both places have alike: others are added on the way to an upstream and back. */
export function shownHeaders(headers: HeaderList): HeaderList {
  return headers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => SHOWN.test(name))
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

export function shownBody(body: string): string {
  return body.length <= 100 ? body : `${body.length} bytes`;
}

export function requestHeaders(script: string | undefined, number: number, options: RequestOptions): HeaderList {
  return [
    [":method", options.method ?? (options.end === false ? "POST" : "GET")],
    [":scheme", "http"],
    [":authority", "localhost"],
    [":path", options.path ?? "/"],
    ["x-stream", String(number)],
    ...(script === undefined ? [] : [["x-script", script.trim().replaceAll(/\s*\n\s*/g, ";")] as const]),
    ...(options.headers ?? []),
  ];
}
