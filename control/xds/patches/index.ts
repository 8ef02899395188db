import { type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { Cluster } from "../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import type { Listener } from "../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import type { RouteConfiguration } from "../../envoy-api/generated/envoy/config/route/v3/route_pb.ts";
import type { ApplyTo, ProxyView } from "../../model/index.ts";
import type { Translated, XdsType } from "../types/xds-type.ts";
import { type BoundPatch, isFor, patchesFor, valueOf } from "./bound-patch.ts";
import { patchCluster } from "./clusters.ts";
import { LISTENER_THINGS, patchListener } from "./listeners.ts";
import { noteApplied, noteFailed } from "./outcomes.ts";
import { patchRoutes, ROUTE_THINGS } from "./routes.ts";

export { type Outcome, outcomeOf } from "./outcomes.ts";

/** Whether a patch is for a proxy, whatever it matches there. */
export function isForProxy(view: ProxyView, bound: BoundPatch): boolean {
  const { context } = bound.patch;
  const { rootNamespace } = view.settings();
  const { namespace, type } = view.client();
  if (bound.filter.namespace !== namespace && bound.filter.namespace !== rootNamespace) return false;
  return (context === "ANY" || (context === "GATEWAY") === (type === "router")) && isFor(bound, view);
}

/** How the resources of one type are patched. */
interface Patcher {
  /** What the type's resources are made of. */
  readonly things: ReadonlySet<ApplyTo>;
  /** What may be added beside them. */
  readonly added?: ApplyTo;
  /** A resource as patches leave it; undefined where one of them removes it. Types know their messages. */
  patch(view: ProxyView, message: unknown, patches: readonly BoundPatch[]): unknown;
}

const PATCHERS: Readonly<Record<string, Patcher>> = {
  listener: {
    things: LISTENER_THINGS,
    added: "LISTENER",
    patch: (view, message, patches) => patchListener(view, message as Listener, patches),
  },
  route: { things: ROUTE_THINGS, patch: (view, message, patches) => patchRoutes(view, message as RouteConfiguration, patches) },
  cluster: {
    things: new Set(["CLUSTER"]),
    added: "CLUSTER",
    patch: (view, message, patches) => patchCluster(view, message as Cluster, patches),
  },
  filter: { things: new Set(["EXTENSION_CONFIG"]), added: "EXTENSION_CONFIG", patch: (_, message) => message },
};

/** The unit of what patches add. */
const ADDED = "added by EnvoyFilters";

/**
 * A type whose resources are changed by EnvoyFilters after they were translated, and by nobody else: the type itself knows nothing of it. A resource that no patch is for is the very one that was translated, and
 * reads no more of its proxy than that there is none.
 */
export function patched<Desc extends DescMessage>(type: XdsType<Desc>): XdsType<Desc> {
  const patcher = PATCHERS[type.name];
  if (patcher === undefined) return type;
  return {
    ...type,
    *units(view) {
      yield* type.units(view);
      if (additions(view, patcher).length > 0) yield ADDED;
    },
    translate(view, unit) {
      if (unit === ADDED) return addedResources<Desc>(view, additions(view, patcher));
      const translated = type.translate(view, unit);
      const patches = patchesFor(view, patcher.things);
      if (patches.length === 0) return translated;
      return translated.flatMap((each) => patchedResource(view, each, patcher, patches));
    },
  };
}

function patchedResource<Desc extends DescMessage>(
  view: ProxyView,
  each: Translated<Desc>,
  patcher: Patcher,
  patches: readonly BoundPatch[],
): readonly Translated<Desc>[] {
  const patch = (message: MessageShape<Desc>) => patcher.patch(view, message, patches) as MessageShape<Desc> | undefined;
  const message = patch(each.message);
  if (message === undefined) return [];
  if (message === each.message) return [each];
  const instead = (message: MessageShape<Desc>) => patch(message) ?? message;
  return [
    {
      ...each,
      message,
      ...(each.closed === undefined ? {} : { closed: () => instead(each.closed?.() ?? each.message) }),
      ...(each.meanwhile === undefined ? {} : { meanwhile: () => instead(each.meanwhile?.() ?? each.message) }),
    },
  ];
}

/** Patches that add resources; what is added for every context is added for sidecars once, as outbound, and for gateways. */
function additions(view: ProxyView, { added }: Patcher): readonly BoundPatch[] {
  if (added === undefined) return [];
  const isGateway = view.client().type === "router";
  return patchesFor(view, new Set([added])).filter(
    ({ patch: { operation, context } }) => operation === "ADD" && (context === "ANY" || (context === "GATEWAY") === isGateway),
  );
}

/** Of two with a name the first counts. */
function addedResources<Desc extends DescMessage>(view: ProxyView, patches: readonly BoundPatch[]): readonly Translated<Desc>[] {
  const resources = new Map<string, Translated<Desc>>();
  for (const each of patches) {
    if (!isFor(each, view)) continue;
    const message = valueOf<MessageShape<Desc> & { readonly name: string }>(each.patch);
    const { name } = message;
    if (resources.has(name)) {
      noteFailed(each.patch, name, "is added already by an EnvoyFilter before it");
      continue;
    }
    resources.set(name, { name, message });
    noteApplied(each.patch, name);
  }
  return [...resources.values()];
}
