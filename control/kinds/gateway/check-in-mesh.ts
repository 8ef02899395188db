import { isHttp, type MeshObject, type MeshView, overlaps, type Report, selects } from "../../model/index.ts";
import { parseNamespacedHost, parseProtocol } from "../../model/parts/index.ts";
import type { GatewaySpec, ServerSpec } from "./fields.ts";

type Path = readonly (string | number)[];

/** `istioctl analyze`: gateways that select nobody, credentials that are not there, ports that others have, certificates that others have. */
export function checkInMesh(object: MeshObject<GatewaySpec>, mesh: MeshView, report: Report): void {
  checkSelector(object, mesh, report);
  for (const [index, server] of object.spec.servers.entries()) {
    checkCredentials(object, server, ["spec", "servers", index], mesh, report);
    checkConflicts(object, index, ["spec", "servers", index], mesh, report);
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
  if (tls === undefined) return;
  const wantsClients = tls.mode === "MUTUAL" || tls.mode === "OPTIONAL_MUTUAL";
  // The secret stands where the proxies run, which a gateway's selector may find in other namespaces.
  const proxies = mesh.workloads().filter(({ labels }) => selects(object.spec.selector, labels));
  const namespaces = new Set(proxies.length > 0 ? proxies.map(({ namespace }) => namespace) : [object.metadata.namespace]);
  for (const [index, name] of tls.credentialNames.entries()) {
    const field = [...path, "tls", ...(tls.credentialNames.length > 1 ? ["credentialNames", index] : ["credentialName"])];
    const plain = plainName(name);
    for (const namespace of namespaces) {
      const secret = mesh.secret(namespace, plain);
      if (secret === undefined) report("error", "IST0101", field, `there is no Secret ${namespace}/${plain}`);
      else if (secret.certificate === undefined || secret.privateKey === undefined)
        report("error", "IST0161", field, `Secret ${namespace}/${plain} has no certificate with a key (tls.crt, tls.key)`);
      else if (wantsClients && tls.caCertCredentialName === undefined && authoritiesOf(mesh, namespace, plain) === undefined)
        report("error", "IST0101", field, `mode ${tls.mode} needs ca.crt in Secret ${namespace}/${plain} or in ${plain}-cacert`);
    }
  }
  if (!wantsClients || tls.caCertCredentialName === undefined) return;
  const plain = plainName(tls.caCertCredentialName);
  for (const namespace of namespaces)
    if (authoritiesOf(mesh, namespace, plain) === undefined)
      report(
        "error",
        "IST0101",
        [...path, "tls", "caCertCredentialName"],
        `there is no Secret ${namespace}/${plain} with certificates to trust (ca.crt)`,
      );
}

function plainName(credential: string): string {
  return credential.replace(/^kubernetes:\/\//, "");
}

/** Certificates to trust of a credential: those in a secret of their own (Istio takes its `tls.crt` too) or beside it. */
function authoritiesOf(mesh: MeshView, namespace: string, name: string): string | undefined {
  const apart = mesh.secret(namespace, `${name}-cacert`);
  return apart?.caCertificates ?? apart?.certificate ?? mesh.secret(namespace, name)?.caCertificates;
}

/** Servers on the same port of the same proxies: of other gateways, and earlier ones of the same. */
function checkConflicts(object: MeshObject<GatewaySpec>, index: number, path: Path, mesh: MeshView, report: Report): void {
  const server = object.spec.servers[index];
  if (server === undefined) return;
  const { selector, servers } = object.spec;
  for (const rival of servers.slice(0, index)) {
    if (!sharesPort(server, rival)) continue;
    const hosts = server.hosts.filter((host) => rival.hosts.some((each) => sameHost(host, each, object, object)));
    const name = `server ${servers.indexOf(rival)} of this gateway`;
    if (cannotShare(server, rival))
      report(
        "error",
        "IST0145",
        path,
        `${name} speaks ${rival.port.protocol} on port ${server.port.number}, and this one ${server.port.protocol}: they cannot share it; the earlier one gets it`,
      );
    else if (hosts.length > 0 && sortOf(server) === "tls")
      report(
        "error",
        "IST0145",
        path,
        `${name} has the same hosts on port ${server.port.number}: ${hosts.join(", ")}; the earlier one gets them`,
      );
  }
  for (const other of mesh.objects("Gateway") as readonly MeshObject<GatewaySpec>[]) {
    if (other === object || !mayMeet(selector, other.spec.selector)) continue;
    const name = `${other.metadata.namespace}/${other.metadata.name}`;
    for (const rival of other.spec.servers) {
      if (!sharesPort(server, rival)) continue;
      const hosts = server.hosts.filter((host) => rival.hosts.some((each) => sameHost(host, each, object, other)));
      if (cannotShare(server, rival))
        report(
          "error",
          "IST0145",
          path,
          `Gateway ${name} speaks ${rival.port.protocol} on port ${server.port.number}, and this server ${server.port.protocol}: they cannot share it; the older one gets it`,
        );
      else if (hosts.length > 0)
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

function sharesPort(a: ServerSpec, b: ServerSpec): boolean {
  return a.port.number === b.port.number && (a.bind ?? "") === (b.bind ?? "");
}

/** Plain HTTP is told apart by host, TLS by name; plain bytes by nothing, so they have their port alone. */
function cannotShare(a: ServerSpec, b: ServerSpec): boolean {
  return sortOf(a) !== sortOf(b) || sortOf(a) === "bytes";
}

function sortOf({ port, tls }: ServerSpec): "http" | "tls" | "bytes" {
  if (isHttp(parseProtocol(port.protocol) ?? "auto")) return "http";
  return tls === undefined ? "bytes" : "tls";
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
