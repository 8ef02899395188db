import { isIP } from "node:net";
import { formatHostAddress, type HostGroup, type HostName, type OutlierDetection, policyFor, type Service } from "../model/index.ts";
import { Reads } from "./cell.ts";
import type { Mesh } from "./mesh.ts";
import { trafficRulesFor } from "./traffic-rules.ts";

/** Requests of a caller from which its word counts, at the most. */
const REQUESTS = 5;
/** Istio's and Envoy's, in milliseconds and per cent. */
const DEFAULTS = { interval: 10_000, baseEjectionTime: 30_000, maxEjectionPercent: 10, minHealthPercent: 0 };

const known = new WeakMap<Mesh, Map<string, HostGroup | undefined>>();

/**
 * The hosts behind a port, with the limits of the DestinationRule that the service's own namespace has for it: one for all, whatever rules of their own clients have. What DNS finds is none of them.
 */
export function hostGroup(mesh: Mesh, host: HostName, port: number): HostGroup | undefined {
  let groups = known.get(mesh);
  if (groups === undefined) known.set(mesh, (groups = new Map<string, HostGroup | undefined>()));
  const key = `${port} ${host}`;
  if (!groups.has(key)) groups.set(key, find(mesh, host, port));
  return groups.get(key);
}

/** Ports with limits: those whose hosts may be judged. */
export function* judgedPorts(
  mesh: Mesh,
): Iterable<{ readonly service: HostName; readonly port: number; readonly subsets: readonly string[] }> {
  for (const service of mesh.services()) {
    for (const { number, protocol } of service.ports) {
      if (protocol === "udp" || limitsOf(mesh, service, number) === undefined) continue;
      yield { service: service.host, port: number, subsets: rulesOf(mesh, service)?.subsets.map(({ name }) => name) ?? [] };
    }
  }
}

function find(mesh: Mesh, host: HostName, port: number): HostGroup | undefined {
  const services = mesh.servicesOf(host).filter(({ ports }) => ports.some(({ number }) => number === port));
  const [first] = services;
  if (first === undefined) return undefined;
  const hosts = new Map<string, boolean>();
  for (const service of services) {
    const name = service.ports.find(({ number }) => number === port)?.name ?? "";
    for (const { address, ports, health } of mesh.endpointsOf(service)) {
      const own = ports[name];
      if (own === undefined || isIP(address) === 0 || health === "draining") continue;
      hosts.set(formatHostAddress(address, own), health === "healthy");
    }
  }
  return { hosts: Array.from(hosts, ([address, healthy]) => ({ address, healthy })), limits: limitsOf(mesh, first, port) };
}

function rulesOf(mesh: Mesh, service: Service) {
  return trafficRulesFor(mesh, { namespace: service.namespace, labels: {} }, service.host, service, new Reads());
}

function limitsOf(mesh: Mesh, service: Service, port: number): HostGroup["limits"] {
  const { outlierDetection: outlier, loadBalancer } = policyFor(rulesOf(mesh, service), port);
  if (outlier === undefined) return undefined;
  const baseEjectionTime = outlier.baseEjectionTime ?? DEFAULTS.baseEjectionTime;
  return {
    requests: requestsOf(outlier),
    interval: outlier.interval ?? DEFAULTS.interval,
    baseEjectionTime,
    maxEjectionPercent: outlier.maxEjectionPercent ?? DEFAULTS.maxEjectionPercent,
    minHealthPercent: outlier.minHealthPercent ?? DEFAULTS.minHealthPercent,
    returnTime: loadBalancer?.warmup?.duration ?? baseEjectionTime,
  };
}

/** Who takes a host out after fewer failures sees no more of them. */
function requestsOf({ consecutive5xxErrors = REQUESTS, consecutiveGatewayErrors = 0 }: OutlierDetection): number {
  return Math.min(REQUESTS, ...[consecutive5xxErrors, consecutiveGatewayErrors].filter((count) => count > 0));
}
