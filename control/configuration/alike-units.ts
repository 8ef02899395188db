import { isDeepStrictEqual } from "node:util";
import type { Cell, OwnFact, OwnFactName, Reads } from "../mesh/index.ts";
import type { Resource } from "../xds/server/index.ts";

interface Known {
  readonly reads: Reads;
  readonly resources: readonly Resource[];
}

/** Different ones of a unit that are remembered: the workloads of a group are of a few sorts, or each is of its own. */
const SORTS = 8;

/**
 * What was made for single proxies of a group, until the mesh changes. A proxy that has the same facts of its own, as the other replicas of its workload have and a thousand clients that connect at
 * once, gets the same resources: making them is pure, so what asked the same and heard the same says the same.
 */
export class AlikeUnits {
  private readonly known = new Map<string, Known[]>();

  /** @param own the facts of the proxy for which the unit is wanted */
  find(
    unit: string,
    own: (name: OwnFactName) => OwnFact,
  ): { readonly resources: readonly Resource[]; readonly cells: ReadonlySet<Cell> } | undefined {
    for (const { reads, resources } of this.known.get(unit) ?? []) {
      const names = [...reads.own.keys()];
      if (!names.every((name) => isDeepStrictEqual(own(name).value, reads.own.get(name)?.value))) continue;
      return { resources, cells: new Set([...reads.cells, ...names.flatMap((name) => [...own(name).cells])]) };
    }
    return undefined;
  }

  keep(unit: string, reads: Reads, resources: readonly Resource[]): void {
    // No other proxy has told the same.
    if (reads.own.has("proxy")) return;
    const sorts = this.known.get(unit);
    if (sorts === undefined) this.known.set(unit, [{ reads, resources }]);
    else if (sorts.length < SORTS) sorts.push({ reads, resources });
  }

  clear(): void {
    this.known.clear();
  }
}
