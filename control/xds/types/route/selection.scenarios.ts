import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pack, typeUrl } from "../../../envoy-api/index.ts";
import { ListenerSchema } from "../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { RouterSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { HttpConnectionManagerSchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { ask } from "../testing/ask.ts";
import { freePort, resourceOf, RunningProxy } from "../testing/running-proxy.ts";
import { viewOf } from "../testing/view.ts";
import { routeMatch } from "./match.ts";
import type { Route } from "./route.ts";
import { routeSelection } from "./selection.ts";
import { httpMatches, requests } from "../testing/http-matches.ts";

const SEED = Math.trunc(Math.random() * 2 ** 31);

/** Sets of rules, each of which answers with its number, as a list and as a tree. */
const SETS = fc.sample(fc.array(httpMatches, { minLength: 5, maxLength: 80, size: "max" }), { numRuns: 40, seed: SEED }).map((specs) =>
  specs.map((spec, id): Route => {
    const body = { specifier: { case: "inlineString" as const, value: String(id) } };
    return { match: routeMatch(spec), action: { case: "directResponse", value: { status: 200, body } } };
  }),
);

describe(`routes in a tree (seed ${SEED})`, () => {
  let proxy: RunningProxy;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    const virtualHosts = SETS.flatMap((routes, index) => [
      { name: `list-${index}`, domains: [`list-${index}.test`], routes },
      {
        name: `tree-${index}`,
        domains: [`tree-${index}.test`],
        ...routeSelection(routes, { leastRoutes: 1 + (index % 8), mostCopies: Infinity }, [[1, 2, 4, 16][index % 4] ?? 1]),
      },
    ]);
    const manager = pack(HttpConnectionManagerSchema, {
      statPrefix: "main",
      httpFilters: [{ name: "router", configType: { case: "typedConfig", value: pack(RouterSchema, {}) } }],
      routeSpecifier: { case: "routeConfig", value: { name: "main", virtualHosts } },
    });
    const listener = resourceOf(ListenerSchema, "main", {
      name: "main",
      address: { address: { case: "socketAddress", value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } } } },
      filterChains: [{ filters: [{ name: "manager", configType: { case: "typedConfig", value: manager } }] }],
    });
    proxy = await RunningProxy.start({ view: viewOf({}), types: [], others: [{ [typeUrl(ListenerSchema)]: [listener] }] });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
  });

  test("are trees that Envoy takes", () => {
    expect(proxy.refusals()).toEqual([]);
    expect(SETS.filter((routes) => "matcher" in routeSelection(routes, { leastRoutes: 4, mostCopies: Infinity })).length).toBeGreaterThan(
      20,
    );
  });

  test("are chosen as from first to last", async () => {
    const asked = fc.sample(requests, { numRuns: 40, seed: SEED });
    const answer = async (host: string, { path, headers }: (typeof asked)[number]) => {
      const { status, body } = await ask({ port }, { host, path, headers });
      return status === 200 ? body : String(-status);
    };
    for (const index of SETS.keys()) {
      const [list, tree] = await Promise.all(
        ["list", "tree"].map((kind) => Promise.all(asked.map((request) => answer(`${kind}-${index}.test`, request)))),
      );
      expect([index, tree]).toEqual([index, list]);
    }
  });
});
