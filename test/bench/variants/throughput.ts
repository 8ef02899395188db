import type { HeaderList } from "../../../harness/target/index.ts";
import { wasmFilter, type Json } from "../envoy/bootstrap.ts";
import { requestWith } from "./authentication.ts";
import { FLOORS } from "./floor.ts";
import { built } from "./header-job.ts";
import { configurations, MEMBERS } from "./mesh.ts";
import { Issuer } from "./tokens.ts";
import type { Counters } from "./variant.ts";

/** Filters in front of the router, and in the chain of the cluster that it chooses. */
export interface Chains {
  readonly downstream: readonly Json[];
  readonly upstream: readonly Json[];
}

/** One of the set-ups whose throughput is compared. All get the same request. */
export interface ThroughputVariant {
  readonly id: string;
  readonly title: string;
  prepare(): Promise<Chains | { readonly missing: string }>;
  /** As in {@link Variant.check}. */
  check(counters: Counters): string | undefined;
}

/** Every filter of `MEMBERS`, and `ejection` for each attempt, by Istio's fields. */
const EJECTION: Json = { outlierDetection: { maxEjectionPercent: 100 } };

/** No filter; all as one module in each chain; all as modules of their own; what those of one module in each chain ask of the host. */
export async function throughputVariants(): Promise<{
  readonly request: HeaderList;
  readonly variants: readonly ThroughputVariant[];
}> {
  const issuer = await Issuer.create("RS256");
  const configuration = configurations(issuer.jwks);
  const member = (name: string, own: Json) => ({ name, configuration: own });
  const downstream = { filters: MEMBERS.map((name) => member(name, configuration[name])) };
  const upstream = { filters: [member("ejection", EJECTION)] };
  return {
    request: requestWith(issuer.token("RS256", 0)),
    variants: [
      { id: "no-filter", title: "no filter", prepare: async () => ({ downstream: [], upstream: [] }), check: () => undefined },
      variant("mesh-downstream", "`mesh` with six filters", [["mesh", downstream, "downstream"]], []),
      variant(
        "mesh",
        "the same, and `mesh` with `ejection` upstream",
        [["mesh", downstream, "downstream"]],
        [["mesh", upstream, "upstream"]],
      ),
      variant(
        "modules",
        "seven modules",
        MEMBERS.map((name) => [name, configuration[name]] as const),
        [["ejection", EJECTION]],
      ),
      {
        id: "floor",
        title: "the same hostcalls in C, in both chains",
        async prepare() {
          const [six, ejection] = [await FLOORS["mesh-forwarded"](), await FLOORS.ejection()];
          if ("missing" in six) return six;
          if ("missing" in ejection) return ejection;
          return {
            downstream: [wasmFilter(six.module, { vmId: "floor-downstream" })],
            upstream: [wasmFilter(ejection.module, { vmId: "floor-upstream" })],
          };
        },
        check: (counters) => ((counters.get("wasmcustom.floor") ?? 0) > 0 ? undefined : "nothing was counted"),
      },
    ],
  };
}

type Module = readonly [name: string, configuration: Json, rootId?: string];

function variant(id: string, title: string, downstream: readonly Module[], upstream: readonly Module[]): ThroughputVariant {
  return {
    id,
    title,
    async prepare() {
      const chains = { downstream: [] as Json[], upstream: [] as Json[] };
      for (const [chain, modules] of [
        ["downstream", downstream],
        ["upstream", upstream],
      ] as const) {
        for (const [name, configuration, rootId] of modules) {
          const module = await built(`dist/filters/${name}.wasm`);
          if ("missing" in module) return module;
          // Both roots have VMs of their own, as in a mesh.
          chains[chain].push(
            wasmFilter(module.module, { vmId: `${name}-${chain}`, configuration, ...(rootId !== undefined && { rootId }) }),
          );
        }
      }
      return chains;
    },
    check: (counters) => ((counters.get("wasmcustom.authentication.allowed") ?? 0) > 0 ? undefined : "no token was looked at"),
  };
}
