import type { Policy } from "./policy.ts";

/** What is measured, logged and traced, in the words of Istio's Telemetry. */
export type Telemetry = Policy;
