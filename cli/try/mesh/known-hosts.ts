import { isIP, isIPv6 } from "node:net";
import type { ProxyView, Service } from "../../../control/model/index.ts";
import { callableNames } from "../../../control/xds/types/route/domains.ts";

/** Where clients connect to that ask for a name which has no address in the mesh: Istio's ranges for them (its DNS proxy hands out addresses of these), which nobody else has. */
const UNKNOWN = { 4: "240.240.0.1", 6: "2001:2::1" } as const;

/** Resolves names as a workload of the mesh would: services by their virtual addresses. */
export class KnownHosts {
  private readonly view: ProxyView;
  private names: ReadonlyMap<string, Service> | undefined;
  private readonly unknown: string;

  constructor(view: ProxyView) {
    this.view = view;
    this.unknown = view.proxy().addresses.every(isIPv6) ? UNKNOWN[6] : UNKNOWN[4];
  }

  /** @param host without port, as it stands in a request */
  addressOf(host: string): string {
    const literal = host.replace(/^\[(.*)\]$/, "$1");
    if (isIP(literal) !== 0) return literal;
    const service = (this.names ??= this.allNames()).get(host.toLowerCase().replace(/\.$/, ""));
    return (service === undefined ? undefined : this.addressOfService(service)) ?? this.unknown;
  }

  private allNames(): ReadonlyMap<string, Service> {
    const hosts = new Set(this.view.hosts());
    const names = new Map<string, Service>();
    for (const host of hosts) {
      const service = this.view.service(host);
      if (service !== undefined)
        for (const name of callableNames(this.view, service, (short) => hosts.has(short))) names.set(name, service);
    }
    return names;
  }

  /** A virtual address, the first of a range; without one, as of headless services, that of a workload. */
  private addressOfService({ host, addresses }: Service): string | undefined {
    const virtual = addresses
      .map((address) => address.replace(/\/\d+$/, ""))
      .filter((address) => address !== "0.0.0.0" && address !== "::");
    return virtual[0] ?? this.view.endpoints(host).find(({ address }) => isIP(address) !== 0)?.address;
  }
}
