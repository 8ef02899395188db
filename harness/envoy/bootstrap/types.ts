/**
 * The part of Envoy's configuration that Meshwright's tests and commands use, as proto3 JSON with Envoy's field names
 * (https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api). What is not here can be given as `TypedConfig`.
 */

/** `google.protobuf.Any`. */
export interface TypedConfig {
  readonly "@type": string;
  readonly [field: string]: unknown;
}

export interface Extension {
  readonly name: string;
  readonly typed_config: TypedConfig;
}

export interface SocketAddress {
  readonly socket_address: { readonly address: string; readonly port_value: number };
}

export interface Bootstrap {
  readonly admin?: { readonly address: SocketAddress };
  readonly node?: { readonly id?: string; readonly cluster?: string; readonly metadata?: Readonly<Record<string, unknown>> };
  readonly static_resources?: {
    readonly listeners?: readonly Listener[];
    readonly clusters?: readonly Cluster[];
    readonly secrets?: readonly object[];
  };
  readonly dynamic_resources?: Readonly<Record<string, unknown>>;
  readonly layered_runtime?: Readonly<Record<string, unknown>>;
  readonly overload_manager?: Readonly<Record<string, unknown>>;
  readonly stats_config?: { readonly stats_tags?: readonly StatsTag[]; readonly use_all_default_tags?: boolean };
  readonly stats_flush_interval?: string;
  readonly stats_flush_on_admin?: boolean;
}

/** A tag that is cut out of the names of statistics: the first group is removed, the second is the value. */
export interface StatsTag {
  readonly tag_name: string;
  readonly regex: string;
}

export interface Listener {
  readonly name: string;
  /** Port 0 is any free one. */
  readonly address: SocketAddress;
  readonly listener_filters?: readonly Extension[];
  readonly filter_chains: readonly FilterChain[];
  readonly [field: string]: unknown;
}

export interface FilterChain {
  readonly name?: string;
  readonly filter_chain_match?: { readonly transport_protocol?: "raw_buffer" | "tls"; readonly server_names?: readonly string[] };
  readonly filters: readonly Extension[];
  readonly transport_socket?: Extension;
}

export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  readonly [field: string]: unknown;
}

export interface Route {
  readonly name?: string;
  readonly match: Readonly<Record<string, unknown>>;
  readonly route?: Readonly<Record<string, unknown>>;
  readonly direct_response?: { readonly status: number; readonly body?: { readonly inline_string: string } };
  readonly redirect?: Readonly<Record<string, unknown>>;
  readonly request_headers_to_remove?: readonly string[];
  readonly [field: string]: unknown;
}

export interface Cluster {
  readonly name: string;
  readonly type?: "STATIC" | "STRICT_DNS";
  readonly connect_timeout?: string;
  readonly load_assignment: {
    readonly cluster_name: string;
    readonly endpoints: ReadonlyArray<{ readonly lb_endpoints: ReadonlyArray<{ readonly endpoint: { readonly address: SocketAddress } }> }>;
  };
  readonly typed_extension_protocol_options?: Readonly<Record<string, TypedConfig>>;
  readonly [field: string]: unknown;
}

/** `envoy.extensions.wasm.v3.PluginConfig`. */
export interface PluginConfig {
  readonly name: string;
  readonly root_id?: string;
  readonly failure_policy?: "FAIL_CLOSED" | "FAIL_OPEN" | "FAIL_RELOAD";
  readonly configuration?: TypedConfig;
  readonly allow_on_headers_stop_iteration?: boolean;
  readonly vm_config: {
    readonly vm_id?: string;
    readonly runtime: "envoy.wasm.runtime.v8";
    readonly code: { readonly local: { readonly filename: string } | { readonly inline_bytes: string } };
    readonly configuration?: TypedConfig;
    readonly environment_variables?: { readonly key_values: Readonly<Record<string, string>> };
    readonly capability_restriction_config?: { readonly allowed_capabilities: Readonly<Record<string, object>> };
  };
}
