import type { ProxyView } from "../../../../model/index.ts";
import type { Side } from "../side.ts";
import { authentication } from "./authentication.ts";
import { authorization } from "./authorization.ts";
import { join } from "./join.ts";
import type { FilterSettings } from "./settings.ts";
import { telemetry } from "./telemetry.ts";

const SETTINGS: Readonly<Record<string, FilterSettings>> = { authentication, authorization, telemetry };

/** The configuration of a filter: of its kind, and what a WasmPlugin (`builtin://NAME`) adds to that. Undefined where neither says anything. */
export function settingsOf(name: string, view: ProxyView, side: Side, port: number, plugin: unknown): unknown {
  const own = SETTINGS[name]?.(view, side, port);
  return own === undefined ? plugin : join(own, plugin);
}
