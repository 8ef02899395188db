import type { CustomTagSchema } from "../../../envoy-api/generated/envoy/type/tracing/v3/custom_tag_pb.ts";
import type { CustomTag, ProxySettings, ProxyView } from "../../../model/index.ts";
import { isOlderThan } from "../envoy-version.ts";
import type { Init } from "./init.ts";

type Tags = Readonly<Record<string, CustomTag>>;

/** Tags of spans, by name. Envoy before 1.37 knows none with operators, and refuses the listener that has one. */
export function customTags(view: ProxyView, tags: Tags): Init<typeof CustomTagSchema>[] {
  const entries = Object.entries(tags);
  const hasFormatter = entries.some(([, { formatter }]) => formatter !== undefined);
  const known = hasFormatter && isOlderThan(view, 1, 37) ? entries.filter(([, { formatter }]) => formatter === undefined) : entries;
  return known.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([tag, each]) => ({ tag, type: typeOf(each) }));
}

/** Those of ProxyConfig, which hold where no Telemetry has any. */
export function tagsOf({ tracing }: ProxySettings): Tags {
  return (tracing?.["customTags"] ?? {}) as Tags;
}

/** Istio's `buildServiceTags`. They make listeners those of one proxy. */
export function istioTags(view: ProxyView): Init<typeof CustomTagSchema>[] {
  const { labels, metadata, name, namespace, clusterId } = view.proxy();
  const mesh = metadata["MESH_ID"];
  const workload = metadata["WORKLOAD_NAME"];
  return customTags(view, {
    "istio.canonical_revision": { literal: { value: labels["service.istio.io/canonical-revision"] ?? "latest" } },
    "istio.canonical_service": {
      literal: { value: labels["service.istio.io/canonical-name"] ?? (typeof workload === "string" ? workload : name) },
    },
    "istio.cluster_id": { literal: { value: clusterId } },
    "istio.mesh_id": { literal: { value: typeof mesh === "string" ? mesh : "unknown" } },
    "istio.namespace": { literal: { value: namespace } },
  });
}

function typeOf({ literal, environment, header, formatter }: CustomTag): NonNullable<Init<typeof CustomTagSchema>["type"]> {
  if (literal !== undefined) return { case: "literal", value: { value: literal.value ?? "" } };
  if (formatter !== undefined) return { case: "value", value: formatter.value };
  if (environment !== undefined)
    return { case: "environment", value: { name: environment.name ?? "", defaultValue: environment.defaultValue ?? "" } };
  return { case: "requestHeader", value: { name: header?.name ?? "", defaultValue: header?.defaultValue ?? "" } };
}
