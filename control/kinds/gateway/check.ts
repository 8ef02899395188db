import { isIP } from "node:net";
import { Code, isHttp, type MeshObject, type MeshView, overlaps, type Report, selects } from "../../model/index.ts";
import { parseNamespacedHost, parseProtocol, wrongDnsLabel, wrongUnixPath } from "../../model/parts/index.ts";
import type { GatewaySpec, ServerSpec } from "./fields.ts";

/** Istio's `ValidateGateway`. */
export function check({ metadata, spec }: MeshObject<GatewaySpec>, report: Report): void {
  if (wrongDnsLabel(metadata.name) !== undefined)
    report(
      "error",
      Code.Metadata,
      ["metadata", "name"],
      `${JSON.stringify(metadata.name)} is no DNS label; names of Gateways have no dots`,
    );
  for (const [index, server] of spec.servers.entries()) {
    checkServer(server, ["spec", "servers", index], report);
    if (spec.servers.slice(0, index).some(({ port }) => port.name === server.port.name))
      report(
        "error",
        Code.Duplicate,
        ["spec", "servers", index, "port", "name"],
        `another port is called ${JSON.stringify(server.port.name)} too; names of ports are unique in a gateway`,
      );
  }
}

type Path = readonly (string | number)[];

function checkServer(server: ServerSpec, path: Path, report: Report): void {
  const { port, bind, tls } = server;
  const protocol = parseProtocol(port.protocol) ?? "auto";
  const encrypted = protocol === "https" || protocol === "tls";
  checkBind(bind, port.number, path, report);
  if (encrypted && tls === undefined)
    report(
      "error",
      Code.Missing,
      path,
      `"tls" is missing: a port of ${port.protocol} needs it; for TLS that is passed on write tls: {mode: PASSTHROUGH}`,
    );
  if (tls === undefined) return;
  if (tls.httpsRedirect && !isHttp(protocol))
    report("warning", "IST0133", [...path, "tls", "httpsRedirect"], "only ports of HTTP redirect; it has no effect here");
  if (encrypted) return;
  const certificates = tls.serverCertificate !== undefined || tls.privateKey !== undefined || tls.caCertificates !== undefined;
  if (!isHttp(protocol)) report("error", Code.Value, [...path, "tls"], `a port of ${port.protocol} has no TLS; write protocol: TLS`);
  else if (tls.mode !== "PASSTHROUGH" || certificates)
    report(
      "error",
      Code.Value,
      [...path, "tls"],
      `a port of ${port.protocol} is plain text, and takes httpsRedirect only; write protocol: HTTPS for TLS`,
    );
}

function checkBind(bind: string | undefined, number: number, path: Path, report: Report): void {
  if (bind?.startsWith("unix://") === true) {
    const wrong = wrongUnixPath(bind.slice("unix://".length));
    if (wrong !== undefined) report("error", Code.Value, [...path, "bind"], wrong);
    if (number !== 0) report("error", Code.Value, [...path, "port", "number"], "a unix socket has no port; write number: 0");
    return;
  }
  if (number === 0)
    report("error", Code.Value, [...path, "port", "number"], "0 is out of range; 1 to 65535 is allowed, or 0 with a bind of unix://PATH");
  if (bind !== undefined && isIP(bind) === 0) report("error", Code.Value, [...path, "bind"], `${JSON.stringify(bind)} is no IP address`);
}

/** `istioctl analyze`: gateways that select nobody, credentials that are not there, ports that others have, certificates that others have. */
export function checkInMesh(object: MeshObject<GatewaySpec>, mesh: MeshView, report: Report): void {
  checkSelector(object, mesh, report);
  for (const [index, server] of object.spec.servers.entries()) {
    checkCredentials(object, server, ["spec", "servers", index], mesh, report);
    checkConflicts(object, server, ["spec", "servers", index], mesh, report);
  }
}

