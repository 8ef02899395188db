/** A series as dashboards see it: a metric's name, its labels, its value. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The counters that carry labels in their names, taken apart as the stats_tags of a bootstrap do it. */
export function seriesOf(metrics: Readonly<Record<string, number>>): Series[] {
  return Object.entries(metrics).flatMap(([name, value]) => {
    const parts = name.split(";.;");
    const metric = parts.pop() ?? "";
    if (!metric.startsWith("istio_")) return [];
    const labels = parts.map((part) => [part.slice(0, part.indexOf("=.=")), part.slice(part.indexOf("=.=") + 3)] as const);
    return [{ name: metric, labels: Object.fromEntries(labels), value }];
  });
}

/** Those of one metric, by value and the labels named. */
export function pick(
  metrics: Readonly<Record<string, number>>,
  metric: string,
  ...labels: readonly string[]
): ReadonlyArray<readonly [number, ...string[]]> {
  return seriesOf(metrics)
    .filter(({ name }) => name === metric)
    .map(({ value, labels: all }) => [value, ...labels.map((label) => all[label] ?? "(none)")] as const);
}
