/** What one stream may cost. Every limit ends in something that is said here, never in unbounded memory. */
export interface StreamLimits {
  /**
   * Bytes given to the transport and not yet sent, above which a stream gets nothing more; changes are merged meanwhile, so that it holds its latest
   * state at most. Default: 256 KiB.
   */
  readonly highWater: number;
  /**
   * Milliseconds for which the transport may send nothing of what it was given; then the stream ends with `DEADLINE_EXCEEDED`, and the client gets
   * what it lacks when it returns. Default: 60,000.
   */
  readonly stall: number;
  /** Responses of one type that may lack an answer; then changes of that type wait, merged, for one. Default: 32. */
  readonly unanswered: number;
  /** Milliseconds within which a stream's first request has to come; then it ends with `DEADLINE_EXCEEDED`. Default: 30,000. */
  readonly firstRequest: number;
  /** Names of one type that a stream may be subscribed to; one more ends it with `RESOURCE_EXHAUSTED`. Default: 100,000. */
  readonly names: number;
  /** Milliseconds for which changes wait for a type that they refer to ({@link ResourceTypeRules.waitsFor}). Default: 2,000. */
  readonly warming: number;
  /** Milliseconds after which what was refused is offered again, of types that allow it ({@link ResourceTypeRules.reworded}). Default: 30,000. */
  readonly offerAgain: number;
  /**
   * Bytes of a response above which an incremental one is split. Default: 4,000,000, since clients of gRPC take 4 MiB unless told otherwise.
   */
  readonly response: number;
}

export const DEFAULT_LIMITS: StreamLimits = {
  highWater: 256 * 1024,
  stall: 60_000,
  unanswered: 32,
  firstRequest: 30_000,
  names: 100_000,
  warming: 2_000,
  offerAgain: 30_000,
  response: 4_000_000,
};
