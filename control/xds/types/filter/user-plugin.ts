import { create, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { type Any, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { AsyncDataSourceSchema } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { TypedExtensionConfigSchema } from "../../../envoy-api/generated/envoy/config/core/v3/extension_pb.ts";
import { RBACSchema as HttpRbacSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { WasmSchema as HttpWasmSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import { RBACSchema as NetworkRbacSchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import { WasmSchema as NetworkWasmSchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/wasm/v3/wasm_pb.ts";
import { FailurePolicy, type PluginConfigSchema } from "../../../envoy-api/generated/envoy/extensions/wasm/v3/wasm_pb.ts";
import { pack, typeUrl } from "../../../envoy-api/index.ts";
import type { Plugin, ProxyView } from "../../../model/index.ts";
import type { Translated } from "../xds-type.ts";
import type { Module } from "./modules.ts";
import { proofOf } from "./proof.ts";

const PREFIX = "extensions.istio.io/wasmplugin/";

/** The name of the resource with a user's module, as Istio's, but for its spelling. */
export function userPluginName({ namespace, name }: Plugin): string {
  return `${PREFIX}${namespace}.${name}`;
}

/** The plugin of a resource; undefined for a name that is of something else. */
export function userPluginOf(view: ProxyView, name: string): Plugin | undefined {
  return name.startsWith(PREFIX)
    ? view.plugins().find((plugin) => plugin.module !== undefined && userPluginName(plugin) === name)
    : undefined;
}

/** What may come in the place of a plugin by its name: what refuses everything, where there is no module. */
export const PLUGIN_TYPES: Readonly<Record<Plugin["type"], readonly string[]>> = {
  HTTP: [typeUrl(HttpWasmSchema), typeUrl(HttpRbacSchema)],
  NETWORK: [typeUrl(NetworkWasmSchema), typeUrl(NetworkRbacSchema)],
};

const FAILURES: Readonly<Record<Plugin["failStrategy"], FailurePolicy>> = {
  FAIL_CLOSE: FailurePolicy.FAIL_CLOSED,
  FAIL_OPEN: FailurePolicy.FAIL_OPEN,
  FAIL_RELOAD: FailurePolicy.FAIL_RELOAD,
};

/**
 * A user's module as a plugin of Envoy, in a VM that no other is in, so that it takes nobody down with it. Where it cannot be had, or refuses its configuration, and the proxy has nothing older, everything is
 * refused in its place, or nothing where it may fail open (as Istio's agent does).
 */
export function userPlugin(view: ProxyView, plugin: Plugin): Translated<typeof TypedExtensionConfigSchema> {
  const name = userPluginName(plugin);
  const extension = (typedConfig: Any): MessageShape<typeof TypedExtensionConfigSchema> =>
    create(TypedExtensionConfigSchema, { name, typedConfig });
  const closed = () => extension(plugin.failStrategy === "FAIL_OPEN" ? passes(plugin) : refuses(plugin));
  const state = plugin.module === undefined ? undefined : view.module(plugin.module.key);
  if (state?.status !== "ready") return { name, message: closed(), closed, judged: state === undefined ? "pending" : "refused" };
  const config = pluginConfig(view, plugin, state);
  const schema = plugin.type === "NETWORK" ? NetworkWasmSchema : HttpWasmSchema;
  return { name, message: extension(pack(schema, { config })), proofs: [proofOf(config, state)], closed };
}

function pluginConfig(view: ProxyView, plugin: Plugin, module: Module): MessageInitShape<typeof PluginConfigSchema> {
  const { pluginConfig: configuration, environment } = plugin;
  return {
    name: userPluginName(plugin),
    rootId: plugin.pluginName,
    failurePolicy: FAILURES[plugin.failStrategy],
    vm: {
      case: "vmConfig",
      value: {
        vmId: `${plugin.namespace}.${plugin.name}`,
        runtime: "envoy.wasm.runtime.v8",
        code: codeOf(view, module),
        environmentVariables: { hostEnvKeys: [...environment.host], keyValues: { ...environment.values } },
      },
    },
    ...(configuration === undefined ? {} : { configuration: pack(StringValueSchema, { value: JSON.stringify(configuration) }) }),
  };
}

/** A file beside the proxy where it has announced one of that digest, else the bytes themselves. */
function codeOf(view: ProxyView, { bytes, sha256 }: Module): MessageInitShape<typeof AsyncDataSourceSchema> {
  const announced = Object.values(view.proxy().modules).find((each) => each.sha256.toLowerCase() === sha256);
  const specifier =
    announced === undefined ? ({ case: "inlineBytes", value: bytes } as const) : ({ case: "filename", value: announced.path } as const);
  return { specifier: { case: "local", value: { specifier } } };
}

/** Rules that allow nobody. */
function refuses({ type }: Plugin): Any {
  return type === "NETWORK" ? pack(NetworkRbacSchema, { statPrefix: "wasmplugin", rules: {} }) : pack(HttpRbacSchema, { rules: {} });
}

/** No rules. */
function passes({ type }: Plugin): Any {
  return type === "NETWORK" ? pack(NetworkRbacSchema, { statPrefix: "wasmplugin" }) : pack(HttpRbacSchema, {});
}
