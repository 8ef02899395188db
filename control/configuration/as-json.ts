import { fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { typeUrl } from "../envoy-api/index.ts";
import type { Resource, Snapshot } from "../xds/server/index.ts";
import type { XdsType } from "../xds/types/xds-type.ts";

/**
 * A proxy's resources in proto3 JSON, sorted by name: `{cluster: [...], listener: [...]}`. What is packed in `Any` is shown as what it is. Private keys and
 * other secrets are not shown.
 *
 * @param only the name of a type (`cluster`); default all
 */
export async function resourcesAsJson(types: readonly XdsType[], snapshot: Snapshot, only?: string): Promise<Record<string, JsonValue[]>> {
  const read = await resourceReader();
  const result: Record<string, JsonValue[]> = {};
  for (const type of types) {
    if (only !== undefined && type.name !== only) continue;
    const view = snapshot.resources(typeUrl(type.schema));
    result[type.name] = [...view.names(), ...(view.namesOnDemand?.() ?? [])].toSorted().flatMap((name) => {
      const resource = view.get(name) ?? view.onDemand?.(name);
      return resource === undefined ? [] : [read(type, resource)];
    });
  }
  return result;
}

/** What gives a resource in proto3 JSON, as {@link resourcesAsJson} shows it. */
export async function resourceReader(): Promise<(type: XdsType, resource: Resource) => JsonValue> {
  // All of Envoy's API: loaded where someone looks, since that takes half a second.
  const { registry } = await import("../envoy-api/generated/registry.ts");
  return ({ schema }, { value }) => redacted(toJson(schema, fromBinary(schema, value), { registry }));
}

/** Fields of `envoy.extensions.transport_sockets.tls.v3` that Envoy marks as sensitive. */
const SENSITIVE: ReadonlySet<string> = new Set(["privateKey", "password", "sessionTicketKeys", "privateKeyProvider", "genericSecret"]);

function redacted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, SENSITIVE.has(key) && isInline(entry) ? "[redacted]" : redacted(entry)]),
  );
}

/** A file's name is no secret. */
function isInline(value: JsonValue): boolean {
  return !(typeof value === "object" && value !== null && !Array.isArray(value) && "filename" in value);
}
