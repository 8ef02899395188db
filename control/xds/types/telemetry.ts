import { type ExtensionProvider, type MeshSettings, type ProxyView, type Telemetry, telemetryLevels } from "../../model/index.ts";
import type { Side } from "./filter/side.ts";

/** Telemetries that hold for the proxy's workload, the widest level first. */
export function telemetries(view: ProxyView): readonly Telemetry[] {
  return telemetryLevels(view.policies("Telemetry"), view.settings().rootNamespace, view.client().namespace);
}

/** A gateway counts as a client of the services behind it. */
export function modeOf(side: Side): "CLIENT" | "SERVER" {
  return side === "inbound" ? "SERVER" : "CLIENT";
}

/** A provider by its name, in whatever case (Istio's `fetchProvider`). */
export function providerNamed({ extensionProviders }: MeshSettings, name: string): ExtensionProvider | undefined {
  return extensionProviders.find((provider) => provider.name.toLowerCase() === name.toLowerCase());
}
