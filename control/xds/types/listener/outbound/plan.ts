import { isIP } from "node:net";
import {
  compareAge,
  covers,
  type HostName,
  type IpMode,
  isHttp,
  type Protocol,
  type ProxyView,
  type Service,
  type SidecarEgress,
  type SidecarPort,
} from "../../../../model/index.ts";
import { allPortsName, HTTP_PROXY } from "../../route/all-ports.ts";
import { anyAddress, type Binds, isAnyAddress, loopback } from "../address.ts";

/** A listener for connections that workloads make, and what stands behind it: enough to make it, and nothing more, so it is made again only when this changes. */
export interface OutboundListener {
  readonly bind: string;
  /** Further addresses: of the other family, where the proxy has both. */
  readonly more: readonly string[];
  readonly port: number;
  /** False where connections come by way of the redirecting listener. */
  readonly bindToPort: boolean;
  readonly protocol: Protocol;
  readonly chains: readonly PlannedChain[];
}

export type PlannedChain =
  | {
      readonly kind: "http";
      readonly protocol: Protocol;
      /** Takes only what begins with HTTP, because other connections come to the listener too. */
      readonly sniffed: boolean;
      /** Only this host is served, because the listener is of its address; undefined: every host of the port. */
      readonly host: HostName | undefined;
      /** Every host of every port is served, by the route configuration of this name. */
      readonly allPorts?: string | undefined;
    }
  | {
      readonly kind: "tcp";
      readonly host: HostName;
      readonly protocol: Protocol;
      readonly port: number;
      readonly ranges: readonly string[];
    };

interface Entry {
  readonly binds: Binds;
  readonly port: number;
  readonly bindToPort: boolean;
  /** Of the first service; conflicts are told by it. */
  readonly first: Protocol;
  protocol: Protocol;
  chains: PlannedChain[];
  locked: boolean;
}

/** What a service is given a place for: the port of the listener, which a Sidecar may have chosen. */
interface Placement {
  readonly service: Service;
  readonly port: SidecarPort;
  readonly binds: Binds | undefined;
  readonly bindToPort: boolean;
  /** See {@link PlannedChain}. */
  readonly allPorts?: string | undefined;
}

/**
 * The outbound listeners of a sidecar: those that its Sidecar lists by port, then, where a listener without a port says so (or there is no Sidecar), one for each port of HTTP
 * and one for each address and port of other services. Which service wins a place, and which share one, is Istio's `buildSidecarOutboundListener`.
 */
export function planOutbound(view: ProxyView): readonly OutboundListener[] {
  const entries = new Map<string, Entry>();
  const { interceptionMode, namespace } = view.client();
  const services = view
    .hosts()
    .map((host) => view.service(host))
    .filter((service) => service !== undefined)
    .toSorted((a, b) => compareAge(a.object, b.object));
  for (const egress of listenersOf(view)) {
    const physical = interceptionMode === "NONE" || egress.captureMode === "NONE" || egress.bind?.startsWith("unix://") === true;
    const binds: Binds | undefined = egress.bind !== undefined ? [egress.bind] : physical ? loopback(view.client()) : undefined;
    const mine = services.filter((service) => imports(egress, service, namespace));
    const { port } = egress;
    if (port !== undefined) {
      const allPorts = allPortsName(egress);
      // Who comes to a port means a service's port of that number (Istio's `serviceMatchingListenerPort`).
      const meant = allPorts === undefined ? mine.filter(({ ports }) => ports.some(({ number }) => number === port.number)) : mine;
      for (const service of meant) place(view, entries, { service, port, binds, bindToPort: physical, allPorts });
      continue;
    }
    for (const entry of entries.values()) entry.locked = true;
    for (const service of mine) {
      for (const own of service.ports) {
        if (binds === undefined && isHeadless(service) && isRaw(own.protocol)) placeHeadless(view, entries, service, own);
        else place(view, entries, { service, port: own, binds, bindToPort: physical });
      }
    }
  }
  const listeners = [...entries.values()].map(({ binds: [bind, ...more], port, bindToPort, protocol, chains }) => ({
    bind,
    more,
    port,
    bindToPort,
    protocol,
    chains,
  }));
  return [...listeners, ...httpProxy(view).filter(({ bind, port }) => !entries.has(`${bind} ${port}`))];
}

/** Istio's `buildHTTPProxy`. */
function httpProxy(view: ProxyView): readonly OutboundListener[] {
  const port = view.settings().proxyHttpPort;
  if (port === 0) return [];
  const [bind, ...more] = loopback(view.client());
  return [
    {
      bind,
      more,
      port,
      bindToPort: true,
      protocol: "http",
      chains: [{ kind: "http", protocol: "http", sniffed: false, host: undefined, allPorts: HTTP_PROXY }],
    },
  ];
}

/** A Sidecar without egress listeners imports everything, as no Sidecar does. */
function listenersOf(view: ProxyView): readonly SidecarEgress[] {
  const egress = view.sidecar()?.egress ?? [];
  if (egress.length > 0) return egress;
  return [{ port: undefined, bind: undefined, captureMode: "DEFAULT", hosts: [{ namespace: "*", host: "*" }] }];
}

function imports({ hosts }: SidecarEgress, { namespace, host }: Service, own: string): boolean {
  return hosts.some((each) => {
    const from = each.namespace === "." ? own : each.namespace;
    return (from === "*" || from === namespace) && (covers(each.host, host) || covers(host, each.host));
  });
}

