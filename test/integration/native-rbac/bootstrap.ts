import {
  connectionManager,
  httpWasm,
  listener,
  lua,
  proxyProtocol,
  stringValue,
  tlsInspector,
  typed,
  type Bootstrap,
  type Extension,
  type Listener,
} from "../../../harness/envoy/index.ts";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { CONNECTION_MANAGER } from "../../../harness/target/index.ts";
import { TOKENS } from "./generate.ts";
import { JWT_METADATA, rbacFilters, type Policy } from "./translate.ts";

/** For each configuration two listeners, `native-0` and `ours-0`, that differ in the filter that decides. */
export function comparisonBootstrap(
  configurations: ReadonlyArray<readonly Policy[]>,
  modules: { readonly module: string; readonly handOver: string },
): Bootstrap {
  const wasm = (name: string, filename: string, configuration: string, rootId: string) =>
    httpWasm({
      name,
      root_id: rootId,
      vm_config: { vm_id: rootId, runtime: "envoy.wasm.runtime.v8", code: { local: { filename } } },
      failure_policy: "FAIL_CLOSED",
      configuration: stringValue(configuration),
    });
  return {
    static_resources: {
      listeners: configurations.flatMap((list, i) => [
        listenerOf(`native-${i}`, [verifiedToken(), ...rbacFilters(list)]),
        listenerOf(`ours-${i}`, [
          directAddress(),
          wasm("hand-over", modules.handOver, "", "hand-over"),
          wasm(`authorization-${i}`, modules.module, JSON.stringify({ policies: list }), "authorization"),
        ]),
      ]),
      clusters: [],
    },
  };
}

function listenerOf(name: string, filters: readonly Extension[]): Listener {
  const route = { match: { prefix: "/" }, direct_response: { status: 200 } };
  const manager = connectionManager(CONNECTION_MANAGER, filters, [{ name: "all", domains: ["*"], routes: [route] }]);
  const { certificate, key, authority } = identityOf("spiffe://cluster.local/ns/default/sa/default");
  const transport = {
    name: "tls",
    typed_config: typed("transport_sockets.tls.v3.DownstreamTlsContext", {
      require_client_certificate: false,
      common_tls_context: {
        tls_certificates: [{ certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } }],
        validation_context: { trusted_ca: { inline_string: authority } },
      },
    }),
  };
  return listener(
    name,
    [
      { filter_chain_match: { transport_protocol: "raw_buffer" }, filters: [manager] },
      { filter_chain_match: { transport_protocol: "tls" }, filters: [manager], transport_socket: transport },
    ],
    [proxyProtocol(), tlsInspector()],
  );
}

/** The peer's own address for a filter that only sees what the PROXY protocol says: as the page of `authorization` tells users. */
function directAddress(): Extension {
  return {
    name: "direct-address",
    typed_config: typed("filters.http.set_filter_state.v3.Config", {
      on_request_headers: [
        {
          object_key: "meshwright.direct_remote_address",
          factory_key: "envoy.string",
          format_string: { text_format_source: { inline_string: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%" } },
        },
      ],
    }),
  };
}

/** Puts the claims that `x-token` chooses where native RBAC looks for them. */
function verifiedToken(): Extension {
  const tokens = TOKENS.map((claims) => luaValue(claims)).join(", ");
  return lua(
    "token",
    `local tokens = { ${tokens} }
     function envoy_on_request(handle)
       local chosen = handle:headers():get("x-token")
       if chosen ~= nil then
         handle:streamInfo():dynamicMetadata():set("${JWT_METADATA.filter}", "${JWT_METADATA.key}", tokens[tonumber(chosen) + 1])
       end
     end`,
  );
}

function luaValue(value: unknown): string {
  if (Array.isArray(value)) return `{ ${value.map(luaValue).join(", ")} }`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, member]) => `[${JSON.stringify(name)}] = ${luaValue(member)}`)
    .join(", ")} }`;
}
