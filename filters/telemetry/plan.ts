import { WorkloadField } from "../lib/workload-metadata";
import { Text } from "../sdk";
import { isReporter, ownField, Slot, STANDARD_LABELS } from "./labels";
import { countsMessages, METRIC_COUNT, METRIC_NAMES } from "./metric";
import { Mode, Override, OverrideMode, Settings } from "./settings";
import { VALUE_SEPARATOR } from "./stat-name";
import { Workload } from "./workload";

/** A label of a metric. */
@final
export class Label {
  /** With the separator behind the name. */
  readonly prefix: Text;

  constructor(
    readonly name: string,
    /** What is the same for every request; null where a slot says. */
    readonly constant: Text | null,
    readonly slot: i32,
  ) {
    this.prefix = Text.of(name + VALUE_SEPARATOR);
  }
}

/** A metric with its labels, in the order in which they stand in its name. */
@final
export class MetricPlan {
  readonly name: Text;
  enabled: bool = true;
  readonly labels: Label[] = [];

  constructor(metric: i32) {
    this.name = Text.of(METRIC_NAMES[metric]);
  }
}

/** What a configuration comes to on this side of requests, for this workload. Made once, with the first stream. */
@final
export class Plan {
  readonly metrics: MetricPlan[] = [];
  /** One bit for each slot that some label needs: what nobody asks for is not read. */
  needed: u64 = 0;
  /** One bit for each metric that is enabled. */
  private counted: u32 = 0;
  readonly slots: i32;

  constructor(
    readonly settings: Settings,
    readonly mode: Mode,
    readonly workload: Workload,
  ) {
    this.slots = <i32>Slot.Expressions + settings.expressions.length;
    for (let metric = 0; metric < METRIC_COUNT; metric++) this.metrics.push(this.planOf(metric));
  }

  get inbound(): bool {
    return this.mode == Mode.Inbound;
  }

  /** Whether this proxy tells others who it stands for: not where its node's metadata does not say. */
  get introduces(): bool {
    return this.settings.exchange && this.workload.header.bytes.length > 0;
  }

  get hostHeaderFallback(): bool {
    const fallback = this.settings.hostHeaderFallback;
    // What stands in `:authority` at the edge is anything that a client made up.
    return fallback < 0 ? this.mode != Mode.Gateway : fallback != 0;
  }

  /** Whether something is asked that the other side, or the connection with it, says. */
  get needsPeer(): bool {
    const ofPeer: u64 = ((<u64>1) << Slot.Service) - 1;
    return (this.needed & (ofPeer | ((<u64>1) << Slot.SecurityPolicy))) != 0;
  }

  /** Whether `metric` is enabled. */
  @inline
  counts(metric: i32): bool {
    return (this.counted & (1 << metric)) != 0;
  }

  needs(slot: i32): bool {
    return (this.needed & ((<u64>1) << (<u64>slot))) != 0;
  }

  private planOf(metric: i32): MetricPlan {
    const plan = new MetricPlan(metric);
    const added: Label[] = [];
    for (let i = 0; i < STANDARD_LABELS.length; i++) {
      const standard = STANDARD_LABELS[i];
      if (standard.ofAnswer && countsMessages(metric)) continue;
      plan.labels.push(this.labelOf(standard.name, this.inbound ? standard.atDestination : standard.atSource));
    }
    const overrides = this.settings.overrides;
    for (let i = 0; i < overrides.length; i++) {
      if (this.applies(overrides[i], metric)) apply(overrides[i], plan, added);
    }
    for (let i = 0; i < added.length; i++) plan.labels.push(added[i]);
    if (plan.enabled) {
      this.counted |= 1 << metric;
      for (let i = 0; i < plan.labels.length; i++) {
        if (plan.labels[i].constant == null) this.needed |= (<u64>1) << (<u64>plan.labels[i].slot);
      }
    }
    return plan;
  }

  private applies(change: Override, metric: i32): bool {
    if (change.metric >= 0 && change.metric != metric) return false;
    return change.mode == OverrideMode.ClientAndServer || (change.mode == OverrideMode.Server) == this.inbound;
  }

  private labelOf(name: string, source: i32): Label {
    if (source >= 0) return new Label(name, null, source);
    if (isReporter(source)) return new Label(name, Text.of(this.inbound ? "destination" : "source"), 0);
    const field = ownField(source);
    const value = this.workload.fields[field];
    if (value.bytes.length > 0) return new Label(name, value, 0);
    return new Label(name, Text.of(field == WorkloadField.CanonicalRevision ? "latest" : "unknown"), 0);
  }
}

/** Standard labels change in place; others are collected in `added`. */
function apply(change: Override, plan: MetricPlan, added: Label[]): void {
  if (change.disabled >= 0) plan.enabled = change.disabled == 0;
  for (let i = 0; i < change.tags.length; i++) {
    const tag = change.tags[i];
    const label: Label | null = tag.expression < 0 ? null : new Label(tag.name, null, <i32>Slot.Expressions + tag.expression);
    if (!replace(plan.labels, tag.name, label) && !replace(added, tag.name, label) && label != null) insert(added, label);
  }
}

/** Istio sorts the labels that it adds. */
function insert(labels: Label[], label: Label): void {
  labels.push(label);
  for (let i = labels.length - 1; i > 0 && labels[i - 1].name > label.name; i--) {
    labels[i] = labels[i - 1];
    labels[i - 1] = label;
  }
}

/** Puts `label`, or nothing, in the place of the label of that name. False where there is none. */
function replace(labels: Label[], name: string, label: Label | null): bool {
  for (let i = 0; i < labels.length; i++) {
    if (labels[i].name != name) continue;
    if (label == null) labels.splice(i, 1);
    else labels[i] = label;
    return true;
  }
  return false;
}
