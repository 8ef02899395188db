import { readFilterManifest } from "../../filters/index.ts";
import { isolatedTarget } from "../../harness/host/worker/index.ts";
import { type ChainSpec, TargetError } from "../../harness/target/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { ensureEnvoy } from "../provide-envoy.ts";
import { modulePath, pluginName } from "../read-module.ts";
import { readClusters } from "./clusters.ts";
import { readConfiguration } from "./configuration.ts";
import { type Sender, withTimeLimit } from "./time-limit.ts";

export interface FilterOptions {
  /** A name of this package, or a path that ends in `.wasm`. */
  readonly filter: string;
  readonly config?: string;
  readonly cluster: readonly string[];
  readonly host: "node" | "envoy";
}

/** Milliseconds for a request in Envoy: more than its `stream_idle_timeout` and the timeout of a route together, after which it has answered. */
const ENVOY_LIMIT = 60_000;

/** Runs one filter, in process or in a private Envoy. */
export async function startFilter(options: FilterOptions): Promise<Sender> {
  return start(options.host, await filterChain(options));
}

/** The chain of one filter: in that of a cluster where it belongs there, else in that of a listener. */
export async function filterChain(options: Omit<FilterOptions, "host">): Promise<ChainSpec> {
  const module = modulePath(options.filter);
  const configuration = options.config === undefined ? "" : await readConfiguration(options.config);
  const callouts = await readClusters(options.cluster);
  const spec = { name: pluginName(options.filter), module, configuration };
  return isUpstream(options.filter)
    ? { filters: [], upstreamFilters: [{ ...spec, allowOnHeadersStopIteration: true }], callouts }
    : { filters: [spec], callouts };
}

/** Whether a filter of this package says that it belongs into the chain of a cluster, and not into that of a listener. */
function isUpstream(filter: string): boolean {
  return !filter.endsWith(".wasm") && !filter.includes("/") && readFilterManifest(filter).chain === "upstream";
}

async function start(host: FilterOptions["host"], chain: ChainSpec): Promise<Sender> {
  try {
    if (host === "node") return await isolatedTarget().start(chain);
    await ensureEnvoy();
    const { envoyTarget } = await import("../../harness/envoy/index.ts");
    const reason = await envoyTarget.unavailable();
    if (reason !== undefined) throw new CliError(ExitCode.Environment, reason);
    return withTimeLimit(await envoyTarget.start(chain), ENVOY_LIMIT);
  } catch (error) {
    throw refusal(error);
  }
}

/** Why a chain does not start, with what was logged until then. */
export function refusal(error: unknown): unknown {
  if (!(error instanceof TargetError)) return error;
  const logs = error.logs.filter((line) => !error.message.includes(line));
  return new CliError(ExitCode.Input, [error.message, ...logs.map((line) => `  ${line}`)].join("\n"), { cause: error });
}
