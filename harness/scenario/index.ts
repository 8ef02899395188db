export { meshTest } from "./mesh-test.ts";
export type { ScenarioRun } from "./play.ts";
export { scenario, type ScenarioOptions } from "./scenario.ts";
export type { ObservedResult, Transcript } from "./transcript.ts";