function isHeadless({ headless, resolution, addresses }: Service): boolean {
  return (headless || resolution === "none") && addresses.length === 0;
}

/** Whether bytes are passed on: all that is neither HTTP nor datagrams. */
function isRaw(protocol: Protocol): boolean {
  return !isHttp(protocol) && protocol !== "udp";
}

/**
 * Clients of a headless service connect to its workloads' own addresses: those are where its listeners are. HTTP does not need that, as the original destination is where
 * the cluster connects to.
 */
function placeHeadless(view: ProxyView, entries: Map<string, Entry>, service: Service, port: SidecarPort): void {
  const addresses = view
    .endpoints(service.host)
    .map(({ address }) => address)
    .filter((address) => isIP(address) !== 0);
  // A ServiceEntry that lists nobody means every address; a service of Kubernetes without workloads means none.
  if (addresses.length === 0 && !service.headless && service.selector === undefined)
    place(view, entries, { service, port, binds: undefined, bindToPort: false });
  for (const bind of new Set(addresses)) place(view, entries, { service, port, binds: [bind], bindToPort: false });
}

function place(view: ProxyView, entries: Map<string, Entry>, placement: Placement): void {
  const { service, port, binds } = placement;
  if (port.protocol === "udp") return;
  const any = anyAddress(view.client());
  if (binds !== undefined || isHttp(port.protocol)) return put(entries, placement, binds ?? any, []);
  const addresses = reachable(service.addresses, view.client().ipMode);
  const ranges = addresses.filter((address) => isRange(address));
  const single = addresses.filter((address) => !isRange(address)).map((address) => address.replace(/\/\d+$/, ""));
  for (const address of single) put(entries, placement, [address], []);
  // No listener can be of a range: it is of every address, and a filter chain takes the range.
  if (ranges.length > 0 || single.length === 0) put(entries, placement, any, ranges);
}

/** Addresses of the proxy's families; all where there is none of them (Istio's `GetAllAddressesForProxy`). */
function reachable(addresses: readonly string[], ipMode: IpMode): readonly string[] {
  if (ipMode === "dual") return addresses;
  const family = ipMode === "ipv6" ? 6 : 4;
  const mine = addresses.filter((address) => isIP(address.split("/")[0] ?? "") === family);
  return mine.length > 0 ? mine : addresses;
}

function isRange(address: string): boolean {
  const [ip = "", length] = address.split("/");
  return length !== undefined && Number(length) < (isIP(ip) === 6 ? 128 : 32);
}

function put(entries: Map<string, Entry>, placement: Placement, binds: Binds, ranges: readonly string[]): void {
  const { service, port, allPorts } = placement;
  const [bind] = binds;
  const key = `${bind} ${port.number}`;
  const current = entries.get(key);
  if (current?.locked === true) return;
  const { protocol } = port;
  const tcp: PlannedChain = { kind: "tcp", host: service.host, protocol, port: clusterPort(service, port.number), ranges };
  if (isHttp(protocol)) {
    if (current !== undefined && !isTcp(current.protocol)) return;
    const sniffed = isAnyAddress(bind);
    const http: PlannedChain = { kind: "http", protocol, sniffed: sniffed || current !== undefined, host: undefined, allPorts };
    if (current === undefined) {
      // With a chain for other connections beside it, it is no listener of HTTP alone any more.
      entries.set(key, entry(placement, binds, sniffed ? "auto" : protocol, [http]));
    } else if (mayShare(current, protocol)) {
      current.chains.push(http);
      current.protocol = "auto";
    }
    return;
  }
  if (isTcp(protocol)) {
    if (current === undefined) entries.set(key, entry(placement, binds, protocol, [tcp]));
    else if (mayShare(current, protocol)) {
      if (isHttp(current.protocol)) {
        current.chains = current.chains.map((chain) => (chain.kind === "http" ? { ...chain, sniffed: true } : chain));
        current.protocol = "auto";
      }
      current.chains.push(tcp);
    }
    return;
  }
  const http: PlannedChain = { kind: "http", protocol, sniffed: true, host: isAnyAddress(bind) ? undefined : service.host, allPorts };
  if (current === undefined) entries.set(key, entry(placement, binds, protocol, [tcp, http]));
  else if (mayShare(current, protocol)) {
    if (isHttp(current.protocol)) current.chains = [tcp, http];
    else if (isTcp(current.protocol)) current.chains.push(tcp, http);
    else current.chains.push(tcp);
    current.protocol = "auto";
  }
}

function entry({ port, bindToPort }: Placement, binds: Binds, protocol: Protocol, chains: PlannedChain[]): Entry {
  return { binds, port: port.number, bindToPort, first: port.protocol, protocol, chains, locked: false };
}

function isTcp(protocol: Protocol): boolean {
  return isRaw(protocol) && protocol !== "auto";
}

/** In MongoDB and MySQL the server speaks first, so nobody can wait there for the client's first bytes. */
function mayShare({ protocol }: Entry, incoming: Protocol): boolean {
  const alone = (each: Protocol): boolean => each === "mongo" || each === "mysql";
  return protocol === incoming || (!alone(protocol) && !alone(incoming));
}

/** The port of the cluster: where a Sidecar's port is none of the service's, the only one that the service has. */
function clusterPort({ ports }: Service, listenPort: number): number {
  return ports.length === 1 ? (ports[0]?.number ?? listenPort) : listenPort;
}
