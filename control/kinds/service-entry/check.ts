import { isIP } from "node:net";
import { Code, isHttp, isWildcard, type MeshObject, type MeshView, mergesWith, type Protocol, type Report } from "../../model/index.ts";
import { checkExportTo, parseProtocol, wrongDomain } from "../../model/parts/index.ts";
import type { ServiceEntrySpec } from "./fields.ts";

/** Istio's `ValidateServiceEntry`. */
export function check({ metadata, spec }: MeshObject<ServiceEntrySpec>, report: Report): void {
  checkHosts(spec, report);
  checkPorts(spec, report);
  checkAddresses(spec, report);
  checkResolution(spec, report);
  for (const [index, entry] of (spec.endpoints ?? []).entries()) checkEndpoint(spec, entry, ["spec", "endpoints", index], report);
  if (spec.workloadSelector !== undefined && Object.keys(spec.workloadSelector.labels ?? {}).length === 0)
    report("warning", "IST0133", ["spec", "workloadSelector"], "a selector without labels selects every workload of the namespace");
  checkExportTo(spec.exportTo, metadata.namespace, { none: true }, report);
}

const protocolsOf = (spec: ServiceEntrySpec): Protocol[] => spec.ports.map(({ protocol }) => parseProtocol(protocol) ?? "auto");

function checkHosts(spec: ServiceEntrySpec, report: Report): void {
  for (const [index, host] of spec.hosts.entries()) {
    if (host.includes("*") && !host.startsWith("*."))
      report(
        "warning",
        "IST0133",
        ["spec", "hosts", index],
        `${JSON.stringify(host)} is a partial wildcard, which Istio has no use for; write *.DOMAIN`,
      );
    if (spec.hosts.findIndex((other) => other.toLowerCase() === host.toLowerCase()) < index)
      report("error", Code.Duplicate, ["spec", "hosts", index], `${JSON.stringify(host)} stands there twice`);
  }
  // By TCP alone nobody can tell which of the hosts is meant.
  const blind = protocolsOf(spec).some((protocol) => !isHttp(protocol) && protocol !== "https" && protocol !== "tls");
  if (spec.resolution !== "NONE" && spec.hosts.length > 1 && blind)
    report("error", Code.Value, ["spec", "hosts"], "several hosts need ports of HTTP or TLS only: nothing else tells them apart");
}

function checkPorts(spec: ServiceEntrySpec, report: Report): void {
  for (const [index, { name, number, protocol }] of spec.ports.entries()) {
    const earlier = spec.ports.slice(0, index);
    if (earlier.some((port) => port.name === name))
      report("error", Code.Duplicate, ["spec", "ports", index, "name"], `another port is called ${JSON.stringify(name)} too`);
    if (earlier.some((port) => port.number === number))
      report("error", Code.Duplicate, ["spec", "ports", index, "number"], `another port has number ${number} too`);
    const parsed = parseProtocol(protocol);
    if (spec.addresses.length === 0 && (parsed === "tcp" || parsed === "auto") && spec.resolution !== "NONE")
      report(
        "warning",
        "IST0134",
        ["spec", "ports", index],
        `port ${number} ${parsed === "auto" ? "has no protocol and may be" : "is"} TCP, which reaches the service by an address only; add "addresses"`,
      );
  }
}

function checkAddresses(spec: ServiceEntrySpec, report: Report): void {
  const range = spec.addresses.findIndex((address) => address.includes("/"));
  if (range >= 0 && spec.resolution !== "NONE" && spec.resolution !== "STATIC")
    report("error", Code.Value, ["spec", "addresses", range], "a range of addresses needs resolution NONE or STATIC");
  const tcp = protocolsOf(spec).some((protocol) => !isHttp(protocol) && protocol !== "udp" && protocol !== "auto");
  if (spec.resolution.startsWith("DNS") && spec.addresses.length > 0 && tcp && spec.hosts.length > 1)
    report("warning", "IST0133", ["spec", "hosts"], "several hosts share addresses and a TCP port; connections go to the first");
}

