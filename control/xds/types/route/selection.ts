import { create, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { RouteListSchema, RouteSchema, VirtualHostSchema } from "../../../envoy-api/generated/envoy/config/route/v3/route_components_pb.ts";
import { HttpRequestHeaderMatchInputSchema } from "../../../envoy-api/generated/envoy/type/matcher/v3/http_inputs_pb.ts";
import type { Matcher_OnMatchSchema, MatcherSchema } from "../../../envoy-api/generated/xds/type/matcher/v3/matcher_pb.ts";
import { pack, typeUrl } from "../../../envoy-api/index.ts";
import { type Choice, type ChoiceLimits, choiceOf } from "./choice.ts";
import type { Init } from "./init.ts";
import type { Route } from "./route.ts";

type Matcher = Init<typeof MatcherSchema>;
type OnMatch = Init<typeof Matcher_OnMatchSchema>;

/** In CPU time of Envoy 1.40 a request takes 28 us where there is one route; for the last of 1,000 it takes 63 us in a list and 28 to 31 in a tree, and 36 where 20 of them come into question everywhere. Up to some dozens a list is as good. */
const LIMITS: ChoiceLimits = { leastRoutes: 64, mostCopies: 4 };

/**
 * Routes as Envoy's virtual host has them: a list that it tries from first to last, or, where they are many, a tree (`matcher`) that leads to the few that come into question. These are
 * whole routes in their order (`RouteList`), whose matches Envoy looks at as it does in a list.
 */
export function routeSelection(
  routes: readonly Route[],
  limits: ChoiceLimits = LIMITS,
  together?: readonly number[],
): Pick<Init<typeof VirtualHostSchema>, "routes" | "matcher"> {
  const choice = choiceOf(routes, limits, together);
  if (choice.by === "order") return { routes: [...choice.routes] };
  const encoded = new Map<Route, Uint8Array>();
  const { matcher: tree } = create(VirtualHostSchema, {
    matcher: matcher(choice, (route) => {
      let bytes = encoded.get(route);
      if (bytes === undefined) encoded.set(route, (bytes = toBinary(RouteSchema, create(RouteSchema, route))));
      return bytes;
    }),
  });
  if (tree === undefined) return {};
  LISTS.set(tree, routes);
  return { matcher: tree };
}

/** What a tree was made of. It leaves out what cannot be chosen, so the order cannot be found in it. */
const LISTS = new WeakMap<object, readonly Route[]>();

/** The routes of a tree as a list, which chooses as it does; undefined for a tree of others, or a copy. */
export function listOf(tree: MessageShape<typeof MatcherSchema>): readonly Route[] | undefined {
  return LISTS.get(tree);
}

/** Each route is encoded once, though it may stand in many lists. */
type Encode = (route: Route) => Uint8Array;

type Branching = Exclude<Choice<Route>, { readonly by: "order" }>;

function matcher(choice: Branching, encode: Encode): Matcher {
  if (choice.by === "path") {
    return {
      matcherType: {
        case: "matcherTree",
        value: { input: header(":path"), treeType: { case: "prefixMatchMap", value: { map: mapOf(choice.prefixes, encode) } } },
      },
      ...otherwise(choice.rest, encode),
    };
  }
  const input = header(choice.name);
  const several = onMatch(choice.several, encode);
  const rest: Matcher = {
    matcherType: {
      case: "matcherList",
      value: {
        matchers: [
          {
            predicate: {
              matchType: {
                case: "singlePredicate",
                value: { input, matcher: { case: "valueMatch", value: { matchPattern: { case: "contains", value: "," } } } },
              },
            },
            onMatch: several,
          },
        ],
      },
    },
    ...otherwise(choice.rest, encode),
  };
  return {
    matcherType: {
      case: "matcherTree",
      value: { input, treeType: { case: "exactMatchMap", value: { map: mapOf(choice.values, encode) } } },
    },
    onNoMatch: { onMatch: { case: "matcher", value: rest } },
  };
}

/** In the order of the texts, so that equal trees have equal bytes. */
function mapOf(choices: ReadonlyMap<string, Choice<Route>>, encode: Encode): Record<string, OnMatch> {
  const entries = [...choices].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([text, choice]) => [text, onMatch(choice, encode)]));
}

function otherwise(choice: Choice<Route>, encode: Encode): Pick<Matcher, "onNoMatch"> {
  return choice.by === "order" && choice.routes.length === 0 ? {} : { onNoMatch: onMatch(choice, encode) };
}

function onMatch(choice: Choice<Route>, encode: Encode): OnMatch {
  if (choice.by !== "order") return { onMatch: { case: "matcher", value: matcher(choice, encode) } };
  const list = new BinaryWriter();
  for (const route of choice.routes) list.tag(RouteListSchema.field.routes.number, WireType.LengthDelimited).bytes(encode(route));
  const typedConfig = create(AnySchema, { typeUrl: typeUrl(RouteListSchema), value: list.finish() });
  return { onMatch: { case: "action", value: { name: "routes", typedConfig } } };
}

/** What Envoy looks at: a request's header, whose values it joins by commas. */
function header(headerName: string) {
  return { name: headerName, typedConfig: pack(HttpRequestHeaderMatchInputSchema, { headerName }) };
}
