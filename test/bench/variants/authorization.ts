import type { HeaderList } from "../../../harness/target/index.ts";
import { rbacFilters, type Policy, type Rule } from "../../integration/native-rbac/translate.ts";
import { wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { built } from "./header-job.ts";
import type { Variant } from "./variant.ts";

/** Sizes that the table shows. */
export const RULE_COUNTS = [1, 10, 100, 1000] as const;

/** What tells the rules of one policy apart. */
export const KINDS = {
  prefix: { title: "path prefix", operation: (i: number) => ({ paths: [`/service-${number(i)}/*`] }) },
  host: { title: "host", operation: (i: number) => ({ hosts: [`service-${number(i)}.example.com`] }) },
  suffix: { title: "path suffix, which no index helps", operation: (i: number) => ({ paths: [`*/item-${number(i)}`] }) },
} satisfies Readonly<Record<string, { readonly title: string; operation(i: number): Readonly<Record<string, readonly string[]>> }>>;

export type Kind = keyof typeof KINDS;

/** Which sizes of which kind there are. */
export const CASES: ReadonlyArray<readonly [kind: Kind, count: number]> = [
  ...RULE_COUNTS.map((count) => ["prefix", count] as const),
  ["host", 1000],
  ["suffix", 1000],
];

/** `native-KIND-N` and `ours-KIND-N`: the same policy in Envoy's `rbac`, as Istio translates it, and in the filter `authorization`. The rule in the middle holds. */
export const AUTHORIZATION: readonly Variant[] = CASES.flatMap(([kind, count]) => {
  const policies = [policyOf(kind, count)];
  const asked = { request: request(count, "alice-beta"), refused: request(count, "alice") };
  const native: Variant = {
    id: `native-${kind}-${count}`,
    title: `native \`rbac\`, ${KINDS[kind].title}, ${count}`,
    ...asked,
    prepare: async () => ({ filters: rbacFilters(policies).map(({ name, typed_config }): Json => ({ name, typed_config })) }),
  };
  const ours: Variant = {
    id: `ours-${kind}-${count}`,
    title: `filter \`authorization\`, ${KINDS[kind].title}, ${count}`,
    ...asked,
    async prepare() {
      const module = await built("dist/filters/authorization.wasm");
      return "missing" in module ? module : { filters: [wasmFilter(module.module, { configuration: { policies } })] };
    },
  };
  return [native, ours];
});

/** As a gateway has it: each service may be read by some clients. */
function policyOf(kind: Kind, count: number): Policy {
  const rules = Array.from({ length: count }, (_, i): Rule => ({
    to: [{ operation: { methods: ["GET", "HEAD"], ...KINDS[kind].operation(i) } }],
    when: [{ key: "request.headers[x-user]", values: ["*-beta"] }],
  }));
  return { name: "readers", namespace: "shop", action: "ALLOW", rules };
}

function request(count: number, user: string): HeaderList {
  const rule = number(Math.floor(count / 2));
  return [
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", `service-${rule}.example.com`],
    [":path", `/service-${rule}/items/item-${rule}`],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
    ["accept", "application/json"],
    ["x-user", user],
    ["authorization", "Bearer c2VjcmV0LXRva2VuLW9mLWFsaWNlLXdoaWNoLWlzLW5vdC1yZWFk"],
  ];
}

function number(rule: number): string {
  return String(rule).padStart(4, "0");
}
