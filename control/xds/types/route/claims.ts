import { LuaSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/lua/v3/lua_pb.ts";
import type { HttpFilterSchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { pack } from "../../../envoy-api/index.ts";
import type { Init } from "./init.ts";
import { AUTHENTICATION_METADATA } from "./match.ts";

/** Name of the filter, by which virtual hosts turn it off whose routes ask for no claims. */
export const CLAIMS_FILTER = "meshwright.claims";

/** What the filter `authentication` verified, as JSON: `{"claims": {...}, ...}`. */
const CLAIMS_STATE = "wasm.meshwright.authentication";

/**
 * Routes match dynamic metadata, which a wasm filter cannot set: this hands on what `authentication` left in the filter state, and has the route chosen again. Where there is no verified token there is nothing to hand on.
 *
 * A request with a token of 800 B costs some 45 us of CPU more by it (Envoy 1.40), one without 8; of hosts that ask for no claims none.
 *
 * As in Istio `scope` and `permission` are lists of words. An object has one name more than in the token, the empty one, or Envoy would take one whose names are numbers for a list. JSON that is none is
 * refused: a rule that asks for the absence of a claim must not take a request in for it.
 */
const SOURCE = `
local STATE = "${CLAIMS_STATE}"
local NAMESPACE = "${AUTHENTICATION_METADATA}"
local ESCAPES = { b = "\\b", f = "\\f", n = "\\n", r = "\\r", t = "\\t" }

local function skip(text, at)
  return string.match(text, "^[ \\t\\r\\n]*()", at)
end

local function utf8(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 0x40), 0x80 + code % 0x40) end
  if code < 0x10000 then
    return string.char(0xE0 + math.floor(code / 0x1000), 0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  end
  return string.char(0xF0 + math.floor(code / 0x40000), 0x80 + math.floor(code / 0x1000) % 0x40, 0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
end

-- After "\\": what it stands for, and where it ends.
local function escaped(text, at)
  local letter = string.sub(text, at, at)
  if letter ~= "u" then return ESCAPES[letter] or letter, at + 1 end
  local high = assert(tonumber(string.match(text, "^%x%x%x%x", at + 1), 16))
  if high < 0xD800 or high > 0xDBFF then return utf8(high), at + 5 end
  local low = assert(tonumber(string.match(text, "^\\\\u(%x%x%x%x)", at + 5), 16))
  return utf8(0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00), at + 11
end

local function quoted(text, at)
  local parts = {}
  while true do
    local plain, stop = string.match(text, '^([^"\\\\]*)()', at)
    parts[#parts + 1] = plain
    local mark = string.sub(text, stop, stop)
    if mark == '"' then return table.concat(parts), stop + 1 end
    assert(mark == "\\\\")
    parts[#parts + 1], at = escaped(text, stop + 1)
  end
end

local value

-- Up to the closing bracket; each entry goes to "add".
local function entries(text, at, close, add)
  at = skip(text, at)
  if string.sub(text, at, at) == close then return at + 1 end
  while true do
    at = skip(text, add(skip(text, at)))
    local mark = string.sub(text, at, at)
    at = at + 1
    if mark == close then return at end
    assert(mark == ",")
  end
end

local function object(text, at)
  local result = { [""] = true }
  return result, entries(text, at, "}", function(from)
    assert(string.sub(text, from, from) == '"')
    local name, behind = quoted(text, from + 1)
    behind = skip(text, behind)
    assert(string.sub(text, behind, behind) == ":")
    result[name], behind = value(text, skip(text, behind + 1))
    return behind
  end)
end

local function list(text, at)
  local result = {}
  return result, entries(text, at, "]", function(from)
    local entry, behind = value(text, from)
    result[#result + 1] = entry
    return behind
  end)
end

function value(text, at)
  local mark = string.sub(text, at, at)
  if mark == "{" then return object(text, at + 1) end
  if mark == "[" then return list(text, at + 1) end
  if mark == '"' then return quoted(text, at + 1) end
  local word, stop = string.match(text, "^([%w+.-]+)()", at)
  if word == "null" then return nil, stop end
  if word == "true" or word == "false" then return word == "true", stop end
  return assert(tonumber(word)), stop
end

local function words(claim)
  if type(claim) ~= "string" then return claim end
  local result = {}
  for word in string.gmatch(claim, "[^ ]+") do result[#result + 1] = word end
  return result
end

function envoy_on_request(handle)
  local state = handle:streamInfo():filterState():get(STATE)
  if state == nil then return end
  local good, claims = pcall(function() return (value(state, skip(state, 1))).claims end)
  if not good then return handle:respond({ [":status"] = "403" }, "") end
  if claims == nil then return end
  claims.scope, claims.permission = words(claims.scope), words(claims.permission)
  handle:streamInfo():dynamicMetadata():set(NAMESPACE, "claims", claims)
  handle:clearRouteCache()
end
`;

/** Behind `authentication`, before the filters that carry out what the route says. */
export const claimsFilter: Init<typeof HttpFilterSchema> = {
  name: CLAIMS_FILTER,
  configType: {
    case: "typedConfig",
    value: pack(LuaSchema, { defaultSourceCode: { specifier: { case: "inlineString", value: SOURCE } } }),
  },
};
