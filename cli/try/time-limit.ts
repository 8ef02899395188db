import type { ExchangeResult, RunningTarget } from "../../harness/target/index.ts";

export type Sender = Pick<RunningTarget, "send" | "logs"> & AsyncDisposable;

/**
 * `target`, whose requests end. Envoy answers every stream at last (its `stream_idle_timeout`), but for those of a worker that a module blocks: they,
 * and all that come after them on that worker, would wait for ever. So the first request that takes longer than `milliseconds` rejects, with all
 * others that are waiting or still to come; disposing of the target then ends Envoy.
 */
export function withTimeLimit(target: Sender, milliseconds: number): Sender {
  // Not one promise that all race against: it would keep every result for as long as there is the target.
  const waiting = new Set<(reason: Error) => void>();
  let over: Error | undefined;
  const end = (reason: Error) => {
    over ??= reason;
    for (const reject of waiting) reject(over);
  };
  return {
    async send(request) {
      if (over !== undefined) throw over;
      const { promise, resolve, reject } = Promise.withResolvers<ExchangeResult>();
      waiting.add(reject);
      const timer = setTimeout(
        () =>
          end(
            new Error(
              `request ${request.id ?? request.path} was not answered in ${milliseconds} ms: does a module loop for ever? It blocks its worker, and every request on it.`,
            ),
          ),
        milliseconds,
      );
      target.send(request).then(resolve, reject);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(reject);
      }
    },
    // A blocked worker keeps its lines.
    logs: () => (over !== undefined ? Promise.resolve([]) : target.logs()),
    [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
  };
}
