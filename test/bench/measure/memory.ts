import { Connection } from "../client/connection.ts";
import { benchBootstrap } from "../envoy/bootstrap.ts";
import { EnvoyProcess } from "../envoy/process.ts";
import type { BenchContext } from "../sections/section.ts";
import { slope } from "../statistics.ts";
import { requestsOf, type Variant } from "../variants/variant.ts";
import { BATCH } from "./interleaved.ts";
import { verify } from "./verify.ts";

const SAMPLES = 60;

export interface MemoryResult {
  /** Slope over the second half. */
  readonly bytesPerRequest: number;
  /** The same of what is in use of Envoy's heap. What is resident grows beyond it while pools fill. */
  readonly allocatedPerRequest: number;
  /** Resident bytes after the first half. */
  readonly before: number;
  readonly after: number;
}

/**
 * Sends `context.requests` requests and watches Envoy's resident memory. The first half is for
 * caches and pools to fill: what Envoy itself says to have allocated no longer grows after a minute of attempts.
 */
export async function measureMemory(
  variant: Variant,
  context: Pick<BenchContext, "envoy" | "cores" | "requests">,
): Promise<MemoryResult | { readonly missing: string }> {
  const prepared = await variant.prepare();
  if ("missing" in prepared) return prepared;
  // A histogram grows by each time that was never seen before: on a busy machine by more than a filter may.
  const bootstrap = benchBootstrap({ ...prepared, histograms: false });
  await using envoy = await EnvoyProcess.start(context.envoy, bootstrap, context.cores?.envoy);
  await verify(variant, envoy.port("echo"));
  await using connection = await Connection.open(envoy.port("bench"), requestsOf(variant), BATCH);
  const send = async (requests: number) => {
    for (let sent = 0; sent < requests; sent += BATCH) await connection.run();
  };
  await send(context.requests / 2);
  const points: Array<[requests: number, bytes: number]> = [[0, await envoy.residentBytes()]];
  const allocated: Array<[requests: number, bytes: number]> = [[0, await envoy.allocatedBytes()]];
  const step = context.requests / 2 / SAMPLES;
  for (let i = 1; i <= SAMPLES; i++) {
    await send(step);
    points.push([i * step, await envoy.residentBytes()]);
    allocated.push([i * step, await envoy.allocatedBytes()]);
  }
  const problem = variant.check?.(await envoy.counters());
  if (problem !== undefined) throw new Error(`${variant.id} was measured with other requests than meant: ${problem}`);
  return {
    bytesPerRequest: slope(points),
    allocatedPerRequest: slope(allocated),
    before: points[0]?.[1] ?? NaN,
    after: points.at(-1)?.[1] ?? NaN,
  };
}
