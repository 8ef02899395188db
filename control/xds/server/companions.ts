import type { Resource } from "./resource.ts";

/** Names by type. */
export type Companions = ReadonlyMap<string, ReadonlySet<string>>;

const NONE: Companions = new Map();
const KNOWN = new WeakMap<readonly Resource[], Companions>();

/** What has to follow resources (see {@link Resource.companions}); found once for all streams that are sent the same list, which is never changed. */
export function companionsOf(resources: readonly Resource[]): Companions {
  let companions = KNOWN.get(resources);
  if (companions === undefined) KNOWN.set(resources, (companions = collect(resources)));
  return companions;
}

function collect(resources: readonly Resource[]): Companions {
  const found = new Map<string, Set<string>>();
  for (const { companions } of resources) {
    for (const { typeUrl, name } of companions ?? []) {
      const names = found.get(typeUrl);
      if (names === undefined) found.set(typeUrl, new Set([name]));
      else names.add(name);
    }
  }
  return found.size === 0 ? NONE : found;
}
