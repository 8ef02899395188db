import type { Built } from "../../foreign/build.ts";
import { wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { authenticationConfiguration, requestWith } from "./authentication.ts";
import { FLOORS } from "./floor.ts";
import { built } from "./header-job.ts";
import { Issuer } from "./tokens.ts";
import type { Variant } from "./variant.ts";

/** The filters of a sidecar, in the order in which a request comes by. */
export const MEMBERS = ["authentication", "authorization", "routing", "fault", "ratelimit", "telemetry"] as const;
type Member = (typeof MEMBERS)[number];

/** What a sidecar typically has for what comes in, by filter: one issuer, a few rules each, no fault at this time. The request of the benchmark comes by all. */
export function configurations(jwks: string): Readonly<Record<Member, Json>> {
  return {
    authentication: authenticationConfiguration(jwks, true),
    authorization: {
      policies: [
        { name: "no-admin", action: "DENY", rules: [{ to: [{ operation: { paths: ["/admin", "/admin/*"] } }] }] },
        {
          name: "readers",
          rules: [
            { from: [{ source: { requestPrincipals: ["*"] } }], to: [{ operation: { methods: ["GET", "HEAD"], paths: ["/api/*"] } }] },
            { from: [{ source: { principals: ["cluster.local/ns/shop/sa/checkout"] } }], to: [{ operation: { methods: ["POST"] } }] },
            // Also without the token that `authentication` verified, for the filter on its own.
            { to: [{ operation: { methods: ["GET"], paths: ["/api/v1/items/*"] } }] },
          ],
        },
      ],
    },
    routing: {
      rules: [
        { name: "beta", match: { uri: { prefix: "/api/" }, headers: { "x-user": { suffix: "-beta" } } }, route: "canary" },
        { name: "rest", match: { uri: { prefix: "/api/" } }, route: "stable" },
      ],
    },
    fault: {
      rules: [
        { name: "testers", match: { headers: { "x-fault": { exact: "slow" } } }, delay: { percentage: { value: 100 }, fixedDelay: "1s" } },
      ],
    },
    ratelimit: {
      limits: [
        {
          name: "clients",
          descriptors: [{ sourceAddress: true }],
          tokenBucket: { maxTokens: 1_000_000, tokensPerFill: 1_000_000, fillInterval: "1s" },
          scope: "WORKER",
        },
      ],
    },
    telemetry: { mode: "inbound" },
  };
}

/** The configuration of `mesh` with the first filters. */
export function fused(configuration: Readonly<Record<Member, Json>>, count: number): Json {
  return { filters: MEMBERS.slice(0, count).map((name) => ({ name, configuration: configuration[name] })) };
}

/** `mesh-N`: the first N filters inside `mesh`; `NAME`: one on its own; `modules`: all as modules of their own; `floor` and `floor-5`: what all, and all but `telemetry`, ask of the host. */
export async function meshVariants(): Promise<Variant[]> {
  const issuer = await Issuer.create("RS256");
  const configuration = configurations(issuer.jwks);
  const request = requestWith(issuer.token("RS256", 0));
  const variant = (id: string, title: string, modules: ReadonlyArray<readonly [name: string, configuration: Json]>): Variant => ({
    id,
    title,
    request,
    async prepare() {
      const filters: Json[] = [];
      for (const [name, own] of modules) {
        const module = await built(`dist/filters/${name}.wasm`);
        if ("missing" in module) return module;
        filters.push(wasmFilter(module.module, { vmId: name, configuration: own }));
      }
      return { filters };
    },
  });
  const floor = (id: string, title: string, provide: () => Promise<Built>): Variant => ({
    id,
    title,
    request,
    async prepare() {
      const module = await provide();
      return "missing" in module ? module : { filters: [wasmFilter(module.module)] };
    },
  });
  const member = (name: Member) => [name, configuration[name]] as const;
  return [
    variant("none", "no filter", []),
    ...MEMBERS.map((name) => variant(name, `\`${name}\` on its own`, [member(name)])),
    ...[0, ...MEMBERS.keys()].map((_, count) =>
      variant(`mesh-${count}`, `\`mesh\` with the first ${count}`, [["mesh", fused(configuration, count)]]),
    ),
    variant("modules", "six modules", MEMBERS.map(member)),
    floor("floor", "the same hostcalls in C", FLOORS.mesh),
    floor("floor-5", "the same hostcalls in C, without `telemetry`", FLOORS["mesh-5"]),
  ];
}
