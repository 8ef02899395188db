import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { LuaSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/http/lua/v3/lua_pb.ts";
import {
  type HttpConnectionManager,
  type HttpFilter,
  HttpFilterSchema,
} from "../../../control/envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { milliseconds, pack } from "../../../control/envoy-api/index.ts";
import { firstMarkerSource, LAST_MARKER_SOURCE } from "../../../harness/envoy/chain/markers.ts";
import { accessLog } from "./access-log.ts";

/** Between these two stand the filters of the proxy: what they log between two marks is about one request. */
const first = marker("meshwright.try.first", firstMarkerSource("given"));
const last = marker("meshwright.try.last", LAST_MARKER_SOURCE);

/**
 * Changes what speaks HTTP so that each request can be followed. Routes, filters and limits stay. Logs and traces of the mesh are left out: their receivers are not here, and the headers of
 * traces differ from run to run.
 */
export function followRequests(manager: HttpConnectionManager): void {
  manager.accessLog = [accessLog("http")];
  delete manager.accessLogOptions;
  delete manager.tracing;
  const router = manager.httpFilters.at(-1);
  manager.httpFilters = [first, ...manager.httpFilters.slice(0, -1), last, ...(router === undefined ? [] : [router])];
  // Else an answer to a request that is malformed keeps its connection for a second.
  manager.delayedCloseTimeout = milliseconds(0);
}

function marker(name: string, source: string): HttpFilter {
  const lua: MessageInitShape<typeof LuaSchema> = {
    defaultSourceCode: { specifier: { case: "inlineString", value: source } },
    // The header that the first one takes away is ours: no route depends on it.
    clearRouteCache: false,
  };
  return create(HttpFilterSchema, { name, configType: { case: "typedConfig", value: pack(LuaSchema, lua) } });
}