function checkSelector({ spec: { selector, servers } }: MeshObject<GatewaySpec>, mesh: MeshView, report: Report): void {
  if (Object.keys(selector).length === 0) return;
  const workloads = mesh.workloads().filter(({ labels }) => selects(selector, labels));
  const text = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  // A mesh without pods is described by its proxies alone, whose labels come with them.
  if (workloads.length === 0) {
    if (mesh.workloads().length > 0) report("warning", "IST0101", ["spec", "selector"], `no workload has the labels ${text.join(", ")}`);
    return;
  }
  const services = mesh
    .services()
    .filter(
      ({ selector: mine, namespace }) =>
        mine !== undefined &&
        Object.keys(mine).length > 0 &&
        workloads.some((workload) => workload.namespace === namespace && selects(mine, workload.labels)),
    );
  if (services.length === 0) return;
  for (const [index, { port }] of servers.entries()) {
    const known = services.some(({ ports }) =>
      ports.some(({ number, targetPort }) => number === port.number || targetPort === port.number),
    );
    if (port.number !== 0 && !known)
      report(
        "warning",
        "IST0162",
        ["spec", "servers", index, "port", "number"],
        `port ${port.number} is no port of the Service of the workloads with ${text.join(", ")}; it is not reached through that Service`,
      );
  }
}

function checkCredentials(object: MeshObject<GatewaySpec>, { tls }: ServerSpec, path: Path, mesh: MeshView, report: Report): void {
  if (tls === undefined || tls.credentialNames.length === 0) return;
  // The secret stands where the proxies run, which a gateway's selector may find in other namespaces.
  const proxies = mesh.workloads().filter(({ labels }) => selects(object.spec.selector, labels));
  const namespaces = new Set(proxies.length > 0 ? proxies.map(({ namespace }) => namespace) : [object.metadata.namespace]);
  for (const name of tls.credentialNames) {
    const plain = name.replace(/^kubernetes:\/\//, "");
    for (const namespace of namespaces) {
      const secret = mesh.secret(namespace, plain);
      if (secret === undefined) report("error", "IST0101", [...path, "tls", "credentialName"], `there is no Secret ${namespace}/${plain}`);
      else if (secret.certificate === undefined || secret.privateKey === undefined)
        report(
          "error",
          "IST0161",
          [...path, "tls", "credentialName"],
          `Secret ${namespace}/${plain} has no certificate with a key (tls.crt, tls.key)`,
        );
      else if ((tls.mode === "MUTUAL" || tls.mode === "OPTIONAL_MUTUAL") && tls.caCertCredentialName === undefined) {
        const ca =
          secret.caCertificates ??
          mesh.secret(namespace, `${plain}-cacert`)?.caCertificates ??
          mesh.secret(namespace, `${plain}-cacert`)?.certificate;
        if (ca === undefined)
          report(
            "error",
            "IST0101",
            [...path, "tls", "credentialName"],
            `mode ${tls.mode} needs ca.crt in Secret ${namespace}/${plain} or in ${plain}-cacert`,
          );
      }
    }
  }
}

/** Servers of other gateways on the same port of the same proxies. */
function checkConflicts(object: MeshObject<GatewaySpec>, server: ServerSpec, path: Path, mesh: MeshView, report: Report): void {
  const { selector } = object.spec;
  for (const other of mesh.objects("Gateway") as readonly MeshObject<GatewaySpec>[]) {
    if (other === object || !mayMeet(selector, other.spec.selector)) continue;
    const name = `${other.metadata.namespace}/${other.metadata.name}`;
    for (const rival of other.spec.servers) {
      if (rival.port.number !== server.port.number || (rival.bind ?? "") !== (server.bind ?? "")) continue;
      const hosts = server.hosts.filter((host) => rival.hosts.some((each) => sameHost(host, each, object, other)));
      if (hosts.length > 0)
        report(
          "error",
          "IST0145",
          path,
          `Gateway ${name} has the same hosts on port ${server.port.number}: ${hosts.join(", ")}; the older one gets them`,
        );
      const secret = server.tls?.credentialNames.find((each) => rival.tls?.credentialNames.includes(each));
      if (secret !== undefined && server.port.name !== rival.port.name)
        report(
          "warning",
          "IST0138",
          [...path, "tls", "credentialName"],
          `Gateway ${name} has certificate ${JSON.stringify(secret)} too; browsers may reuse a connection of the other and get 404`,
        );
    }
  }
}

function mayMeet(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return selects(a, b) || selects(b, a);
}

function sameHost(a: string, b: string, mine: MeshObject, other: MeshObject): boolean {
  const [left, right] = [parseNamespacedHost(a), parseNamespacedHost(b)];
  const namespaceOf = (namespace: string, { metadata }: MeshObject): string => (namespace === "." ? metadata.namespace : namespace);
  const [from, to] = [namespaceOf(left.namespace, mine), namespaceOf(right.namespace, other)];
  return (from === to || from === "*" || to === "*") && left.host === right.host && overlaps(left.host, right.host);
}
