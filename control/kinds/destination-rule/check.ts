import { Code, type FieldPath, type MeshObject, type Report } from "../../model/index.ts";
import { checkExportTo } from "../../model/parts/index.ts";
import type { DestinationRuleSpec, PolicySpec, PortPolicySpec } from "./fields.ts";

/** Istio's `ValidateDestinationRule`. */
export function check({ metadata, spec }: MeshObject<DestinationRuleSpec>, report: Report): void {
  for (const { policy, path } of policiesOf(spec)) checkPolicy(policy, path, report);
  for (const [index, { name }] of spec.subsets.entries()) {
    if (spec.subsets.findIndex((subset) => subset.name === name) < index)
      report("error", Code.Duplicate, ["spec", "subsets", index, "name"], `another subset is called ${JSON.stringify(name)} too`);
  }
  const { workloadSelector } = spec;
  if (workloadSelector !== undefined && Object.keys(workloadSelector.matchLabels ?? {}).length === 0)
    report("warning", "IST0133", ["spec", "workloadSelector"], "a selector without labels selects every workload of the namespace");
  checkExportTo(spec.exportTo, metadata.namespace, { own: workloadSelector !== undefined }, report);
}

/** Every policy of a rule, with the place where it stands. */
export function policiesOf(
  spec: DestinationRuleSpec,
): readonly { readonly policy: PolicySpec | PortPolicySpec; readonly path: FieldPath }[] {
  const whole = [
    { policy: spec.trafficPolicy, path: ["spec", "trafficPolicy"] },
    ...spec.subsets.map((subset, index) => ({ policy: subset.trafficPolicy, path: ["spec", "subsets", index, "trafficPolicy"] })),
  ];
  return whole.flatMap(({ policy, path }) => {
    if (policy === undefined) return [];
    const ports = (policy.portLevelSettings ?? []).map((settings, index) => ({
      policy: settings,
      path: [...path, "portLevelSettings", index],
    }));
    return [{ policy, path }, ...ports];
  });
}

function checkPolicy(policy: PolicySpec | PortPolicySpec, path: FieldPath, report: Report): void {
  const locality = policy.loadBalancer?.localityLbSetting;
  if (locality !== undefined && locality.failover.length + locality.failoverPriority.length > 0 && policy.outlierDetection === undefined)
    report(
      "warning",
      "IST0133",
      [...path, "loadBalancer", "localityLbSetting"],
      "failover has no effect without outlierDetection: Envoy would never find out that an endpoint fails",
    );
  const { simple, warmup, warmupDurationSecs } = policy.loadBalancer ?? {};
  if (
    (warmup !== undefined || warmupDurationSecs !== undefined) &&
    (simple === "RANDOM" || simple === "PASSTHROUGH" || policy.loadBalancer?.consistentHash !== undefined)
  )
    report("warning", Code.Surprise, [...path, "loadBalancer"], "warm-up has an effect with ROUND_ROBIN and LEAST_REQUEST only");
  // Seen in 1.37 to 1.40: a segmentation fault, with a configuration of nothing but a tcp_proxy and its tunneling_config.
  if ("tunnel" in policy && policy.tunnel?.protocol === "POST" && policy.connectionPool?.h2UpgradePolicy !== "UPGRADE")
    report(
      "warning",
      Code.Surprise,
      [...path, "tunnel", "protocol"],
      "over HTTP/1.1 Envoy crashes where the server ends a tunnel by POST first; write CONNECT, or connectionPool.http.h2UpgradePolicy: UPGRADE for HTTP/2",
    );
  if (policy.tls !== undefined) checkTls(policy.tls, [...path, "tls"], report);
  const seen = new Set<number>();
  for (const [index, { port }] of ("portLevelSettings" in policy ? (policy.portLevelSettings ?? []) : []).entries()) {
    if (seen.has(port.number))
      report(
        "error",
        Code.Duplicate,
        [...path, "portLevelSettings", index, "port"],
        `port ${port.number} has settings above; only one of them can hold`,
      );
    seen.add(port.number);
  }
}

/** Istio's `ValidateTLS`. */
function checkTls(tls: NonNullable<PolicySpec["tls"]>, path: FieldPath, report: Report): void {
  const { mode, clientCertificate, privateKey, caCertificates, credentialName, subjectAltNames, insecureSkipVerify, caCrl, sni } = tls;
  const files = clientCertificate ?? privateKey ?? caCertificates ?? caCrl;
  if (mode === "ISTIO_MUTUAL") {
    if (files !== undefined || credentialName !== undefined || insecureSkipVerify !== undefined)
      report(
        "warning",
        Code.Surprise,
        [...path, "mode"],
        "ISTIO_MUTUAL takes the certificates of the mesh; beside it only sni and subjectAltNames have an effect",
      );
    return;
  }
  if (mode === "DISABLE") {
    if (files !== undefined || credentialName !== undefined || sni !== undefined)
      report("warning", Code.Surprise, [...path, "mode"], "with mode DISABLE, the default, nothing else here has an effect");
    return;
  }
  if (insecureSkipVerify === true) {
    if (caCertificates !== undefined || subjectAltNames.length > 0 || (mode === "SIMPLE" && credentialName !== undefined))
      report(
        "error",
        Code.Exclusive,
        [...path, "insecureSkipVerify"],
        "where the server is not checked there is nothing to check it by; leave out what says how, or this",
      );
  }
  if (credentialName !== undefined) {
    if (files !== undefined)
      report("error", Code.Exclusive, [...path, "credentialName"], "a credential has all that files would have; keep one of the two");
    return;
  }
  if (mode === "MUTUAL") {
    if (clientCertificate === undefined) report("error", Code.Missing, path, `"clientCertificate" is missing: MUTUAL shows a certificate`);
    if (privateKey === undefined)
      report("error", Code.Missing, path, `"privateKey" is missing: MUTUAL shows a certificate, which has a key`);
  }
  if (caCrl !== undefined && (caCertificates === undefined || insecureSkipVerify === true))
    report("error", Code.Missing, [...path, "caCrl"], "revoked certificates are those of caCertificates, which are missing");
}
