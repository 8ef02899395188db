import { Code, type MeshObject, type Report } from "../../model/index.ts";
import type { TelemetrySpec } from "./fields.ts";

/** Istio's `ValidateTelemetry`, and what it takes without a word though nothing comes of it. */
export function check({ spec }: MeshObject<TelemetrySpec>, report: Report): void {
  const { selector, tracing, metrics } = spec;
  if (selector !== undefined && Object.keys(selector.matchLabels ?? {}).length === 0)
    report("warning", "IST0133", ["spec", "selector"], "a selector without labels selects every workload of the namespace");
  for (const [index, { providers }] of tracing.entries())
    if (providers.length > 1)
      report(
        "warning",
        Code.Surprise,
        ["spec", "tracing", index, "providers"],
        "only the first provider gets the spans: Envoy has one tracer",
      );
  for (const [index, { overrides }] of metrics.entries()) {
    for (const [at, { match, disabled, tagOverrides }] of overrides.entries()) {
      const path = ["spec", "metrics", index, "overrides", at];
      checkTags(tagOverrides, path, report);
      // To disable what is not there is no mistake.
      if (match?.metric?.startsWith("TCP_") === true && (disabled !== true || Object.keys(tagOverrides).length > 0))
        report(
          "error",
          Code.Refused,
          [...path, "match", "metric"],
          "connections of TCP are not reported, so there is nothing to change; disabled: true may stay",
        );
    }
  }
}

function checkTags(
  tags: TelemetrySpec["metrics"][number]["overrides"][number]["tagOverrides"],
  path: readonly (string | number)[],
  report: Report,
): void {
  for (const [name, { operation, value }] of Object.entries(tags)) {
    const at = [...path, "tagOverrides", name];
    if (operation === "UPSERT" && value === undefined) report("error", Code.Missing, at, `"value" is missing: UPSERT sets the label to it`);
    if (operation === "REMOVE" && value !== undefined)
      report("error", Code.Value, [...at, "value"], "nothing is set by REMOVE; leave it out");
  }
}
