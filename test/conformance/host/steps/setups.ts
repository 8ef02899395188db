import { scriptedFilter } from "../../../../harness/host/testing/scripted-filter.ts";
import { lines } from "../../../../harness/host/testing/scripted-host.ts";
import type { FilterSpec } from "../../../../harness/target/index.ts";
import { TRACED, type Case } from "./step.ts";

/** A filter of a setup, with the names by which its log is found. */
export type NamedFilter = FilterSpec & { readonly reloadBaseInterval?: number };

/** What cases have in common that share a listener. */
export interface Setup {
  readonly name: string;
  readonly listener: "http" | "tcp";
  readonly limited: boolean;
  readonly updated: boolean;
  readonly metadata: boolean;
  readonly upstream: "h2" | "http/1.1";
  readonly filters: readonly NamedFilter[];
  readonly cases: readonly Case[];
}

/** One for all cases with the same filters, in their order. */
export async function setupsOf(cases: readonly Case[]): Promise<Setup[]> {
  const module = await scriptedFilter();
  const setups = new Map<string, Setup & { readonly cases: Case[] }>();
  for (const one of cases) {
    const { filters = [{}], listener = "http", limited = false, updated = false, metadata = false, upstream = "h2" } = one;
    const key = JSON.stringify([filters, listener, limited, updated, metadata, upstream]);
    const known = setups.get(key);
    if (known !== undefined) {
      known.cases.push(one);
      continue;
    }
    const name = `s${setups.size}`;
    const named = filters.map(({ script = TRACED, ...filter }, at) => {
      const id = `${name}f${at}`;
      return { vmId: id, ...filter, name: id, module, configuration: lines(script) };
    });
    setups.set(key, { name, listener, limited, updated, metadata, upstream, filters: named, cases: [one] });
  }
  return [...setups.values()];
}
