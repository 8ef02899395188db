export { Configurations, type Outcome, type ProxyChange } from "./configurations.ts";
export type { TranslationFailure } from "./resource-set.ts";
export { resourcesAsJson } from "./as-json.ts";
