import type { ResourceView } from "./resource.ts";
import type { Contents } from "./response.ts";
import type { Watch } from "./watch.ts";

/**
 * What of a refused response is to be sent again, each part in a response of its own. A client may drop a whole response for one bad resource (Envoy does
 * for routes, scopes and endpoints): what is not to blame is sent again without it; where the reason names nobody, in halves, until each bad one is alone.
 * What was refused alone is not sent again until it changes.
 *
 * @param blamed names that the reason speaks of
 */
export function partsOf(
  watch: Watch,
  { resources, removed }: Contents,
  blamed: readonly string[],
  view: ResourceView,
): (readonly string[])[] {
  if (resources.length + removed.length < 2) return [];
  // What has changed since is sent anyway, or was.
  const later = new Set(watch.unanswered.flatMap(({ contents }) => [...contents.resources.map(({ name }) => name), ...contents.removed]));
  const isStill = (name: string, version: string | undefined) => !later.has(name) && watch.find(view, name)?.version === version;
  const gone = removed.filter((name) => isStill(name, undefined));
  const parts = [gone];
  if (resources.length > 1) {
    const names = resources.filter(({ name, version }) => isStill(name, version)).map(({ name }) => name);
    const half = Math.ceil(names.length / 2);
    if (blamed.length > 0) parts.unshift(names.filter((name) => !blamed.includes(name)));
    else parts.unshift(names.slice(0, half), names.slice(half));
  }
  return parts.filter(({ length }) => length > 0);
}
