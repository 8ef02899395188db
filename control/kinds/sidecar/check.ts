import { isIP } from "node:net";
import { Code, isHttp, type MeshObject, type Report } from "../../model/index.ts";
import { parseNamespacedHost, parseProtocol, wrongUnixPath } from "../../model/parts/index.ts";
import type { SidecarSpec } from "./fields.ts";

type Path = readonly (string | number)[];
type Ingress = SidecarSpec["ingress"][number];
type Egress = SidecarSpec["egress"][number];

/** Istio's `ValidateSidecar`. */
export function check({ metadata, spec }: MeshObject<SidecarSpec>, report: Report): void {
  if (spec.workloadSelector !== undefined && Object.keys(spec.workloadSelector.labels ?? {}).length === 0)
    report("warning", "IST0133", ["spec", "workloadSelector"], "a selector without labels selects every workload of the namespace");
  if (
    spec.ingress.length === 0 &&
    spec.egress.length === 0 &&
    spec.outboundTrafficPolicy === undefined &&
    spec.inboundConnectionPool === undefined
  )
    report(
      "error",
      Code.Missing,
      ["spec"],
      'says nothing; give it "egress", "ingress", "outboundTrafficPolicy" or "inboundConnectionPool"',
    );
  for (const [index, ingress] of spec.ingress.entries()) {
    checkIngress(ingress, ["spec", "ingress", index], report);
    if (spec.ingress.slice(0, index).some(({ port }) => port.number === ingress.port.number))
      report("error", Code.Duplicate, ["spec", "ingress", index, "port", "number"], `port ${ingress.port.number} stands there twice`);
  }
  for (const [index, egress] of spec.egress.entries()) {
    const path = ["spec", "egress", index];
    checkEgress(egress, path, report);
    checkHosts(egress.hosts, metadata.namespace, [...path, "hosts"], report);
    checkUnique(spec, index, path, report);
  }
  const policy = spec.outboundTrafficPolicy;
  const path = ["spec", "outboundTrafficPolicy", "egressProxy"];
  if (policy?.egressProxy !== undefined && policy.mode !== "ALLOW_ANY")
    report("error", Code.Value, path, "needs mode: ALLOW_ANY; with REGISTRY_ONLY unknown hosts are refused");
  if (policy?.egressProxy !== undefined && policy.egressProxy.port === undefined)
    report("error", Code.Missing, path, '"port" is missing: port of the proxy');
}

function checkIngress({ port, bind, defaultEndpoint, tls, connectionPool }: Ingress, path: Path, report: Report): void {
  const protocol = parseProtocol(port.protocol) ?? "auto";
  checkNumber(port.number, path, report);
  checkAddress(bind, path, report);
  if (defaultEndpoint !== undefined) {
    const wrong = wrongEndpoint(defaultEndpoint);
    if (wrong !== undefined) report("error", Code.Value, [...path, "defaultEndpoint"], wrong);
  }
  if (tls !== undefined) {
    if (protocol !== "https" && protocol !== "tls") report("error", Code.Value, [...path, "tls"], "needs a port of HTTPS or TLS");
    if (tls.mode === "ISTIO_MUTUAL" || tls.mode === "AUTO_PASSTHROUGH") {
      const message = `"${tls.mode}" is not supported in a Sidecar, in Istio either; for mTLS of the mesh write no tls here, and a PeerAuthentication`;
      report("error", Code.Refused, [...path, "tls", "mode"], message);
    }
    const refusals: readonly (readonly [field: string, set: boolean])[] = [
      ["subjectAltNames", tls.subjectAltNames.length > 0],
      ["httpsRedirect", tls.httpsRedirect],
      ["credentialName", tls.credentialNames.length > 0],
      ["caCertCredentialName", tls.caCertCredentialName !== undefined],
      ["tlsCertificates", tls.certificates.length > 0],
    ];
    for (const [field, set] of refusals)
      if (set)
        report(
          "error",
          Code.Refused,
          [...path, "tls", field],
          `"${field}" is not supported in a Sidecar, in Istio either; take files for certificates`,
        );
  }
  if (connectionPool !== undefined && !isHttp(protocol) && hasHttp(connectionPool))
    report("warning", "IST0133", [...path, "connectionPool", "http"], `port ${port.number} is none of HTTP, so only "tcp" has an effect`);
}

