import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Filter, FilterChain } from "../../envoy-api/generated/envoy/config/listener/v3/listener_components_pb.ts";
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from "../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { typeUrl } from "../../envoy-api/index.ts";

/** The HTTP connection manager that a network filter is; undefined where it is another filter. */
export function managerOf({ configType }: Filter): HttpConnectionManager | undefined {
  if (configType.case !== "typedConfig" || configType.value.typeUrl !== typeUrl(HttpConnectionManagerSchema)) return undefined;
  return fromBinary(HttpConnectionManagerSchema, configType.value.value);
}

/** Changes every HTTP connection manager of a chain; whether there was anything to change. */
export function changeManagers(
  { filters }: Pick<FilterChain, "filters">,
  change: (manager: HttpConnectionManager, filter: Filter) => boolean,
): boolean {
  let changed = false;
  for (const filter of filters) {
    const manager = managerOf(filter);
    if (manager === undefined || !change(manager, filter)) continue;
    const value = create(AnySchema, {
      typeUrl: typeUrl(HttpConnectionManagerSchema),
      value: toBinary(HttpConnectionManagerSchema, manager),
    });
    filter.configType = { case: "typedConfig", value };
    changed = true;
  }
  return changed;
}
