import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { join } from "node:path";
import { ClusterSchema } from "../../../control/envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { TypedExtensionConfigSchema } from "../../../control/envoy-api/generated/envoy/config/core/v3/extension_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../../control/envoy-api/generated/envoy/config/endpoint/v3/endpoint_pb.ts";
import { ListenerSchema } from "../../../control/envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { WasmSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import { SecretSchema } from "../../../control/envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import type { PluginConfig } from "../../../control/envoy-api/generated/envoy/extensions/wasm/v3/wasm_pb.ts";
import { typeUrl } from "../../../control/envoy-api/index.ts";
import type { Resource, ResourceView, Snapshot } from "../../../control/xds/server/index.ts";
import type { FilterSpec } from "../../../harness/target/index.ts";
import { countsRequests, leadToServer } from "./cluster.ts";
import { isStream, makePrivate, type OpenListener } from "./listener.ts";
import { MadeUpCertificates } from "./secret.ts";
import type { UpstreamHosts } from "./upstream-hosts.ts";

/** What a proxy would get, changed where a private Envoy on this machine could not run it. */
export interface PrivateConfiguration {
  readonly snapshot: Snapshot;
  readonly listeners: readonly OpenListener[];
  /** By what stands before the lines that they log. */
  readonly filters: readonly FilterSpec[];
  /** Whether the outcome of a request may depend on how many came before it, or are under way. */
  readonly countsRequests: boolean;
}

/** Filters that remember nothing of a request for the next one. */
const FORGETFUL: ReadonlySet<string> = new Set(["authentication", "authorization", "routing", "fault", "telemetry"]);

export interface Surroundings {
  /** Where listeners listen. */
  readonly folder: string;
  readonly hosts: UpstreamHosts;
  /** Of the proxy's workload. */
  readonly principal: string;
}

/**
 * Changes listeners, clusters, endpoints and secrets of a snapshot; everything else, routes and filters above all, is what the proxy gets.
 */
export function privateConfiguration(snapshot: Snapshot, { folder, hosts, principal }: Surroundings): PrivateConfiguration {
  const certificates = new MadeUpCertificates(principal);
  const listeners: OpenListener[] = [];
  const plugins: PluginConfig[] = [];
  let counts = false;
  const views = new Map<string, ResourceView>();
  const replace = <Desc extends DescMessage>(schema: Desc, edit: (message: MessageShape<Desc>) => boolean): void => {
    const url = typeUrl(schema);
    views.set(url, changed(snapshot.resources(url), schema, edit));
  };

  replace(ListenerSchema, (listener) => {
    if (!isStream(listener)) return false;
    const open = makePrivate(listener, join(folder, `l${listeners.length}`), certificates);
    if (open !== undefined) listeners.push(open);
    return true;
  });
  replace(ClusterSchema, (cluster) => {
    counts ||= countsRequests(cluster);
    leadToServer(cluster, hosts);
    return true;
  });
  replace(ClusterLoadAssignmentSchema, (assignment) => {
    hosts.replace(assignment);
    return true;
  });
  replace(SecretSchema, (secret) => {
    certificates.replaceSecret(secret);
    return true;
  });
  const filters = snapshot.resources(typeUrl(TypedExtensionConfigSchema));
  for (const name of filters.names()) {
    const { typedConfig } = fromBinary(TypedExtensionConfigSchema, filters.get(name)?.value ?? new Uint8Array());
    const { config } = typedConfig?.typeUrl === typeUrl(WasmSchema) ? fromBinary(WasmSchema, typedConfig.value) : {};
    if (config !== undefined) plugins.push(config);
  }
  counts ||= plugins.some((plugin) => remembers(plugin));
  return {
    snapshot: { version: snapshot.version, resources: (url) => views.get(url) ?? snapshot.resources(url) },
    listeners,
    filters: plugins.map(specOf),
    countsRequests: counts,
  };
}

function changed<Desc extends DescMessage>(view: ResourceView, schema: Desc, edit: (message: MessageShape<Desc>) => boolean): ResourceView {
  const resources = new Map<string, Resource>();
  for (const name of view.names()) {
    const resource = view.get(name);
    if (resource === undefined) continue;
    const message = fromBinary(schema, resource.value);
    if (edit(message)) resources.set(name, { ...resource, value: toBinary(schema, message) });
  }
  return { get: (name) => resources.get(name), names: () => resources.keys() };
}

function specOf({ name, rootId, vm }: PluginConfig): FilterSpec {
  return { name, module: "", rootId, vmId: vm.case === "vmConfig" ? vm.value.vmId : "" };
}

/** Whether a plugin may count requests: all but ours are strangers. */
function remembers({ configuration }: PluginConfig): boolean {
  try {
    const { value } = fromBinary(StringValueSchema, configuration?.value ?? new Uint8Array());
    const { filters } = JSON.parse(value) as { readonly filters: readonly { readonly name: string }[] };
    return filters.some(({ name }) => !FORGETFUL.has(name));
  } catch {
    return true;
  }
}