function hasHttp(pool: NonNullable<Ingress["connectionPool"]>): boolean {
  const { maxConnections: _, connectTimeout: __, tcpKeepalive: ___, maxConnectionDuration: ____, tcpIdleTimeout: _____, ...http } = pool;
  return Object.values(http).some((value) => value !== undefined);
}

function checkEgress({ port, bind, captureMode }: Egress, path: Path, report: Report): void {
  if (port === undefined) {
    if (bind?.startsWith("unix://") !== true) checkAddress(bind, path, report);
    return;
  }
  if (port.number !== 0) {
    checkAddress(bind, path, report);
    return;
  }
  if (bind?.startsWith("unix://") !== true) {
    report("error", Code.Value, [...path, "bind"], "port 0 needs a unix socket: bind: unix:///PATH");
    return;
  }
  const wrong = wrongUnixPath(bind.slice("unix://".length));
  if (wrong !== undefined) report("error", Code.Value, [...path, "bind"], wrong);
  if (captureMode === "IPTABLES")
    report("error", Code.Value, [...path, "captureMode"], "nothing redirects to a unix socket; write DEFAULT or NONE");
}

function checkUnique({ egress }: SidecarSpec, index: number, path: Path, report: Report): void {
  const mine = egress[index];
  const earlier = egress.slice(0, index);
  if (mine?.port === undefined) {
    if (index < egress.length - 1)
      report("error", Code.Value, path, "a listener without a port takes what is left, so it has to be the last");
  } else if (mine.port.number === 0) {
    if (earlier.some(({ port, bind }) => port?.number === 0 && bind === mine.bind))
      report("error", Code.Duplicate, [...path, "bind"], `socket ${mine.bind ?? ""} stands there twice`);
  } else if (earlier.some(({ port }) => port?.number === mine.port?.number)) {
    report("error", Code.Duplicate, [...path, "port", "number"], `port ${mine.port.number} stands there twice`);
  }
}

function checkHosts(hosts: readonly string[], namespace: string, path: Path, report: Report): void {
  const parsed = hosts
    .map(parseNamespacedHost)
    .map((host) => ({ ...host, namespace: host.namespace === "." ? namespace : host.namespace }));
  for (const [index, host] of parsed.entries()) {
    if (host.namespace === "~") continue;
    const earlier = parsed.slice(0, index).filter((each) => each.namespace === host.namespace);
    if (earlier.some((each) => each.host === host.host || each.host === "*" || host.host === "*"))
      report(
        "warning",
        "IST0133",
        [...path, index],
        `${JSON.stringify(hosts[index])} and an earlier host are the same, or one holds the other`,
      );
  }
  if (
    parsed.some(({ namespace: from, host }) => from === "*" && host === "*") &&
    parsed.some(({ namespace: from }) => from !== "*" && from !== "~")
  )
    report("warning", "IST0133", path, `"*/*" is everything, so the other hosts have no effect`);
}

function checkNumber(number: number, path: Path, report: Report): void {
  if (number === 0) report("error", Code.Value, [...path, "port", "number"], "0 is out of range; 1 to 65535 is allowed");
}

function checkAddress(bind: string | undefined, path: Path, report: Report): void {
  if (bind !== undefined && isIP(bind) === 0) report("error", Code.Value, [...path, "bind"], `${JSON.stringify(bind)} is no IP address`);
}

function wrongEndpoint(value: string): string | undefined {
  if (value.startsWith("unix://")) return wrongUnixPath(value.slice("unix://".length));
  const match = /^(127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\[::\]|):(\d{1,5})$/.exec(value);
  const port = Number(match?.[2]);
  if (match !== null && port >= 1 && port <= 65_535) return undefined;
  return `${JSON.stringify(value)} is none of 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT, unix:///PATH`;
}
