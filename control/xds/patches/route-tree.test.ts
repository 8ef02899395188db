import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { VirtualHostSchema } from "../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { copyOf, messageOf } from "../../envoy-api/reflection/index.ts";
import { routeSelection } from "../types/route/selection.ts";
import { listsOf } from "./route-tree.ts";

// The order cannot be found in a tree: under `/a/` there is nothing but the first of these.
const prefixes = ["/a/", "/", "/b"];
const routes = prefixes.map((value, index) => ({ name: String(index), match: { pathSpecifier: { case: "prefix" as const, value } } }));

test("the list of a tree is what it was made of, for copies of its host too", () => {
  const host = create(VirtualHostSchema, { name: "a", ...routeSelection(routes, { leastRoutes: 0, mostCopies: 1000 }) });
  expect(host.matcher).toBeDefined();
  const lists = listsOf({ virtualHosts: [host] });
  expect(lists(host).map(({ name }) => name)).toEqual(["0", "1", "2"]);
  expect(lists(copyOf(messageOf(host.$typeName), host)).map(({ name }) => name)).toEqual(["0", "1", "2"]);
});

test("a list is itself, and a tree of others is none", () => {
  const lists = listsOf({ virtualHosts: [] });
  expect(lists(create(VirtualHostSchema, { routes: [{ name: "b" }, { name: "a" }] })).map(({ name }) => name)).toEqual(["b", "a"]);
  expect(() => lists(create(VirtualHostSchema, { name: "own", matcher: {} }))).toThrow("virtual host own has a tree of routes");
});
