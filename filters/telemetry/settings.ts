import { Expression } from "./expression";

/** On which side of a request the proxy stands. */
export const enum Mode {
  /** As the listener's `traffic_direction` says: INBOUND is inbound, all else outbound. */
  ByListener = 0,
  Inbound = 1,
  Outbound = 2,
  /** The edge: reports as a source, and clients are no workloads. */
  Gateway = 3,
}

/** Whose workload metadata is believed. */
export const enum Trust {
  Never = 0,
  /** Of who came with a certificate whose namespace is the one that it says. */
  MutualTls = 1,
  Always = 2,
}

/** `match.mode` of Istio's Telemetry. */
export const enum OverrideMode {
  ClientAndServer = 0,
  Client = 1,
  Server = 2,
}

/** `tagOverrides.<name>`: a label that is set, or with no expression removed. */
@final
export class TagOverride {
  constructor(
    readonly name: string,
    /** Place among the expressions of the configuration; -1 removes. */
    readonly expression: i32,
  ) {}
}

/** An entry of `overrides`. */
@final
export class Override {
  /** -1: all. */
  metric: i32 = -1;
  mode: OverrideMode = OverrideMode.ClientAndServer;
  /** -1: not said. */
  disabled: i32 = -1;
  readonly tags: TagOverride[] = [];
}

/** What a configuration says; what a field means stands in telemetry.schema.json. */
@final
export class Settings {
  mode: Mode = Mode.ByListener;
  exchange: bool = true;
  trust: Trust = Trust.MutualTls;
  /** -1: as the mode has it. */
  hostHeaderFallback: i32 = -1;
  maxSeries: i32 = 1_000;
  readonly overrides: Override[] = [];
  readonly expressions: Expression[] = [];
}
