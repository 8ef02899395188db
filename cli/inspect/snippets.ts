import { Document, stringify } from "yaml";

/** What a snippet says of a module. */
export interface SnippetModule {
  /** Of the plugin; a name of a file without `.wasm`. */
  readonly name: string;
  /** Where Envoy finds the module. */
  readonly path: string;
  readonly sha256: string;
  readonly capabilities: readonly string[];
  /** As the filter gets it; none where absent. */
  readonly configuration?: string;
}

const WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const STRING_VALUE = "type.googleapis.com/google.protobuf.StringValue";
/** Where the Istio snippet expects the module in the proxy's container. */
const MOUNT = "/var/lib/wasm";
const WIDTH = { lineWidth: 0 };

/** An entry of `http_filters` that lets the module use what it imports and exports, and nothing else. */
export function envoySnippet(module: SnippetModule): string {
  const document = new Document(wasmFilter(module, module.path));
  document.commentBefore = " An entry of http_filters of the HTTP connection manager, before the router.";
  return document.toString(WIDTH);
}

/**
 * An EnvoyFilter with the same filter, and the WasmPlugin that would be shorter: that has no field for capabilities (Istio's `extensions.v1alpha1.WasmPlugin`),
 * so a module that it loads may call everything.
 */
export function istioSnippet(module: SnippetModule): string {
  const { name, sha256, configuration } = module;
  const metadata = { name: objectName(name), namespace: "istio-system" };
  const pluginConfig = configuration === undefined ? undefined : structured(configuration);
  const filter = {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata,
    spec: {
      workloadSelector: { labels: { app: "my-app" } },
      configPatches: [
        {
          applyTo: "HTTP_FILTER",
          match: {
            context: "SIDECAR_INBOUND",
            listener: {
              filterChain: {
                filter: { name: "envoy.filters.network.http_connection_manager", subFilter: { name: "envoy.filters.http.router" } },
              },
            },
          },
          patch: { operation: "INSERT_BEFORE", value: wasmFilter(module, `${MOUNT}/${name}.wasm`) },
        },
      ],
    },
  };
  const plugin = {
    apiVersion: "extensions.istio.io/v1alpha1",
    kind: "WasmPlugin",
    metadata,
    spec: {
      selector: { matchLabels: { app: "my-app" } },
      url: `file://${MOUNT}/${name}.wasm`,
      sha256,
      pluginName: name,
      failStrategy: "FAIL_CLOSE",
      ...(pluginConfig !== undefined && { pluginConfig }),
    },
  };
  const comment = [
    `# The module is mounted at ${MOUNT} of the proxy's container (annotations sidecar.istio.io/userVolume and userVolumeMount).`,
    stringify(filter, WIDTH).trimEnd(),
    "# Shorter, but WasmPlugin has no field for capabilities: the module may call everything.",
    ...(configuration !== undefined && pluginConfig === undefined
      ? ["# It cannot hand over this configuration either: pluginConfig is an object of JSON."]
      : []),
    ...stringify(plugin, WIDTH)
      .trimEnd()
      .split("\n")
      .map((line) => `# ${line}`),
  ];
  return `${comment.join("\n")}\n`;
}

/** What Kubernetes takes as the name of an object (RFC 1123): the files of Rust's modules have a `_` in theirs. */
function objectName(name: string): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? ["filter"];
  return words.join("-").slice(0, 253).replace(/-$/, "");
}

/** `pluginConfig` is a `google.protobuf.Struct`; what is no object cannot be given to a WasmPlugin. */
function structured(configuration: string): object | undefined {
  try {
    const value: unknown = JSON.parse(configuration);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function wasmFilter({ name, capabilities, configuration }: SnippetModule, path: string): object {
  return {
    name,
    typed_config: {
      "@type": WASM,
      config: {
        name,
        failure_policy: "FAIL_RELOAD",
        ...(configuration !== undefined && { configuration: { "@type": STRING_VALUE, value: configuration } }),
        vm_config: {
          vm_id: name,
          runtime: "envoy.wasm.runtime.v8",
          code: { local: { filename: path } },
          capability_restriction_config: { allowed_capabilities: Object.fromEntries(capabilities.map((capability) => [capability, {}])) },
        },
      },
    },
  };
}
