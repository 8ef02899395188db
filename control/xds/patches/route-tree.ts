import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type Route,
  RouteListSchema,
  RouteSchema,
  type VirtualHost,
} from "../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import type { Matcher, Matcher_OnMatch } from "../../envoy-api/generated/xds/type/matcher/v3/matcher_pb.ts";

/**
 * The routes of a virtual host as a list. Where they are a tree (`route/selection.ts`), its lists have them in the order that they had, and no request can match two that stand in no list together: so every
 * order that agrees with all lists chooses as the tree does.
 */
export function asList(host: VirtualHost): Route[] {
  if (host.matcher === undefined) return [...host.routes];
  const before = new Map<string, Set<string>>();
  for (const list of listsOf(host.matcher)) {
    for (const [index, key] of list.entries()) {
      const earlier = before.get(key) ?? new Set();
      const previous = list[index - 1];
      if (previous !== undefined) earlier.add(previous);
      before.set(key, earlier);
    }
  }
  const ordered = new Set<string>();
  for (const key of before.keys()) place(key, before, ordered);
  return Array.from(ordered, (key) => fromBinary(RouteSchema, Buffer.from(key, "base64")));
}

/** Puts a route behind all that stand before it. Without recursion: there may be thousands in a row. */
function place(last: string, before: ReadonlyMap<string, ReadonlySet<string>>, ordered: Set<string>): void {
  const waiting = [last];
  while (waiting.length > 0) {
    const key = waiting.at(-1) ?? last;
    const missing = [...(before.get(key) ?? [])].filter((each) => !ordered.has(each));
    if (missing.length > 0) {
      waiting.push(...missing);
      continue;
    }
    ordered.add(key);
    waiting.pop();
  }
}

/** Every list of a tree; a route is its bytes, in base64. */
function* listsOf({ matcherType, onNoMatch }: Matcher): Iterable<readonly string[]> {
  if (matcherType.case === "matcherTree") {
    const { treeType } = matcherType.value;
    if (treeType.case === "prefixMatchMap" || treeType.case === "exactMatchMap")
      for (const each of Object.values(treeType.value.map)) yield* listsAt(each);
  } else if (matcherType.case === "matcherList") {
    for (const { onMatch } of matcherType.value.matchers) yield* listsAt(onMatch);
  }
  yield* listsAt(onNoMatch);
}

function* listsAt(at: Matcher_OnMatch | undefined): Iterable<readonly string[]> {
  if (at?.onMatch.case === "matcher") yield* listsOf(at.onMatch.value);
  else if (at?.onMatch.case === "action" && at.onMatch.value.typedConfig !== undefined) {
    const { routes } = fromBinary(RouteListSchema, at.onMatch.value.typedConfig.value);
    yield routes.map((route) => Buffer.from(toBinary(RouteSchema, route)).toString("base64"));
  }
}
