export { ControlMetrics } from "./control-metrics.ts";
