/** Load on any server of HTTP, with every request accounted for. */
export { LoadAnswer, type LoadRequest } from "./exchange.ts";
export { Load, LoadWindow, startLoad } from "./load.ts";
export type { LoadOptions, LoadRequestSpec } from "./options.ts";
export type { Caller, Place } from "./place.ts";
export type { LoadCounts, LoadFailure } from "./tally.ts";
