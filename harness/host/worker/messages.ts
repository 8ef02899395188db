import type { MessagePort } from "node:worker_threads";
import type { CalloutAnswer, CalloutRequest, ChainSpec, ExchangeRequest, ExchangeResult, LogLine } from "../../target/index.ts";

// What the two threads of an isolated target say to each other.

/** What the worker is started with. Functions cannot cross: of the callouts only the clusters' names. */
export interface WorkerStart {
  readonly spec: Omit<ChainSpec, "callouts">;
  readonly calloutClusters: readonly string[];
  /** Where the worker asks for answers to callouts, and a flag that says when one is there. */
  readonly callouts: { readonly port: MessagePort; readonly ready: SharedArrayBuffer };
  /** What is kept of the calls between host and modules. */
  readonly instrument: Instrument | undefined;
  /** Two words: the number of the callback that runs, and of the hostcall that it made last; see `LastCall`. */
  readonly lastCall: SharedArrayBuffer;
}

/** `trace`: each call with its arguments; `profile`: their sums, and where V8 saw time pass. */
export type Instrument = "trace" | "profile";

export type WorkerCommand =
  | { readonly id: number; readonly command: "send"; readonly request: ExchangeRequest }
  | { readonly id: number; readonly command: "metrics" | "logs" | "start" | "calls" | "begin" | "restart" };

/** Of the reply that nobody asked for: the thread is there, and loads the chain. */
export const READY = 0;

export interface WorkerReply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: {
    readonly name: string;
    readonly code?: string | undefined;
    readonly message: string;
    readonly logs: readonly string[];
  };
}

/** The value of the reply to `send`. */
export interface SentReply {
  readonly result: ExchangeResult;
  /** What the filters logged while the request ran: of evidence nothing crosses by itself. */
  readonly logs: readonly LogLine[];
}

export interface CalloutQuestion {
  readonly cluster: string;
  readonly request: CalloutRequest;
}

export type CalloutReply = CalloutAnswer | { readonly failed: string };
