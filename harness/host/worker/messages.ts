import type { MessagePort } from "node:worker_threads";
import type { CalloutAnswer, CalloutRequest, ChainSpec, ExchangeRequest } from "../../target/index.ts";

// What the two threads of an isolated target say to each other.

/** What the worker is started with. Functions cannot cross: of the callouts only the clusters' names. */
export interface WorkerStart {
  readonly spec: Omit<ChainSpec, "callouts">;
  readonly calloutClusters: readonly string[];
  /** Where the worker asks for answers to callouts, and a flag that says when one is there. */
  readonly callouts: { readonly port: MessagePort; readonly ready: SharedArrayBuffer };
}

export type WorkerCommand =
  | { readonly id: number; readonly command: "send"; readonly request: ExchangeRequest }
  | { readonly id: number; readonly command: "metrics" | "logs" | "start" };

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

export interface CalloutQuestion {
  readonly cluster: string;
  readonly request: CalloutRequest;
}

export type CalloutReply = CalloutAnswer | { readonly failed: string };
