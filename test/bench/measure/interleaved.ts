import { benchBootstrap } from "../envoy/bootstrap.ts";
import type { Cores } from "../envoy/cores.ts";
import { EnvoyProcess } from "../envoy/process.ts";
import { Connection } from "../client/connection.ts";
import { HeldStreams, SilentUpstream } from "../client/held-streams.ts";
import { percentile } from "../statistics.ts";
import { requestsOf, type Variant } from "../variants/variant.ts";
import { verify } from "./verify.ts";

/** Requests that are on their way at once. */
export const BATCH = 16;
/** Batches that are timed before the next variant has its turn. */
const VISIT = 5;

export interface InterleavedOptions {
  readonly envoy: string;
  readonly cores: Cores | undefined;
  /** Each with fresh processes. */
  readonly rounds: number;
  /** Batches of each variant that are timed in a round, after as many as a quarter to warm up. */
  readonly batches: number;
  readonly progress: (line: string) => void;
}

/** Microseconds a request of each round, by variant; or why the variant did not run. */
export interface InterleavedResult {
  readonly micros: ReadonlyMap<string, readonly number[]>;
  readonly missing: ReadonlyMap<string, string>;
}

/**
 * Times a request of each variant. All their Envoys run at once, on one core, with the client on another, and are visited in shuffled turns with a
 * few batches each, so that whatever the machine does besides falls on all of them alike. A round's value is the 5th percentile of its batches: the time
 * that nobody disturbed.
 */
export async function measureInterleaved(variants: readonly Variant[], options: InterleavedOptions): Promise<InterleavedResult> {
  const missing = new Map<string, string>();
  const runnable: Array<{ variant: Variant; bootstrap: (holdPort: number) => object }> = [];
  for (const variant of variants) {
    const prepared = await variant.prepare();
    if ("missing" in prepared) missing.set(variant.id, prepared.missing);
    else runnable.push({ variant, bootstrap: (holdPort) => benchBootstrap({ ...prepared, holdPort }) });
  }
  const micros = new Map<string, number[]>(runnable.map(({ variant }) => [variant.id, []]));
  for (let round = 1; round <= options.rounds; round++) {
    await using stack = new AsyncDisposableStack();
    const upstream = stack.use(await SilentUpstream.start());
    const seats = await Promise.all(
      runnable.map(async ({ variant, bootstrap }) => {
        const envoy = await EnvoyProcess.start(options.envoy, bootstrap(upstream.port), options.cores?.envoy);
        stack.use(envoy);
        await verify(variant, envoy.port("echo"));
        if (variant.liveStreams !== undefined) stack.use(await HeldStreams.open(envoy.port("bench"), variant.liveStreams));
        return { variant, envoy, connection: stack.use(await Connection.open(envoy.port("bench"), requestsOf(variant), BATCH)) };
      }),
    );
    const samples = seats.map(() => new Float64Array(options.batches));
    const order = seats.map((seat, i) => ({ connection: seat.connection, samples: samples[i] ?? new Float64Array() }));
    for (let visit = -Math.ceil(options.batches / 4 / VISIT) * VISIT; visit < options.batches; visit += VISIT) {
      shuffle(order);
      for (const { connection, samples: own } of order) {
        // It finds the caches as another Envoy left them. A proxy shares its core with none.
        await connection.run();
        for (let batch = visit; batch < Math.min(visit + VISIT, options.batches); batch++) {
          const elapsed = await connection.run();
          if (batch >= 0) own[batch] = elapsed / BATCH;
        }
      }
    }
    for (const { variant, envoy } of seats) {
      const problem = variant.check?.(await envoy.counters());
      if (problem !== undefined) throw new Error(`${variant.id} was measured with other requests than meant: ${problem}`);
    }
    for (const [i, { variant }] of seats.entries()) micros.get(variant.id)?.push(percentile(samples[i] ?? new Float64Array(), 0.05));
    const line = seats.map(({ variant }) => `${variant.id} ${micros.get(variant.id)?.at(-1)?.toFixed(2)}`).join(", ");
    options.progress(`round ${round} of ${options.rounds}: ${line}`);
  }
  return { micros, missing };
}

/** Fisher and Yates. */
export function shuffle(items: unknown[]): void {
  for (let i = items.length - 1; i > 0; i--) {
    const other = Math.floor(Math.random() * (i + 1));
    [items[i], items[other]] = [items[other], items[i]];
  }
}
