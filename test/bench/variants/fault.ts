import type { HeaderList } from "../../../harness/target/index.ts";
import { wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { built } from "./header-job.ts";
import type { Variant } from "./variant.ts";

const REQUEST: HeaderList = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "ratings.shop.svc.cluster.local:9080"],
  [":path", "/ratings/4711"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
  ["accept", "application/json"],
];
const ALWAYS = { value: 100 };
/** Some of the faults below are by chance: the client must not take one for a broken benchmark. */
const ABORTED = 200;

/** Rules for testers of as many services, none of which this request meets. */
const idle = (count: number) => ({
  rules: Array.from({ length: count }, (_, i) => ({
    name: `service ${i}`,
    match: { uri: { prefix: `/service-${i}/` }, headers: { "x-tester": { exact: "yes" } } },
    abort: { percentage: ALWAYS, httpStatus: ABORTED },
  })),
});

/** What a request pays that no fault is for. Envoy's own filter takes one set of headers. */
export const FAULT: readonly Variant[] = [
  ours("ours-1", "filter `fault`, 1 rule", idle(1)),
  ours("ours-1000", "filter `fault`, 1,000 rules", idle(1000)),
  ours("ours-dice", "filter `fault`, one in a million of every request", {
    rules: [{ name: "dice", abort: { percentage: { value: 0.0001 }, httpStatus: ABORTED } }],
  }),
  native("native-1", "native `fault`, by a header", { headers: [{ name: "x-tester", string_match: { exact: "yes" } }] }, 1_000_000),
  native("native-dice", "native `fault`, one in a million of every request", {}, 1),
];

/** A delay of every request, to see how late it ends. */
export function delaying(milliseconds: number): { readonly ours: () => Promise<Json | undefined>; readonly native: Json } {
  const rules = [{ name: "delay", delay: { percentage: ALWAYS, fixedDelay: `${milliseconds}ms` } }];
  return {
    async ours() {
      const module = await built("dist/filters/fault.wasm");
      return "missing" in module ? undefined : wasmFilter(module.module, { configuration: { rules } });
    },
    native: nativeFault({ delay: { fixed_delay: `${milliseconds / 1000}s`, percentage: { numerator: 100, denominator: "HUNDRED" } } }),
  };
}

function ours(id: string, title: string, configuration: Json): Variant {
  return {
    id,
    title,
    request: REQUEST,
    async prepare() {
      const module = await built("dist/filters/fault.wasm");
      return "missing" in module ? module : { filters: [wasmFilter(module.module, { configuration })] };
    },
  };
}

function native(id: string, title: string, fields: Json, numerator: number): Variant {
  const abort = { http_status: ABORTED, percentage: { numerator, denominator: "MILLION" } };
  return { id, title, request: REQUEST, prepare: async () => ({ filters: [nativeFault({ ...fields, abort })] }) };
}

function nativeFault(fields: Json): Json {
  return { name: "fault", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", ...fields } };
}
