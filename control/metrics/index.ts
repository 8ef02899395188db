export type { CertificateMetrics } from "./certificate-metrics.ts";
export { ControlMetrics } from "./control-metrics.ts";
