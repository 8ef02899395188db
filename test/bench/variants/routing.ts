import type { HeaderList } from "../../../harness/target/index.ts";
import { DIRECT_RESPONSE, wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { built } from "./header-job.ts";
import type { Variant } from "./variant.ts";

/** Sizes that the table shows. */
export const RULE_COUNTS = [1, 10, 100, 1000] as const;

const NOT_FOUND: Json = { match: { prefix: "/" }, direct_response: { status: 404 } };

/** `native-N` and `routing-N`: the same N rules as Envoy's own routes and in the filter `routing`. The rule in the middle holds. */
export const ROUTING: readonly Variant[] = RULE_COUNTS.flatMap((count) => [nativeRoutes(count), routingFilter(count)]);

function nativeRoutes(count: number): Variant {
  const routes = Array.from({ length: count }, (_, i) => ({
    match: { prefix: prefix(i), headers: [{ name: "x-user", string_match: { suffix: "-beta" } }] },
    ...DIRECT_RESPONSE,
  }));
  const prepared = { filters: [], routes: [...routes, NOT_FOUND] };
  return { id: `native-${count}`, title: `native routes, ${count}`, request: request(count), prepare: async () => prepared };
}

function routingFilter(count: number): Variant {
  const rules = Array.from({ length: count }, (_, i) => ({
    name: `rule ${i}`,
    match: { uri: { prefix: prefix(i) }, headers: { "x-user": { suffix: "-beta" } } },
    route: "v2",
  }));
  // As in the filter's example: one native route for each name, not for each rule.
  const chosen = { name: "x-meshwright-route", string_match: { exact: "v2" } };
  const routes = [{ match: { prefix: "/", headers: [chosen] }, ...DIRECT_RESPONSE }, NOT_FOUND];
  return {
    id: `routing-${count}`,
    title: `filter \`routing\`, ${count}`,
    request: request(count),
    async prepare() {
      const module = await built("dist/filters/routing.wasm");
      return "missing" in module ? module : { filters: [wasmFilter(module.module, { configuration: { rules } })], routes };
    },
  };
}

function prefix(rule: number): string {
  return `/service-${String(rule).padStart(4, "0")}/`;
}

function request(count: number): HeaderList {
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", "shop.example.com"],
    [":path", `${prefix(Math.floor(count / 2))}items/4711`],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
    ["accept", "application/json"],
    ["x-user", "alice-beta"],
    ["authorization", "Bearer c2VjcmV0LXRva2VuLW9mLWFsaWNlLXdoaWNoLWlzLW5vdC1yZWFk"],
  ];
}
