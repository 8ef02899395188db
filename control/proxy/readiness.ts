import { setTimeout as sleep } from "node:timers/promises";
import type { ProxyAdmin } from "./admin.ts";
import type { Log } from "./log.ts";

export interface Watched {
  readonly admin: ProxyAdmin;
  readonly log: Log;
  readonly control: string;
  /** Whether this Envoy's own admin interface listens: on its port another one could answer. */
  readonly started: () => boolean;
  readonly over: AbortSignal;
}

/** Milliseconds between two looks, and after which (and then so often) the wait for a configuration is told. */
const LOOK = 25;
const TELL = 10_000;

/**
 * Tells when Envoy serves, and as long as it does not, what it waits for.
 *
 * @returns how far it came; its admin interface listens before the rest does
 */
export async function watchReadiness({ admin, log, control, started, over }: Watched): Promise<"nothing" | "listens" | "serves"> {
  const begun = performance.now();
  let tell = begun + TELL;
  while (!over.aborted) {
    try {
      if (started() && (await admin.ready())) {
        log.info({ after: Math.round(performance.now() - begun) }, "Envoy serves");
        return "serves";
      }
      if (started() && performance.now() >= tell) {
        tell += TELL;
        const what = (await admin.connected()) ? "sends no complete configuration yet" : "is not reached";
        log.warn({ control }, `the control service ${what}; Envoy waits for its first configuration`);
      }
    } catch {
      // It ends, or comes up: the next look says more.
    }
    await sleep(LOOK, undefined, { signal: over }).catch(() => undefined);
  }
  return started() ? "listens" : "nothing";
}
