import type { Contribution, MeshObject, Telemetry } from "../../model/index.ts";
import type { TelemetrySpec } from "./fields.ts";

export function contribute(object: MeshObject<TelemetrySpec>): Contribution {
  return { policies: [telemetryOf(object)] };
}

export function telemetryOf(object: MeshObject<TelemetrySpec>): Telemetry {
  const { metadata, spec } = object;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    selector: spec.selector?.matchLabels ?? {},
    tracing: spec.tracing.map(({ match, providers, ...rule }) => ({
      ...rule,
      mode: match?.mode ?? "CLIENT_AND_SERVER",
      providers: namesOf(providers),
    })),
    metrics: spec.metrics.map(({ providers, overrides }) => ({
      providers: namesOf(providers),
      overrides: overrides.map(({ match, disabled, tagOverrides }) => ({
        metric: match?.metric ?? "ALL_METRICS",
        mode: match?.mode ?? "CLIENT_AND_SERVER",
        disabled,
        tagOverrides,
      })),
    })),
    accessLogging: spec.accessLogging.map(({ match, providers, disabled, filter }) => ({
      mode: match?.mode ?? "CLIENT_AND_SERVER",
      providers: namesOf(providers),
      disabled,
      filter: filter?.expression,
    })),
    object,
  };
}

function namesOf(providers: readonly { readonly name: string }[]): readonly string[] {
  return providers.map(({ name }) => name);
}
