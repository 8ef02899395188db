import { ManualClock } from "../clock.ts";
import { HostError } from "../errors.ts";
import type { FilterChain } from "../filter-chain.ts";
import { Host } from "../host.ts";
import type { HostLogLine } from "../logs.ts";
import type { HostObserver } from "../observer.ts";
import type { PluginConfig } from "../plugin.ts";
import type { PropertyObject } from "../properties.ts";
import {
  DEFAULT_NODE,
  TargetError,
  type ChainSpec,
  type ExchangeRequest,
  type ExchangeResult,
  type FilterSpec,
  type LogLine,
  type RunningTarget,
  type Target,
} from "../../target/index.ts";
import { withEvidence } from "../../target/evidence.ts";
import { requireSendable } from "../../target/sendable.ts";
import { readDecisions } from "./decisions.ts";
import { grpcHandler } from "./grpc-handler.ts";
import { Exchange } from "./exchange.ts";
import { RouteTable } from "./routes.ts";

/** `envoy.config.core.v3.TrafficDirection`. */
const DIRECTIONS = { UNSPECIFIED: 0, INBOUND: 1, OUTBOUND: 2 } as const;

/**
 * The in-process target: a chain on this machine's Node, with Envoy's connection manager and router rebuilt around it. Time is virtual: a
 * delay of an hour takes none, and the same requests give the same results.
 */
export const inProcessTarget: Target = {
  name: "in-process",
  unavailable: () => Promise.resolve(undefined),
  start: async (chain) => startInProcess(chain),
};

/** A chain of the in-process target, with somebody who sees what passes between host and modules. */
export function startInProcess(spec: ChainSpec, observer?: HostObserver): RunningTarget {
  return new InProcessTarget(spec, observer);
}

class InProcessTarget implements RunningTarget {
  private readonly clock = new ManualClock({ now: new Date() });
  private readonly host: Host;
  private readonly chain: FilterChain;
  private readonly upstreamChain: FilterChain;
  private readonly routes: RouteTable;
  private readonly grpcStats: boolean;

  constructor(spec: ChainSpec, observer: HostObserver | undefined) {
    this.host = new Host({
      ...(observer !== undefined && { observer }),
      clock: this.clock,
      logLevel: "debug",
      instances: { canary: false, workers: 1 },
      node: { ...DEFAULT_NODE, ...spec.node } as PropertyObject,
      listener: { direction: DIRECTIONS[spec.trafficDirection ?? "UNSPECIFIED"] },
    });
    this.grpcStats = spec.grpcStats ?? false;
    for (const name of spec.clusters ?? spec.routes?.flatMap((route) => route.cluster ?? []) ?? ["upstream"]) this.host.clusters.set(name);
    for (const [name, http] of Object.entries(spec.callouts ?? {})) this.host.clusters.set(name, { http, grpc: grpcHandler(http) });
    this.routes = new RouteTable(spec);
    try {
      this.chain = this.host.chain(spec.filters.map((filter) => this.host.load(pluginConfig(filter))));
      this.upstreamChain = this.host.chain((spec.upstreamFilters ?? []).map((filter) => this.host.load(pluginConfig(filter))));
    } catch (error) {
      const reason = HostError.from(error);
      throw new TargetError(reason.message, reason.logs, { cause: error });
    }
  }

  async send(request: ExchangeRequest): Promise<ExchangeResult> {
    requireSendable(request);
    if (request.time !== undefined) this.clock.setNow(request.time);
    const written = this.host.logs.written;
    const exchange = new Exchange(this.chain, this.upstreamChain, this.routes, request, this.grpcStats);
    const { dispatcher } = this.chain.worker;
    dispatcher.post(() => exchange.send());
    while (!exchange.done) {
      const wait = this.clock.untilNext();
      if (wait === undefined)
        throw new HostError("misuse", `request ${request.id ?? request.path} waits for nothing: no timer is left that could end it`);
      this.clock.advance(wait);
    }
    const lines = this.host.logs.since(written);
    return withEvidence({ ...exchange.result(), decisions: readDecisions(lines) }, { request, logs: ofFilters(lines) }, this);
  }

  async metrics(): Promise<Readonly<Record<string, number>>> {
    return this.host.metrics.values();
  }

  async logs(): Promise<readonly LogLine[]> {
    return ofFilters(this.host.logs.lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function ofFilters(lines: readonly HostLogLine[]): LogLine[] {
  return lines.filter((line) => line.source === "filter").map(({ level, message }) => ({ level, message }));
}

function pluginConfig(filter: FilterSpec): PluginConfig {
  return { ...filter, vmId: filter.vmId ?? filter.name };
}
