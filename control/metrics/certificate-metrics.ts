import type { Meter } from "@opentelemetry/api";

/** What is told about the certificate authority. */
export interface CertificateMetrics {
  /** A certificate was issued to whoever showed a proof of this kind. */
  issued(method: string): void;
  /** A request was refused; `reason` is one of a few words. */
  refused(reason: string, method: string | undefined): void;
  /** Has the end of the first root and of the signing certificate looked at at each scrape; milliseconds since 1970. */
  watch(expiry: () => { readonly root: number; readonly signing: number }): void;
}

/** Names of istiod's authority, where the meaning is the same. */
export function certificateMetrics(meter: Meter): CertificateMetrics {
  const requests = meter.createCounter("citadel_server_csr_count", { description: "Requests for certificates." });
  const issued = meter.createCounter("citadel_server_success_cert_issuance_count", { description: "Certificates issued, by proof." });
  const unproved = meter.createCounter("citadel_server_authentication_failure_count", {
    description: "Requests whose proof of identity was refused.",
  });
  const refusals = meter.createCounter("meshwright_certificate_refusals", {
    description: "Requests for certificates that were refused, by reason and proof.",
  });
  const root = meter.createObservableGauge("citadel_server_root_cert_expiry_timestamp", {
    description: "Seconds since 1970 at which the first trusted root expires.",
  });
  const signing = meter.createObservableGauge("citadel_server_cert_chain_expiry_timestamp", {
    description: "Seconds since 1970 at which the signing certificate expires.",
  });
  return {
    issued(method) {
      requests.add(1);
      issued.add(1, { method });
    },
    refused(reason, method) {
      requests.add(1);
      refusals.add(1, { reason, method: method ?? "none" });
      if (/^(no-proof|token|jwt|certificate)/.test(reason)) unproved.add(1);
    },
    watch(expiry) {
      root.addCallback((result) => result.observe(Math.floor(expiry().root / 1000)));
      signing.addCallback((result) => result.observe(Math.floor(expiry().signing / 1000)));
    },
  };
}
