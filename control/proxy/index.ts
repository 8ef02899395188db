/** One Envoy that is kept running: started again after a crash, drained when it is to end, and gone when this process is. */
export { CONTROL_AUTHORITIES } from "./identity/names.ts";
export { BackOff } from "./back-off.ts";
export type { Exit, Identity } from "./envoy-process.ts";
export type { Log } from "./log.ts";
export { supervise, type Control, type Outcome, type SupervisedProxy } from "./supervisor.ts";
