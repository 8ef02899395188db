export { scenario, type ScenarioOptions, type ScenarioRun } from "./scenario.ts";
export type { ObservedResult, Transcript } from "./transcript.ts";
