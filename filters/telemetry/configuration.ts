import { Config, ConfigValue } from "../lib/config";
import { Bytes } from "../sdk";
import { parseExpression } from "./expression-parser";
import { ISTIO_METRICS, TCP_METRICS } from "./metric";
import { Mode, Override, OverrideMode, Settings, TagOverride, Trust } from "./settings";

const MAX_SERIES: i64 = 100_000;
/** Of different expressions, each of which costs every request. */
const MAX_EXPRESSIONS: i32 = 32;

const MODES: string[] = ["inbound", "outbound", "gateway"];
const TRUSTS: string[] = ["NEVER", "MUTUAL_TLS", "ALWAYS"];
const OVERRIDE_MODES: string[] = ["CLIENT_AND_SERVER", "CLIENT", "SERVER"];
const ALL_METRICS = "ALL_METRICS";

/** What became of a configuration: settings, or what is wrong with it in one line. */
@final
export class Parsed {
  constructor(
    readonly settings: Settings | null,
    readonly problem: string | null,
  ) {}
}

/** Reads what telemetry.schema.json describes; nothing at all is the default of everything. */
export function parseConfiguration(source: Bytes): Parsed {
  const settings = new Settings();
  if (source.length == 0) return new Parsed(settings, null);
  const config = new Config(source);
  const root = config.root;
  if (root != null) new Reader(settings).read(root);
  const problem = config.problem;
  return problem == null ? new Parsed(settings, null) : new Parsed(null, problem);
}

class Reader {
  /** Their texts, by place among the settings' expressions. */
  private readonly sources: string[] = [];

  constructor(private readonly settings: Settings) {}

  read(root: ConfigValue): void {
    root.object(["mode", "metrics", "peerMetadata", "disableHostHeaderFallback", "maxSeries"]);
    const settings = this.settings;
    const mode = root.get("mode");
    if (mode != null) settings.mode = <Mode>(1 + choice(mode, MODES));
    const peers = root.get("peerMetadata");
    if (peers != null) {
      peers.object(["exchange", "trust"]);
      const exchange = peers.get("exchange");
      if (exchange != null) settings.exchange = exchange.bool();
      const trust = peers.get("trust");
      if (trust != null) settings.trust = <Trust>choice(trust, TRUSTS);
    }
    const fallback = root.get("disableHostHeaderFallback");
    if (fallback != null) settings.hostHeaderFallback = fallback.bool() ? 0 : 1;
    const series = root.get("maxSeries");
    if (series != null) settings.maxSeries = <i32>series.integer(1, MAX_SERIES);
    const metrics = root.get("metrics");
    if (metrics == null) return;
    const items = metrics.items();
    for (let i = 0; i < items.length; i++) this.readMetrics(items[i]);
  }

  private readMetrics(value: ConfigValue): void {
    value.object(["providers", "overrides"]);
    const providers = value.get("providers");
    if (providers != null) readProviders(providers);
    const overrides = value.get("overrides");
    if (overrides == null) return;
    const items = overrides.items();
    for (let i = 0; i < items.length; i++) this.settings.overrides.push(this.readOverride(items[i]));
  }

  private readOverride(value: ConfigValue): Override {
    const change = new Override();
    value.object(["match", "disabled", "tagOverrides"]);
    const match = value.get("match");
    if (match != null) {
      match.object(["metric", "mode"]);
      const metric = match.get("metric");
      if (metric != null) change.metric = metricOf(metric);
      const mode = match.get("mode");
      if (mode != null) change.mode = <OverrideMode>choice(mode, OVERRIDE_MODES);
    }
    const disabled = value.get("disabled");
    if (disabled != null) change.disabled = disabled.bool() ? 1 : 0;
    const tags = value.get("tagOverrides");
    if (tags == null) return change;
    const entries = tags.entries();
    for (let i = 0; i < entries.length; i++) {
      const tag = this.readTag(entries[i]);
      if (tag != null) change.tags.push(tag);
    }
    return change;
  }

  private readTag(value: ConfigValue): TagOverride | null {
    const name = value.key.toString();
    value.object(["operation", "value"]);
    if (!isLabelName(name)) {
      value.reportMember(value, "the name of a label has letters, digits and underscores, and begins with no digit");
      return null;
    }
    const operation = value.get("operation");
    const expression = value.get("value");
    if (operation != null && choice(operation, ["UPSERT", "REMOVE"]) == 1) {
      if (expression != null) expression.report("nothing to set for REMOVE");
      return new TagOverride(name, -1);
    }
    if (expression == null) {
      if (value.isObject) value.report("UPSERT needs a `value`");
      return null;
    }
    return new TagOverride(name, this.readExpression(expression));
  }

  /** The place of an expression; equal ones share one. */
  private readExpression(value: ConfigValue): i32 {
    const source = value.text().toString();
    const known = this.sources.indexOf(source);
    if (known >= 0) return known;
    const parsed = parseExpression(source);
    const expression = parsed.expression;
    if (expression == null) {
      value.report("not understood: " + parsed.problem);
      return 0;
    }
    if (this.sources.length == MAX_EXPRESSIONS) value.report("more than 32 different expressions");
    this.sources.push(source);
    this.settings.expressions.push(expression);
    return this.sources.length - 1;
  }
}

/** Istio names where metrics go; this filter's go to Envoy's statistics, which is what Istio calls prometheus. */
function readProviders(value: ConfigValue): void {
  const items = value.items();
  for (let i = 0; i < items.length; i++) {
    const name = items[i].object(["name"]).required("name");
    if (name != null && name.text().toString() != "prometheus") name.report("only the provider `prometheus` is supported");
  }
}

function metricOf(value: ConfigValue): i32 {
  const name = value.text().toString();
  if (TCP_METRICS.includes(name)) {
    value.report("this filter reports HTTP and gRPC requests and no TCP metrics");
    return -1;
  }
  if (name == ALL_METRICS) return -1;
  return choice(value, ISTIO_METRICS);
}

/** The place of a text among those that are allowed. */
function choice(value: ConfigValue, allowed: string[]): i32 {
  const place = allowed.indexOf(value.text().toString());
  if (place < 0) value.report("must be one of " + allowed.join(", "));
  return max(place, 0);
}

function isLabelName(name: string): bool {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    const letter = code == 0x5f || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    if (!letter && (i == 0 || code < 0x30 || code > 0x39)) return false;
  }
  return name.length > 0;
}
