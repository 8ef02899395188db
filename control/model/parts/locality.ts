import { boolean, type FieldType, integer, list, map, object, optional, type ReadContext, required, text } from "../fields/index.ts";
import type { LocalityLoadBalancing } from "../traffic-policy.ts";

// How traffic is shared out by where endpoints are (`istio.networking.v1alpha3.LocalityLoadBalancerSetting`).

const LOCALITY = text({ shape: "locality such as region/zone/*", check: wrongLocality });

function wrongLocality(value: string): string | undefined {
  const parts = value.split("/");
  if (value === "*") return undefined;
  if (parts.length > 3) return `${JSON.stringify(value)} has more than region/zone/sub-zone`;
  if (parts.some((part) => part === "")) return `${JSON.stringify(value)} has an empty part`;
  const star = parts.findIndex((part) => part.includes("*"));
  if (star >= 0 && (star < parts.length - 1 || parts[star] !== "*"))
    return `${JSON.stringify(value)}: "*" stands for all of the rest, so it must be the last part by itself`;
  return undefined;
}

const localityLoadBalancingObject = object(
  {
    enabled: optional(boolean, "Whether localities matter. Default: the mesh's, true."),
    distribute: optional(
      list(
        object({
          from: required(LOCALITY, "Where the client is."),
          to: required(
            map(integer({ least: 1, most: 100 }), { key: wrongLocality }),
            "Per cent of its traffic by where endpoints are; 100 together.",
          ),
        }),
      ),
      "Shares of traffic by locality.",
    ),
    failover: optional(
      list(object({ from: required(text(), "Region of the client."), to: required(text(), "Region that takes over.") })),
      "Regions that take over where the client's has no healthy endpoint. Needs outlierDetection.",
    ),
    failoverPriority: optional(
      list(text()),
      "Labels, or `label=value`, by which endpoints are like the client; the more of them from the left, the earlier. Needs outlierDetection.",
    ),
  },
  { check: checkLocalities },
);

/** `LocalityLoadBalancerSetting`. */
export const localityLoadBalancing: FieldType<LocalityLoadBalancing> = {
  shape: "object",
  members: localityLoadBalancingObject.members,
  read(value, context) {
    const read = localityLoadBalancingObject.read(value, context);
    if (read === undefined) return undefined;
    return {
      enabled: read.enabled,
      distribute: read.distribute ?? [],
      failover: read.failover ?? [],
      failoverPriority: read.failoverPriority ?? [],
    };
  },
};

type LocalityFields = { readonly [Name in keyof LocalityLoadBalancing]?: LocalityLoadBalancing[Name] | undefined };

/** Istio's `ValidateLocalityLbSetting`. */
function checkLocalities({ distribute = [], failover = [], failoverPriority = [] }: LocalityFields, context: ReadContext): void {
  if (distribute.length > 0 && failover.length > 0) context.wrong(`"distribute" and "failover" exclude each other; keep one`);
  const topology = failoverPriority.find((label) => /^topology\.(kubernetes\.io\/(region|zone)|istio\.io\/subzone)$/.test(label));
  if (failover.length > 0 && topology !== undefined)
    context.at("failoverPriority").wrong(`${JSON.stringify(topology)} says by labels what "failover" says by regions; keep one`);
  for (const [index, { from, to }] of distribute.entries()) {
    const at = context.at("distribute").at(index);
    const total = Object.values(to).reduce((sum, weight) => sum + weight, 0);
    if (total !== 100) at.at("to").wrong(`the shares are ${total} together; they must be 100`);
    checkOverlap(Object.keys(to), at.at("to"));
    checkOverlap([from, ...distribute.slice(0, index).map((earlier) => earlier.from)], at.at("from"), from);
  }
  for (const [index, { from, to }] of failover.entries()) {
    const at = context.at("failover").at(index);
    if (from === to) at.wrong(`"from" and "to" must not be the same region`);
    if (to.includes("*")) at.at("to").wrong("must be a region, not a wildcard");
    if (from.includes("/") || to.includes("/")) at.wrong("takes regions only, without zones");
  }
}

/** Reports the first of `localities` that lies in another one or around it; with `only`, of that one alone. */
function checkOverlap(localities: readonly string[], context: ReadContext, only?: string): void {
  for (const [index, left] of localities.entries()) {
    if (only !== undefined && left !== only) continue;
    const right = localities.find((other, place) => place > index && (holds(left, other) || holds(other, left)));
    if (right === undefined) continue;
    context.wrong(`localities ${JSON.stringify(left)} and ${JSON.stringify(right)} overlap`);
    return;
  }
}

function holds(outer: string, inner: string): boolean {
  const whole = outer.replace(/\/?\*$/, "");
  return whole === "" || inner.replace(/\/?\*$/, "") === whole || inner.startsWith(`${whole}/`);
}
