import { SCOPE_HEADER } from "./key.ts";

/** Name of the filter, and of the metadata by which a virtual host tells it that it was found. */
export const LOOKUP_FILTER = "meshwright.scope";

/** Name of the native filter that asks for the route again. */
export const REFRESH_FILTER = "meshwright.scope.refresh";

// What the two steps have in common. Lua's `virtualHost()` keeps what it first returned, and what it returns is as old as the last question for a route: `metadata()` asks for
// one after `clearRouteCache()`, once; nothing else in Lua does (run on Envoy 1.40).
const COMMON = `
local HEADER = "${SCOPE_HEADER}"

local function found(handle)
  return handle:virtualHost():metadata():get("host") ~= nil
end

-- "9080|Reviews.:80" -> "9080|", "Reviews.:80"
local function split(key)
  local bar = string.find(key, "|", 1, true)
  return string.sub(key, 1, bar), string.sub(key, bar + 1)
end

-- Without port, without trailing dot, in lower case; colons of an IPv6 address would end the key.
local function canonical(host)
  if string.find(host, "]", 1, true) then host = string.match(host, "^(.*%])") else host = string.gsub(host, ":[^:]*$", "") end
  host = string.gsub(host, "%.$", "")
  return (string.gsub(string.lower(host), ":", "_"))
end
`;

const NORMALISE = `
-- Whether the host is written in a way of its own; then its key is set, and the route chosen again.
local function normalise(handle, key)
  local name, given = split(key)
  local host = canonical(given)
  if host == string.match(given, "^[^:]*") then return false end
  handle:headers():replace(HEADER, name .. host)
  handle:clearRouteCache()
  handle:metadata()
  return true
end
`;

const FALL_BACK = `
-- Wildcards and the hosts that nobody knows share one route configuration, in which Envoy finds the longest wildcard.
local function fallBack(handle, key)
  if found(handle) then return end
  handle:headers():replace(HEADER, (split(key)) .. "*")
  handle:clearRouteCache()
end
`;

/**
 * Finds the route configuration of a host that has no scope as it is written. It runs only then: a virtual host disables it (see `route/configuration.ts`), and Envoy decides that by the first route.
 */
export const LOOKUP = `${COMMON}${NORMALISE}${FALL_BACK}
function envoy_on_request(handle)
  local key = handle:headers():get(HEADER)
  if key == nil then return end
  normalise(handle, key)
  fallBack(handle, key)
end
`;

/** The first half, where scopes may have to be fetched before it is known whether they are there. */
export const NORMALISE_ONLY = `${COMMON}${NORMALISE}
function envoy_on_request(handle)
  local key = handle:headers():get(HEADER)
  if key ~= nil then normalise(handle, key) end
end
`;

/** The second half. */
export const FALL_BACK_ONLY = `${COMMON}${FALL_BACK}
function envoy_on_request(handle)
  local key = handle:headers():get(HEADER)
  if key ~= nil then fallBack(handle, key) end
end
`;
