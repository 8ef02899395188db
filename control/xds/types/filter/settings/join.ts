import { isMapping } from "../../../../model/fields/index.ts";
import type { Configuration } from "./settings.ts";

/**
 * Two configurations of one filter as one: lists (of policies, rules, providers, ...) are joined, the kind's first; of all else the plugin's word counts, field by field, as
 * it is the one that was written for this filter.
 */
export function join(own: Configuration, plugin: unknown): Configuration {
  if (!isMapping(plugin)) return own;
  const joined: Record<string, unknown> = { ...own };
  for (const [name, value] of Object.entries(plugin)) {
    const mine = joined[name];
    joined[name] = Array.isArray(mine) && Array.isArray(value) ? [...(mine as unknown[]), ...(value as unknown[])] : value;
  }
  return joined;
}
