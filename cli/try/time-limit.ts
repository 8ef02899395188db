import type { RunningTarget } from "../../harness/target/index.ts";

export type Sender = Pick<RunningTarget, "send" | "logs"> & AsyncDisposable;

/**
 * `target`, whose requests end. Envoy answers every stream at last (its `stream_idle_timeout`), but for those of a worker that a module blocks: they,
 * and all that come after them on that worker, would wait for ever. So the first request that takes longer than `milliseconds` rejects, with all
 * others that are waiting or still to come; disposing of the target then ends Envoy.
 */
export function withTimeLimit(target: Sender, milliseconds: number): Sender {
  const { promise: overrun, reject } = Promise.withResolvers<never>();
  // It may come when nobody waits.
  overrun.catch(() => undefined);
  let over = false;
  return {
    async send(request) {
      if (over) return overrun;
      const timer = setTimeout(() => {
        over = true;
        reject(
          new Error(
            `request ${request.id ?? request.path} was not answered in ${milliseconds} ms: does a module loop for ever? It blocks its worker, and every request on it.`,
          ),
        );
      }, milliseconds);
      try {
        return await Promise.race([target.send(request), overrun]);
      } finally {
        clearTimeout(timer);
      }
    },
    // A blocked worker keeps its lines.
    logs: () => (over ? Promise.resolve([]) : target.logs()),
    [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
  };
}
