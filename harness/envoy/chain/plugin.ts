import { resolve } from "node:path";
import type { FilterSpec } from "../../target/index.ts";
import { bytesValue, stringValue, type PluginConfig, type TypedConfig } from "../bootstrap/index.ts";

/** A filter of a chain as Envoy's `PluginConfig`. */
export function pluginConfig(filter: FilterSpec): PluginConfig {
  const { allowedCapabilities, environment } = filter;
  return {
    name: filter.name,
    root_id: filter.rootId ?? "",
    failure_policy: filter.failurePolicy ?? "FAIL_CLOSED",
    ...(filter.configuration !== undefined && { configuration: configurationOf(filter.configuration) }),
    ...(filter.allowOnHeadersStopIteration === true && { allow_on_headers_stop_iteration: true }),
    vm_config: {
      vm_id: vmIdOf(filter),
      runtime: "envoy.wasm.runtime.v8",
      code: { local: { filename: resolve(filter.module) } },
      ...(filter.vmConfiguration !== undefined && { configuration: stringValue(filter.vmConfiguration) }),
      ...(environment !== undefined && { environment_variables: { key_values: environment } }),
      ...(allowedCapabilities !== undefined && {
        capability_restriction_config: { allowed_capabilities: Object.fromEntries(allowedCapabilities.map((name) => [name, {}])) },
      }),
    },
  };
}

/**
 * What Envoy puts before the lines of a filter: those of a stream (`PluginBase::makeLogPrefix` of proxy-wasm-cpp-host), and those of its root context, at
 * configuration and in ticks (`ContextBase::makeRootLogPrefix`), without the plugin's name.
 */
export function logPrefixes(filter: FilterSpec): string[] {
  const root = [filter.rootId ?? "", vmIdOf(filter)];
  return [[filter.name, ...root], root].map((parts) => `wasm log${parts.map((part) => (part === "" ? "" : ` ${part}`)).join("")}: `);
}

function vmIdOf(filter: FilterSpec): string {
  return filter.vmId ?? filter.name;
}

/** A string or bytes reach the filter as they are; anything else as JSON. */
function configurationOf(configuration: unknown): TypedConfig {
  if (configuration instanceof Uint8Array) return bytesValue(configuration);
  return stringValue(typeof configuration === "string" ? configuration : JSON.stringify(configuration));
}