function checkResolution(spec: ServiceEntrySpec, report: Report): void {
  const { resolution, hosts } = spec;
  const endpoints = spec.endpoints ?? [];
  const path = ["spec", "resolution"];
  if (resolution === "DYNAMIC_DNS") {
    report(
      "error",
      Code.Refused,
      path,
      `"DYNAMIC_DNS" is not supported: proxies of this mesh have no dynamic forward proxy; list the hosts, or take NONE for *.DOMAIN`,
    );
  } else if (resolution === "NONE") {
    if (endpoints.length > 0)
      report(
        "error",
        Code.Exclusive,
        ["spec", "endpoints"],
        "resolution NONE goes where the client wanted to go; take STATIC or DNS for endpoints",
      );
    if (spec.workloadSelector !== undefined)
      report("warning", "IST0133", ["spec", "workloadSelector"], "has no effect with resolution NONE");
  } else if (resolution !== "STATIC") {
    const wrong = endpoints.length > 0 ? -1 : hosts.findIndex((host) => wrongDomain(host) !== undefined);
    if (wrong >= 0)
      report(
        "error",
        Code.Value,
        ["spec", "hosts", wrong],
        `${JSON.stringify(hosts[wrong])} cannot be asked of DNS; without endpoints hosts must be full names`,
      );
    if (resolution === "DNS_ROUND_ROBIN" && endpoints.length > 1)
      report("error", Code.Value, ["spec", "endpoints"], "resolution DNS_ROUND_ROBIN takes one endpoint at most");
  }
}

type Entry = NonNullable<ServiceEntrySpec["endpoints"]>[number];

function checkEndpoint(
  spec: ServiceEntrySpec,
  { address, network, ports = {} }: Entry,
  path: readonly (string | number)[],
  report: Report,
): void {
  const byDns = spec.resolution === "DNS" || spec.resolution === "DNS_ROUND_ROBIN";
  if (address === undefined) {
    const level = network === undefined ? "error" : "warning";
    report(
      level,
      Code.Missing,
      path,
      `"address" is missing${network === undefined ? "" : "; endpoints behind the gateway of a network are not supported, so it has no effect"}`,
    );
  } else if (address.startsWith("unix://")) {
    if (byDns) report("error", Code.Value, [...path, "address"], "a unix socket needs resolution STATIC");
    if (!/^unix:\/\/[/@]./.test(address))
      report("error", Code.Value, [...path, "address"], "the path of a unix socket must be absolute, or abstract with @");
    if (Object.keys(ports).length > 0) report("error", Code.Exclusive, [...path, "ports"], "a unix socket has no ports");
    if (spec.ports.length !== 1) report("error", Code.Value, path, "a unix socket needs exactly one port of the service");
  } else if (isIP(address) === 0 && (!byDns || wrongDomain(address) !== undefined)) {
    report(
      "error",
      Code.Value,
      [...path, "address"],
      `${JSON.stringify(address)} is no IP address${byDns ? " and no domain name" : "; names need resolution DNS"}`,
    );
  }
  for (const name of Object.keys(ports)) {
    if (!spec.ports.some((port) => port.name === name))
      report("error", Code.Value, [...path, "ports", name], `the service has no port ${JSON.stringify(name)}`);
  }
}

/** `istioctl analyze`: entries that say different things of a host, and selectors that select nobody. */
export function checkInMesh(object: MeshObject<ServiceEntrySpec>, mesh: MeshView, report: Report): void {
  const own = mesh.services().filter((service) => service.object === object);
  for (const [index, service] of own.entries()) {
    const all = mesh.servicesOf(service.host);
    const first = all.find(({ namespace }) => namespace === service.namespace);
    if (first !== undefined && first !== service && !mergesWith(first, service)) {
      const { kind, metadata } = first.object;
      report(
        "warning",
        Code.Unreachable,
        ["spec", "hosts", index],
        `${kind} ${metadata.namespace}/${metadata.name} has host ${service.host} too, and alone counts: only ServiceEntries with the same resolution, labels, workloadSelector and exportTo are put together`,
      );
    }
    for (const other of all) {
      if (other.object === object) continue;
      for (const port of service.ports) {
        const conflict = other.ports.find(({ number }) => number === port.number);
        if (conflict === undefined || conflict.protocol === port.protocol) continue;
        const { kind, metadata } = other.object;
        report(
          "warning",
          "IST0177",
          ["spec", "hosts", index],
          `${kind} ${metadata.namespace}/${metadata.name} has host ${service.host} too, and says that port ${port.number} speaks ${conflict.protocol} and not ${port.protocol}`,
        );
      }
    }
  }
  const [first] = own;
  if (first?.selector !== undefined && first.resolution !== "none" && !isWildcard(first.host) && mesh.endpointsOf(first).length === 0)
    report("warning", "IST0127", ["spec", "workloadSelector"], "no WorkloadEntry and no pod of the namespace has these labels");
}
