import { setTimeout as sleep } from "node:timers/promises";
import type { Probe } from "../../kinds/workload-group/index.ts";
import { runProbe } from "./run-probe.ts";

export interface HealthWatchOptions {
  readonly probe: Probe;
  /** Hears of each change: what is wrong, or that nothing is. */
  readonly changed: (problem: string | undefined) => void;
  /** Whether the proxy itself can take requests; rejects with the reason where it cannot. Default: it can. */
  readonly proxyReady?: (signal: AbortSignal) => Promise<void>;
}

/** Looks after a workload until the signal ends it. It is unhealthy from the beginning, as far as anybody knows, so the first that is told is that it is healthy, or why it is not. */
export async function watchHealth({ probe, changed, proxyReady }: HealthWatchOptions, stop: AbortSignal): Promise<void> {
  const { initialDelaySeconds, periodSeconds, timeoutSeconds, successThreshold, failureThreshold } = probe;
  const pause = (seconds: number) => sleep(seconds * 1000, undefined, { signal: stop }).catch(() => undefined);
  let told: "healthy" | "unhealthy" | undefined;
  let successes = 0;
  let failures = 0;
  await pause(initialDelaySeconds);
  while (!stop.aborted) {
    const problem = await lookOnce(probe, proxyReady, AbortSignal.any([stop, AbortSignal.timeout(timeoutSeconds * 1000)]));
    if (stop.aborted) return;
    successes = problem === undefined ? successes + 1 : 0;
    failures = problem === undefined ? 0 : failures + 1;
    if (problem === undefined && told !== "healthy" && successes >= successThreshold) {
      told = "healthy";
      changed(undefined);
    } else if (problem !== undefined && told !== "unhealthy" && failures >= failureThreshold) {
      told = "unhealthy";
      changed(problem);
    }
    await pause(periodSeconds);
  }
}

async function lookOnce(probe: Probe, proxyReady: HealthWatchOptions["proxyReady"], signal: AbortSignal): Promise<string | undefined> {
  try {
    await proxyReady?.(signal);
    await runProbe(probe, signal);
    return undefined;
  } catch (error) {
    return signal.aborted ? `no answer within ${probe.timeoutSeconds} s` : (error as Error).message;
  }
}
