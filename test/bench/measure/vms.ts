import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HeaderList } from "../../../harness/target/index.ts";
import { Connection } from "../client/connection.ts";
import { repeated } from "../client/requests.ts";
import { benchBootstrap, wasmFilter } from "../envoy/bootstrap.ts";
import { EnvoyProcess } from "../envoy/process.ts";
import type { BenchContext } from "../sections/section.ts";
import { median } from "../statistics.ts";
import { REQUEST } from "../variants/header-job.ts";
import { distinctCopies } from "./distinct.ts";
import { BATCH } from "./interleaved.ts";

const MANY = 5;

export interface VmCost {
  /** Bytes of the module. */
  readonly size: number;
  readonly firstBytes: number;
  readonly furtherBytes: number;
  /** CPU time that a further module takes at start. */
  readonly cpuMilliseconds: number;
}

/**
 * Starts Envoys with no, one and {@link MANY} VMs and compares them; medians over the rounds.
 *
 * @param request what they are sent, so that what runs for requests is in memory too
 */
export async function measureVms(
  module: string,
  configuration: unknown,
  context: BenchContext,
  request: HeaderList = REQUEST,
): Promise<VmCost> {
  const folder = await mkdtemp(join(tmpdir(), "meshwright-bench-"));
  try {
    const measure = (modules: readonly string[]) => start(modules, configuration, request, context);
    const copies = await distinctCopies(module, MANY, folder);
    const rounds: Array<{ first: number; further: number; cpu: number }> = [];
    for (let round = 0; round < context.rounds; round++) {
      const [none, one, many] = [await measure([]), await measure(copies.slice(0, 1)), await measure(copies)];
      rounds.push({
        first: one.bytes - none.bytes,
        further: (many.bytes - one.bytes) / (MANY - 1),
        cpu: (many.cpu - one.cpu) / (MANY - 1),
      });
    }
    return {
      size: (await stat(module)).size,
      firstBytes: median(rounds.map(({ first }) => first)),
      furtherBytes: median(rounds.map(({ further }) => further)),
      cpuMilliseconds: median(rounds.map(({ cpu }) => cpu)),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function start(
  modules: readonly string[],
  configuration: unknown,
  request: HeaderList,
  context: BenchContext,
): Promise<{ bytes: number; cpu: number }> {
  const filters = modules.map((module, i) => wasmFilter(module, { vmId: `vm-${i}`, configuration }));
  await using envoy = await EnvoyProcess.start(context.envoy, benchBootstrap({ filters, echo: false }), context.cores?.envoy);
  const cpu = await envoy.cpuMilliseconds();
  // V8 makes pages resident when code runs.
  await using connection = await Connection.open(envoy.port("bench"), repeated(request), BATCH);
  for (let i = 0; i < 100; i++) await connection.run();
  return { bytes: await envoy.residentBytes(), cpu };
}
