import { freePort } from "../../../control/xds/types/testing/free-port.ts";
import type { HeaderList } from "../../../harness/target/index.ts";
import { DIRECT_RESPONSE, TO_LOOPBACK, wasmFilter, type BenchBootstrap, type Json } from "../envoy/bootstrap.ts";
import { FLOORS } from "./floor.ts";
import { built, MODULES } from "./header-job.ts";
import type { Variant } from "./variant.ts";

export const REQUEST: HeaderList = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "reviews"],
  [":path", "/reviews/4711"],
];

export const ISTIO = { outlierDetection: { maxEjectionPercent: 100 } };
const rule = (i: number) => ({ name: `rule ${i}`, match: { headers: { [`x-error-${i}`]: {} } } });

/** All go through the router to another listener of the same Envoy, which answers 200 at once. */
export const EJECTION: readonly Variant[] = [
  variant("no-filter", "no filter", async () => []),
  variant("istio", "Istio's `outlierDetection`, the cluster named", configured({ cluster: "loopback", ...ISTIO })),
  variant("read", "the same, the cluster's name read", configured(ISTIO)),
  variant(
    "rules",
    "and 14 rules by headers",
    configured({ cluster: "loopback", ...ISTIO, rules: Array.from({ length: 14 }, (_, i) => rule(i)) }),
  ),
  variant("idle", "no settings for the cluster", configured({ cluster: "loopback" })),
  variant("floor", "the same hostcalls in C, of the cluster named", async () => {
    const module = await FLOORS.ejection();
    return "missing" in module ? module : [wasmFilter(module.module)];
  }),
  variant("empty", "a wasm filter that does nothing", async () => {
    const module = await MODULES.empty();
    return "missing" in module ? module : [wasmFilter(module.module)];
  }),
];

function configured(configuration: Json): () => Promise<readonly Json[] | { readonly missing: string }> {
  return async () => {
    const module = await built("dist/filters/ejection.wasm");
    return "missing" in module ? module : [wasmFilter(module.module, { configuration })];
  };
}

function variant(id: string, title: string, filters: () => Promise<readonly Json[] | { readonly missing: string }>): Variant {
  return {
    id,
    title,
    request: REQUEST,
    async prepare(): Promise<BenchBootstrap | { readonly missing: string }> {
      const found = await filters();
      if ("missing" in found) return found;
      return { filters: [], routes: [{ match: { prefix: "/" }, ...TO_LOOPBACK }], loopback: { port: await freePort(), filters: found } };
    },
    check: (counters) =>
      [...counters].some(([name, value]) => name.endsWith("upstream_rq_200") && value > 0) ? undefined : "no upstream answered",
  };
}

/** Of a million attempts some are of every sort that the filter can judge, at hosts that all fail now and then. */
const ANSWERS: ReadonlyArray<{ readonly path: string; readonly fields: Json }> = [
  { path: "/good", fields: { direct_response: { status: 200 } } },
  { path: "/body", fields: { direct_response: { status: 200, body: { inline_string: '{"items": []}' } } } },
  { path: "/marker", fields: { direct_response: { status: 200, body: { inline_string: '{"error": "out of memory"}' } } } },
  {
    path: "/overloaded",
    fields: {
      ...DIRECT_RESPONSE,
      response_headers_to_add: [
        { header: { key: "x-overloaded", value: "1" } },
        { header: { key: "x-meshwright-ejection", value: "forged" } },
      ],
    },
  },
  { path: "/broken", fields: { direct_response: { status: 500 } } },
  { path: "/gateway", fields: { direct_response: { status: 503 } } },
];
const HOSTS = 24;

const EVERYTHING = {
  outlierDetection: {
    consecutive5xxErrors: 3,
    consecutiveGatewayErrors: 1,
    maxEjectionPercent: 100,
    baseEjectionTime: "10ms",
    interval: "1s",
  },
  rules: [
    { name: "marker", match: { status: [200], body: { contains: '"error"' } }, consecutive: 1 },
    { name: "overloaded", match: { headers: { "x-overloaded": {} } }, consecutive: 1 },
    { name: "slow", match: { latency: { above: "1s", aboveQuantile: 99 } }, consecutive: 3 },
    { name: "cut off", match: { reset: true } },
  ],
  successRate: { minimumHosts: 5, requestVolume: 10 },
  failurePercentage: { minimumHosts: 5, requestVolume: 10 },
  latency: { minimumHosts: 5, requestVolume: 10 },
  report: { cluster: "loopback", path: "/good", period: "1s" },
};

/** Attempts of every sort through the filter on its own. */
export const ATTEMPTS: Variant = attempts("attempts", "filter `ejection`, attempts of every sort", (module) =>
  wasmFilter(module("ejection"), { configuration: EVERYTHING }),
);

/** The same attempts without the filter: what Envoy takes by itself. */
export const ATTEMPTS_WITHOUT: Variant = {
  ...attempts("attempts-without", "no filter, attempts of every sort", () => undefined),
  check: () => undefined,
};

/** The same inside `mesh`. */
export const ATTEMPTS_MESH: Variant = attempts("attempts-mesh", "`mesh` with `ejection` upstream, attempts of every sort", (module) =>
  wasmFilter(module("mesh"), { rootId: "upstream", configuration: { filters: [{ name: "ejection", configuration: EVERYTHING }] } }),
);

function attempts(id: string, title: string, filter: (module: (name: string) => string) => Json | undefined): Variant {
  const pathOf = (i: number) => ANSWERS[i % 11 === 0 ? (i / 11) % ANSWERS.length : i % 2]?.path ?? "/good";
  const requestTo = (path: string): HeaderList => REQUEST.map(([name, value]) => [name, name === ":path" ? path : value]);
  return {
    id,
    title,
    request: requestTo("/good"),
    requests: {
      first: requestTo("/good"),
      at: (i) => ({ headers: requestTo(pathOf(i)), allowed: !["/broken", "/gateway"].includes(pathOf(i)) }),
      count: 22 * ANSWERS.length,
    },
    async prepare() {
      const missing: string[] = [];
      const paths = new Map<string, string>();
      for (const name of ["ejection", "mesh"]) {
        const module = await built(`dist/filters/${name}.wasm`);
        if ("missing" in module) missing.push(module.missing);
        else paths.set(name, module.module);
      }
      if (missing[0] !== undefined) return { missing: missing[0] };
      const own = filter((name) => paths.get(name) ?? "");
      const filters = own === undefined ? [] : [own];
      const routes = ANSWERS.map(({ path, fields }) => ({ match: { path }, ...fields }));
      const routed = { routes: [{ match: { prefix: "/" }, ...TO_LOOPBACK }] };
      return { filters: [], ...routed, loopback: { port: await freePort(), filters, routes, hosts: HOSTS } };
    },
    check(counters) {
      const of = (name: string) => [...counters].find(([own]) => own.endsWith(`wasmcustom.ejection.${name}`))?.[1] ?? 0;
      const [failures, marks, failedReports] = [of("failures"), of("marks"), of("report_failures")];
      return failures > 0 && marks > 0 && failedReports === 0
        ? undefined
        : `${failures} failures, ${marks} marks, ${failedReports} reports that failed`;
    },
  };
}
