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
