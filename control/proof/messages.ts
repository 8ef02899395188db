import type { ProofRequest } from "./request.ts";

// What the service and the thread that proves say to each other.

/** What the thread is started with. */
export interface ThreadStart {
  /** Bytes that a module's memory may grow to. */
  readonly memoryLimit: number;
}

/** The first that it says. */
export interface ThreadReady {
  readonly ready: true;
}

/** The bytes of a module come once, before the first request that names it. */
export interface ProofCommand extends Omit<ProofRequest, "module"> {
  readonly id: number;
  readonly sha256: string;
  readonly bytes?: Uint8Array;
}

export interface ProofReply {
  readonly id: number;
  /** Why it cannot be loaded; undefined where it can. */
  readonly reason: string | undefined;
}
