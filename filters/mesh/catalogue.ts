import { AuthenticationRoot } from "../authentication/root";
import { AuthorizationRoot } from "../authorization/root";
import { EjectionRoot } from "../ejection/root";
import { FaultRoot } from "../fault/root";
import { RateLimitRoot } from "../ratelimit/root";
import { RoutingRoot } from "../routing/root";
import { Root } from "../sdk";
import { TelemetryRoot } from "../telemetry/root";

/** Which of Envoy's two HTTP filter chains a module runs in. */
export const enum Chain {
  Downstream,
  Upstream,
}

/** A filter that this module can run. */
@final
export class CatalogueEntry {
  constructor(
    readonly name: string,
    readonly chain: Chain,
    readonly create: () => Root,
  ) {}
}

export const CATALOGUE: CatalogueEntry[] = [
  new CatalogueEntry("authentication", Chain.Downstream, () => new AuthenticationRoot()),
  new CatalogueEntry("authorization", Chain.Downstream, () => new AuthorizationRoot()),
  new CatalogueEntry("routing", Chain.Downstream, () => new RoutingRoot()),
  new CatalogueEntry("fault", Chain.Downstream, () => new FaultRoot()),
  new CatalogueEntry("ratelimit", Chain.Downstream, () => new RateLimitRoot()),
  new CatalogueEntry("telemetry", Chain.Downstream, () => new TelemetryRoot()),
  new CatalogueEntry("ejection", Chain.Upstream, () => new EjectionRoot()),
];

/** The entry of that name; `null` where this chain has none. */
export function findEntry(name: string, chain: Chain): CatalogueEntry | null {
  for (let i = 0; i < CATALOGUE.length; i++) {
    if (CATALOGUE[i].name == name && CATALOGUE[i].chain == chain) return CATALOGUE[i];
  }
  return null;
}

/** The names that can stand in the configuration of a chain, for an error message. */
export function namesOf(chain: Chain): string {
  let names = "";
  for (let i = 0; i < CATALOGUE.length; i++) {
    if (CATALOGUE[i].chain == chain) names += (names.length > 0 ? ", " : "") + CATALOGUE[i].name;
  }
  return names;
}
