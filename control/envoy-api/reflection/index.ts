/** Envoy's API by its descriptors: messages that users write as JSON, read, checked and merged. */
export type { JsonProblem } from "./check-fields.ts";
export { type Violation, violation } from "./constraints.ts";
export { copyOf, mergedAny, mergeInto } from "./merge.ts";
export { checkMessage, readMessage } from "./read.ts";
export { allOfEnvoy, messageOf, messageOfUrl } from "./registry.ts";
