import { clone, create } from "@bufbuild/protobuf";
import { type Route, RouteSchema, type VirtualHost } from "../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import type { RouteConfiguration } from "../../envoy-api/generated/envoy/config/route/v3/route_pb.ts";
import { listOf } from "../types/route/selection.ts";
import { PatchError } from "./draft.ts";

/** Gives the routes of a virtual host as a list. */
export type Lists = (host: VirtualHost) => Route[];

/**
 * Lists of routes, also where the hosts of a route configuration have them as trees (`route/selection.ts`). Only what was translated knows what its trees were made of, and copies of it do not.
 *
 * @param translated before any patch
 */
export function listsOf({ virtualHosts }: Pick<RouteConfiguration, "virtualHosts">): Lists {
  return ({ name, routes, matcher }) => {
    if (matcher === undefined) return [...routes];
    const tree = virtualHosts.find((each) => each.name === name)?.matcher;
    const list = tree === undefined ? undefined : listOf(tree);
    if (list === undefined) throw new PatchError(`virtual host ${name} has a tree of routes (matcher), into which no route is put`);
    // What is shared by routes must not be changed with one of them.
    return list.map((route) => clone(RouteSchema, create(RouteSchema, route)));
  };
}
