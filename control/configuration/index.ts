export { Configurations, type Outcome, type ProxyChange } from "./configurations.ts";
export { KnownPeers } from "./known-peers.ts";
export type { Gate, TranslationFailure } from "./resource-set.ts";
export { resourceReader, resourcesAsJson } from "./as-json.ts";
