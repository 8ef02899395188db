import type { Json } from "../envoy/bootstrap.ts";

const TYPE = "type.googleapis.com/envoy.extensions.filters.http";

/** Envoy's own filter for fixed header changes. */
export const headerMutation: Json = {
  name: "header_mutation",
  typed_config: {
    "@type": `${TYPE}.header_mutation.v3.HeaderMutation`,
    mutations: {
      request_mutations: [{ append: { header: { key: "x-route", value: "canary" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" } }],
      response_mutations: [{ append: { header: { key: "x-filter", value: "1" }, append_action: "APPEND_IF_EXISTS_OR_ADD" } }],
    },
  },
};

/** The header job in Lua, on LuaJIT. */
export const lua: Json = {
  name: "lua",
  typed_config: {
    "@type": `${TYPE}.lua.v3.Lua`,
    default_source_code: {
      inline_string: `
function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path")
  local user = headers:get("x-user")
  local authorization = headers:get("authorization")
  if path ~= nil and string.sub(path, 1, 5) == "/api/" then
    if user ~= nil and string.sub(user, -5) == "-beta" then
      headers:replace("x-route", "canary")
    else
      headers:replace("x-route", "stable")
    end
  end
end

function envoy_on_response(handle)
  handle:headers():add("x-filter", "1")
end
`,
    },
  },
};

/** Envoy's own verification of tokens. As Istio configures it, it hands the claims on to other filters. */
export function jwtAuthn(
  jwks: string,
  { issuer, audiences }: { readonly issuer: string; readonly audiences: readonly string[] },
  { forward, cache }: { readonly forward: boolean; readonly cache: boolean },
): Json {
  const provider = {
    issuer,
    audiences,
    local_jwks: { inline_string: jwks },
    payload_in_metadata: "payload",
    forward,
    ...(cache ? { jwt_cache_config: { jwt_cache_size: 500 } } : {}),
  };
  return {
    name: "envoy.filters.http.jwt_authn",
    typed_config: {
      "@type": `${TYPE}.jwt_authn.v3.JwtAuthentication`,
      providers: { bench: provider },
      rules: [{ match: { prefix: "/" }, requires: { provider_name: "bench" } }],
    },
  };
}
