import type { HeaderList } from "../../../harness/target/index.ts";
import { hasWrk, runWrk } from "../client/wrk.ts";
import { benchBootstrap, TO_UPSTREAM } from "../envoy/bootstrap.ts";
import { EnvoyProcess } from "../envoy/process.ts";
import type { ThroughputVariant } from "../variants/throughput.ts";
import { shuffle, type InterleavedOptions } from "./interleaved.ts";

/** Of `wrk`: enough that the worker always has something to do. */
const CONNECTIONS = 32;
/** The shortest that `wrk` knows. */
const SECONDS = 1;

/** By variant, a number for each slice in the order in which they ran, so that those of the same place are of the same minute. */
export interface ThroughputResult {
  /** Requests a second. */
  readonly rates: ReadonlyMap<string, readonly number[]>;
  /** Microseconds that the worker was on a CPU for a request. */
  readonly cpu: ReadonlyMap<string, readonly number[]>;
  readonly missing: ReadonlyMap<string, string>;
}

export interface ThroughputOptions extends Pick<InterleavedOptions, "envoy" | "cores" | "rounds" | "progress"> {
  /** Of one second for each variant in a round, after one to warm up. */
  readonly slices: number;
  readonly wrk?: string;
}

/**
 * Lets `wrk` ask each variant's Envoy for a second, in shuffled turns. The Envoys share a core; `wrk` has the other, with the upstream, an Envoy that
 * answers at once. The worker that is asked is what limits the rate: both others take less for a request.
 */
export async function measureThroughput(
  variants: readonly ThroughputVariant[],
  request: HeaderList,
  { envoy, cores, rounds, slices, progress, wrk = "wrk" }: ThroughputOptions,
): Promise<ThroughputResult> {
  const rates = new Map<string, number[]>();
  const cpu = new Map<string, number[]>();
  const missing = new Map<string, string>();
  if (!(await hasWrk(wrk))) {
    for (const { id } of variants) missing.set(id, "this machine has no wrk (Debian: wrk)");
    return { rates, cpu, missing };
  }
  for (let round = 1; round <= rounds; round++) {
    await using stack = new AsyncDisposableStack();
    const upstream = await EnvoyProcess.start(envoy, benchBootstrap({ filters: [], http1: true, echo: false }), cores?.client);
    stack.use(upstream);
    const seats: Array<{ readonly variant: ThroughputVariant; readonly envoy: EnvoyProcess }> = [];
    for (const variant of variants) {
      const chains = await variant.prepare();
      if ("missing" in chains) {
        missing.set(variant.id, chains.missing);
        continue;
      }
      const options = { filters: chains.downstream, upstream: { port: upstream.port("bench"), filters: chains.upstream } };
      const routes = [{ match: { prefix: "/" }, ...TO_UPSTREAM }];
      const started = await EnvoyProcess.start(envoy, benchBootstrap({ ...options, routes, http1: true, echo: false }), cores?.envoy);
      seats.push({ variant, envoy: stack.use(started) });
    }
    for (let slice = 0; slice <= slices; slice++) {
      shuffle(seats);
      for (const seat of seats) {
        const before = await seat.envoy.workerNanoseconds();
        const { requests, seconds } = await runWrk(seat.envoy.port("bench"), request, CONNECTIONS, SECONDS, wrk);
        const micros = ((await seat.envoy.workerNanoseconds()) - before) / requests / 1000;
        if (slice === 0) continue;
        push(rates, seat.variant.id, requests / seconds);
        push(cpu, seat.variant.id, micros);
      }
    }
    for (const seat of seats) {
      const problem = seat.variant.check(await seat.envoy.counters());
      if (problem !== undefined) throw new Error(`${seat.variant.id} was measured with other requests than meant: ${problem}`);
    }
    const line = seats.map(({ variant: { id } }) => `${id} ${rates.get(id)?.at(-1)?.toFixed(0)}/s ${cpu.get(id)?.at(-1)?.toFixed(1)} µs`);
    progress(`round ${round} of ${rounds}: ${line.join(", ")}`);
  }
  return { rates, cpu, missing };
}

function push(lists: Map<string, number[]>, id: string, value: number): void {
  const list = lists.get(id);
  if (list === undefined) lists.set(id, [value]);
  else list.push(value);
}
