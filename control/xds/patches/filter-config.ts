import type { Any } from "@bufbuild/protobuf/wkt";
import { mergedAny } from "../../envoy-api/reflection/index.ts";
import { PatchError } from "./draft.ts";

/** A network or HTTP filter. */
interface ConfiguredFilter {
  name: string;
  configType: { case: "typedConfig"; value: Any } | { case: "configDiscovery"; value: unknown } | { case: undefined; value?: undefined };
}

/** Merges a patch into a filter, as Istio does: its name, and its configuration where both are of one type. */
export function mergeFilter(into: ConfiguredFilter, from: ConfiguredFilter): void {
  const name = into.name;
  if (from.name !== "") into.name = from.name;
  if (from.configType.case === undefined) return;
  if (into.configType.case !== "typedConfig" || from.configType.case !== "typedConfig")
    throw new PatchError(`the configuration of ${name} comes by itself (ECDS), and is not merged into`);
  const merged = mergedAny(into.configType.value, from.configType.value);
  if (merged === undefined)
    throw new PatchError(`${name} is configured by ${into.configType.value.typeUrl}, and not by ${from.configType.value.typeUrl}`);
  into.configType.value = merged;
}
