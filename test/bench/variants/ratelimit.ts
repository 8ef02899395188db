import type { HeaderList } from "../../../harness/target/index.ts";
import { wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { built } from "./header-job.ts";
import type { Variant } from "./variant.ts";

/** So many that no request is limited, at the greatest rate that `ratelimit` takes. */
const TOKENS = { max: 1_000_000_000, perFill: 1_000_000, seconds: 1 };
const TOKEN_BUCKET = { maxTokens: TOKENS.max, tokensPerFill: TOKENS.perFill, fillInterval: `${TOKENS.seconds}s` };
const NATIVE_BUCKET = { max_tokens: TOKENS.max, tokens_per_fill: TOKENS.perFill, fill_interval: `${TOKENS.seconds}s` };

/** What tells buckets apart: in limits of `ratelimit`, and in descriptors and actions of Envoy's `local_ratelimit`. */
export interface RateLimitCase {
  readonly id: string;
  readonly title: string;
  readonly limits: readonly Json[];
  readonly native: Json;
}

export const RATELIMIT_CASES: readonly RateLimitCase[] = [
  { id: "all", title: "one bucket for all", limits: [{ name: "all" }], native: {} },
  {
    id: "address",
    title: "one for each client address",
    limits: [{ name: "address", descriptors: [{ sourceAddress: true }] }],
    native: {
      rate_limits: [{ actions: [{ remote_address: {} }] }],
      descriptors: [{ entries: [{ key: "remote_address" }], token_bucket: NATIVE_BUCKET }],
    },
  },
  ...[1, 1_000].map((count) => tenants(count)),
];

/** `count` limits, each for one value of a header. */
function tenants(count: number): RateLimitCase {
  const names = Array.from({ length: count }, (_, i) => tenant(i));
  return {
    id: `tenants-${count}`,
    title: `${count === 1 ? "one limit" : `${count} limits`}, each for one value of a header`,
    limits: names.map((name) => ({ name, match: { headers: { "x-tenant": { exact: name } } } })),
    native: {
      rate_limits: [{ actions: [{ request_headers: { header_name: "x-tenant", descriptor_key: "tenant" } }] }],
      descriptors: names.map((value) => ({ entries: [{ key: "tenant", value }], token_bucket: NATIVE_BUCKET })),
    },
  };
}

function tenant(i: number): string {
  return `tenant-${String(i).padStart(4, "0")}`;
}

/** `envoy-CASE`, `worker-CASE` and `native-CASE`: buckets of all workers and of one, and Envoy's own. */
export const RATELIMIT: readonly Variant[] = RATELIMIT_CASES.flatMap((each) => {
  const request = requestOf(each.id === "tenants-1000" ? tenant(500) : tenant(0));
  const scoped = (["ENVOY", "WORKER"] as const).map((scope): Variant => ({
    id: `${scope.toLowerCase()}-${each.id}`,
    title: `filter \`ratelimit\`, scope ${scope}, ${each.title}`,
    request,
    async prepare() {
      const module = await built("dist/filters/ratelimit.wasm");
      const limits = each.limits.map((fields) => ({ ...fields, scope, tokenBucket: TOKEN_BUCKET }));
      return "missing" in module ? module : { filters: [wasmFilter(module.module, { configuration: { limits } })] };
    },
    check: (counters) => ((counters.get("wasmcustom.ratelimit.ok") ?? 0) > 0 ? undefined : "no request was counted"),
  }));
  const native: Variant = {
    id: `native-${each.id}`,
    title: `native \`local_ratelimit\`, ${each.title}`,
    request,
    prepare: async () => ({ filters: [localRateLimit(each.native)] }),
    check: (counters) => ((counters.get("bench.http_local_rate_limit.ok") ?? 0) > 0 ? undefined : "no request was counted"),
  };
  return [...scoped, native];
});

/** A flood: most requests are of a client of their own, for which another has to be forgotten; one client asks again and again and is limited. */
export const FLOOD: Variant = {
  id: "flood",
  title: "filter `ratelimit`, a new bucket for most requests",
  request: requestOf("greedy"),
  requests: {
    first: requestOf("first"),
    // Its only token went when the way was checked.
    at: (i) => (i % 4 === 3 ? { headers: requestOf("greedy"), allowed: false } : { headers: requestOf(`client-${i}`), allowed: true }),
    count: Infinity,
  },
  async prepare() {
    const module = await built("dist/filters/ratelimit.wasm");
    const perClient = { descriptors: [{ header: "x-tenant" }, { path: true }], maxDynamicDescriptors: 1_000 };
    const limits = [
      { name: "greedy", match: { headers: { "x-tenant": { exact: "greedy" } } }, tokenBucket: { maxTokens: 1, fillInterval: "12h" } },
      { name: "shared", ...perClient, tokenBucket: { maxTokens: 1_000, fillInterval: "12h" } },
      { name: "own", ...perClient, scope: "WORKER", tokenBucket: { maxTokens: 1_000, fillInterval: "12h" } },
    ];
    if ("missing" in module) return module;
    return { filters: [wasmFilter(module.module, { configuration: { rateLimitHeaders: "ALWAYS", limits } })] };
  },
  check(counters) {
    const [limited, forgotten] = ["over_limit", "evicted"].map((name) => counters.get(`wasmcustom.ratelimit.${name}`) ?? 0);
    return limited !== 0 && forgotten !== 0 ? undefined : `${limited} were limited, ${forgotten} buckets forgotten`;
  },
};

function localRateLimit(fields: Json): Json {
  const always = { default_value: { numerator: 100, denominator: "HUNDRED" }, runtime_key: "always" };
  return {
    name: "local_ratelimit",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
      stat_prefix: "bench",
      token_bucket: NATIVE_BUCKET,
      filter_enabled: always,
      filter_enforced: always,
      ...fields,
    },
  };
}

function requestOf(name: string): HeaderList {
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", "shop.example.com"],
    [":path", "/items/4711"],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
    ["accept", "application/json"],
    ["x-tenant", name],
    ["authorization", "Bearer c2VjcmV0LXRva2VuLW9mLWFsaWNlLXdoaWNoLWlzLW5vdC1yZWFk"],
  ];
}
