import { listenerType } from "./listener/index.ts";
import type { XdsType } from "./xds-type.ts";

export type { Translated, XdsType } from "./xds-type.ts";

/** Every type of resource that proxies are given. */
export const XDS_TYPES: readonly XdsType[] = [listenerType];
