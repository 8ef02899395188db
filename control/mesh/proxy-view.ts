import {
  type Client,
  compareAge,
  type Endpoint,
  type Gateway,
  type GatewayRouting,
  type HealthReportTarget,
  type HostMark,
  type HostName,
  type Identities,
  type Inbound,
  isVisible,
  type JwksUri,
  type Labels,
  type MeshSettings,
  type ModuleState,
  type MtlsMode,
  mergesWith,
  mtlsModeOf,
  type Plugin,
  type Policies,
  type PolicyKind,
  type Proxy,
  type ProxySettings,
  type ProxyView,
  type Routing,
  type Secret,
  selects,
  type Service,
  type SidecarScope,
  type TrafficRules,
  type WorkloadMtls,
  workloadMtls,
} from "../model/index.ts";
import { cell, type OwnFact, type OwnFactName, Reads } from "./cell.ts";
import { identitiesOf } from "./identities.ts";
import { inboundOf } from "./inbound.ts";
import type { Mesh } from "./mesh.ts";
import { labelsOf } from "./peers.ts";
import { applicable, MESH_GATEWAY, routingsOf, sharedHost } from "./routing-choice.ts";
import { mergedService } from "./merged-service.ts";
import { importedHosts, imports, sidecarOf } from "./scope.ts";
import { trafficRulesFor } from "./traffic-rules.ts";
import { workloadOf } from "./workload-of.ts";

const NOBODY: Identities = { exact: [], prefixes: [] };
const METADATA = "metadata ";

/** The view of one proxy at one moment; it writes down which cells it was asked about. */
export class MeshProxyView implements ProxyView {
  private readonly mesh: Mesh;
  private readonly self: Proxy;
  private readonly common: Client;
  private readonly reads: Reads;

  constructor(mesh: Mesh, proxy: Proxy, client: Client, reads: Reads) {
    this.mesh = mesh;
    this.self = proxy;
    this.common = client;
    this.reads = reads;
  }

  proxy(): Proxy {
    return this.own("proxy", () => this.self);
  }

  client(): Client {
    return this.common;
  }

  settings(): MeshSettings {
    this.reads.cells.add(cell.settings);
    return this.mesh.settings;
  }

  proxySettings(): ProxySettings {
    this.reads.cells.add(cell.settings).add(cell.proxySettings);
    const { rootNamespace, defaultConfig } = this.mesh.settings;
    const { namespace, labels, settings: own } = this.common;
    const mine = this.mesh
      .proxySettings()
      .filter((each) => (each.namespace === namespace || each.namespace === rootNamespace) && selects(each.selector, labels));
    if (mine.length === 0 && own === undefined) return defaultConfig;
    // The root namespace first, then the namespace, then the workload; of equals the oldest is the last word.
    const rank = (each: (typeof mine)[number]): number =>
      each.namespace === rootNamespace ? 0 : Object.keys(each.selector).length === 0 ? 1 : 2;
    const ordered = mine.toSorted((a, b) => rank(a) - rank(b) || compareAge(b.object, a.object));
    const ofMesh = ordered.reduce<ProxySettings>((settings, { settings: { environmentVariables, ...override } }) => {
      // Name by name, as protocol buffers merge.
      return { ...settings, ...override, environmentVariables: { ...settings.environmentVariables, ...environmentVariables } };
    }, defaultConfig);
    return {
      ...ofMesh,
      ...own,
      gatewayTopology: { ...ofMesh.gatewayTopology, ...own?.gatewayTopology },
      proxyHeaders: { ...ofMesh.proxyHeaders, ...own?.proxyHeaders },
      connectionSettings: { ...ofMesh.connectionSettings, ...own?.connectionSettings },
    };
  }

  hosts(): readonly HostName[] {
    return importedHosts(this.mesh, this.common, this.reads).services;
  }

  routedHosts(): readonly HostName[] {
    return importedHosts(this.mesh, this.common, this.reads).routed;
  }

  service(host: HostName): Service | undefined {
    this.reads.cells.add(cell.service(host));
    const { namespace } = this.common;
    const visible = this.mesh.servicesOf(host).filter((service) => isVisible(service.exportTo, service.namespace, namespace));
    // Whether a single one is imported is a question of `hosts`: a route may lead to one that is not.
    const imported = visible.length > 1 ? visible.filter((service) => this.imports(service.namespace, [host])) : [];
    const candidates = imported.length > 0 ? imported : visible;
    const chosen = candidates.find((service) => service.namespace === namespace) ?? candidates[0];
    if (chosen === undefined || candidates.length < 2) return chosen;
    return mergedService(
      chosen,
      candidates.filter((each) => each !== chosen && mergesWith(chosen, each)),
    );
  }

  /** Whether the client's Sidecar lets an object of a namespace in by one of its hosts. */
  private imports(from: string, hosts: readonly HostName[]): boolean {
    const egress = this.sidecar()?.egress;
    return hosts.some((host) => imports(egress, from, host, this.common.namespace));
  }

  endpoints(host: HostName): readonly Endpoint[] {
    const service = this.service(host);
    this.reads.cells.add(cell.endpoints(host));
    return service === undefined ? [] : this.mesh.endpointsOf(service);
  }

  identities(host: HostName): Identities {
    const service = this.service(host);
    this.reads.cells.add(cell.identities(host)).add(cell.settings);
    return service === undefined ? NOBODY : identitiesOf(service, this.mesh.endpointsOf(service), this.mesh.settings);
  }

  endpointMtls(endpoint: Endpoint, port: number): MtlsMode {
    const { namespace } = endpoint;
    return mtlsModeOf(
      this.workloadMtls(namespace, () => labelsOf(endpoint, this.mesh.index, this.mesh.settings.rootNamespace)),
      port,
    );
  }

  /** What policies say of a workload; its labels are looked for where there are policies. */
  private workloadMtls(namespace: string, labels: () => Labels): WorkloadMtls {
    const { rootNamespace } = this.mesh.settings;
    this.reads.cells.add(cell.settings).add(cell.peerAuthentications(namespace)).add(cell.peerAuthentications(rootNamespace));
    const { peerAuthentications } = this.mesh.index;
    if (peerAuthentications.size === 0) return workloadMtls([], rootNamespace, { namespace, labels: {} });
    const policies = [...new Set([namespace, rootNamespace])].flatMap((each) => peerAuthentications.get(each) ?? []);
    return workloadMtls(policies, rootNamespace, { namespace, labels: labels() });
  }

  trafficRules(host: HostName, side: "outbound" | "inbound" = "outbound"): TrafficRules | undefined {
    this.reads.cells.add(cell.settings);
    // Istio's `SidecarScope.DestinationRule`: a selector is for clients.
    const client = side === "outbound" ? this.common : { namespace: this.common.namespace, labels: undefined };
    return trafficRulesFor(this.mesh, client, host, this.service(host), this.reads);
  }

  routing(host: HostName): Routing | undefined {
    for (const routing of routingsOf(this.mesh, this.common, MESH_GATEWAY, host, this.reads)) {
      if (!this.imports(routing.object.metadata.namespace, routing.hosts)) continue;
      return applicable(this.mesh, this.common, MESH_GATEWAY, routing, this.reads);
    }
    return undefined;
  }

  isMirrored(host: HostName): boolean {
    this.reads.cells.add(cell.mirrors(host));
    return this.mesh.index.mirroring.has(host);
  }

  sidecar(): SidecarScope | undefined {
    this.reads.cells.add(cell.sidecars).add(cell.settings);
    return sidecarOf(this.mesh, this.common);
  }

  inbound(): Inbound {
    return this.own("inbound", (reads) => inboundOf(this.mesh, this.self, reads));
  }

  mtls(): WorkloadMtls {
    const labels = this.workloadLabels();
    return this.workloadMtls(this.common.namespace, () => labels);
  }

  /** Labels that the proxy brought, and those of its workload in the mesh, which go before them. */
  private workloadLabels(): Labels {
    return this.own("labels", (reads) => {
      const { addresses, labels } = this.self;
      for (const address of addresses) reads.cells.add(cell.address(address));
      const workload = workloadOf(this.mesh.index, this.self);
      return workload === undefined ? labels : { ...labels, ...workload.labels };
    });
  }

  /** A fact of the proxy itself, as whatever is made for it asks for it. */
  ownFact(name: OwnFactName): OwnFact {
    const reads = new Reads();
    const view = new MeshProxyView(this.mesh, this.self, this.common, reads);
    return { value: view.valueOf(name), cells: reads.all };
  }

  private valueOf(name: OwnFactName): unknown {
    if (name === "proxy") return this.proxy();
    if (name === "inbound") return this.inbound();
    return name === "labels" ? this.workloadLabels() : this.metadata(name.slice(METADATA.length));
  }

  metadata(key: string): string | undefined {
    return this.own(`${METADATA}${key}`, () => {
      const value = this.self.metadata[key];
      return typeof value === "string" ? value : undefined;
    });
  }

  private own<Value>(name: OwnFactName, find: (reads: Reads) => Value): Value {
    const reads = new Reads();
    const value = find(reads);
    this.reads.own.set(name, { value, cells: reads.cells });
    return value;
  }

  gateways(): readonly Gateway[] {
    this.reads.cells.add(cell.gateways);
    return this.mesh.gateways().filter(({ selector }) => selects(selector, this.common.labels));
  }

  gatewayHosts(gateway: string, server?: number): readonly HostName[] {
    this.reads.cells.add(cell.gateways).add(cell.gatewayHosts(gateway));
    const hosts = new Set<HostName>();
    for (const routing of this.mesh.index.gatewayRoutings.get(gateway) ?? []) {
      for (const serverHost of this.serverHosts(gateway, routing, server)) {
        for (const host of routing.hosts) {
          const shared = sharedHost(serverHost, host);
          if (shared !== undefined) hosts.add(shared);
        }
      }
    }
    return [...hosts].sort();
  }

  gatewayRouting(gateway: string, host: HostName, server?: number): GatewayRouting | undefined {
    this.reads.cells.add(cell.gateways);
    const found = [...routingsOf(this.mesh, this.common, gateway, host, this.reads)]
      .filter((routing) => this.serves(gateway, routing, host, server))
      .toSorted((a, b) => compareAge(a.object, b.object))
      .map((routing) => applicable(this.mesh, this.common, gateway, routing, this.reads));
    if (found.length === 0) return undefined;
    return {
      http: found.map(({ http }) => http),
      tls: found.flatMap(({ tls }) => tls),
      tcp: found.flatMap(({ tcp }) => tcp),
    };
  }

  /** Whether exactly this host is what a server and the routing have in common; a routing for a wildcard says nothing of a host that another names. */
  private serves(gateway: string, routing: Routing, host: HostName, server: number | undefined): boolean {
    for (const serverHost of this.serverHosts(gateway, routing, server)) {
      if (routing.hosts.some((each) => sharedHost(serverHost, each) === host)) return true;
    }
    return false;
  }

  /** Hosts of a gateway's servers that take routings of this one's namespace. */
  private *serverHosts(gateway: string, routing: Routing, server: number | undefined): Iterable<HostName> {
    for (const { name, namespace, servers } of this.mesh.gateways()) {
      if (`${namespace}/${name}` !== gateway) continue;
      for (const { hosts, index } of servers) {
        if (server !== undefined && index !== server) continue;
        for (const each of hosts) {
          const from = each.namespace === "." ? namespace : each.namespace;
          if (from === "*" || from === routing.object.metadata.namespace) yield each.host;
        }
      }
    }
  }

  secret(name: string): Secret | undefined {
    const { namespace } = this.common;
    this.reads.cells.add(cell.secret(namespace, name));
    return this.mesh.secret(namespace, name);
  }

  hostMarks(host: HostName): readonly HostMark[] {
    this.reads.cells.add(cell.endpoints(host));
    return this.mesh.index.health.marks.get(host) ?? [];
  }

  healthReports(): HealthReportTarget | undefined {
    this.reads.cells.add(cell.healthReports);
    return this.mesh.index.health.reports;
  }

  discoveredKeys(issuer: string): JwksUri | undefined {
    this.reads.cells.add(cell.issuer(issuer));
    return this.mesh.issuerKeys(issuer)?.uri;
  }

  namespacePolicies<Kind extends PolicyKind>(kind: Kind): readonly Policies[Kind][] {
    const { namespace } = this.common;
    const namespaces = new Set([namespace, this.mesh.settings.rootNamespace]);
    this.reads.cells.add(cell.settings);
    for (const each of namespaces) this.reads.cells.add(cell.policies(kind, each));
    return [...namespaces].flatMap((each) => this.mesh.policiesOf(kind, each));
  }

  policies<Kind extends PolicyKind>(kind: Kind): readonly Policies[Kind][] {
    const policies = this.namespacePolicies(kind);
    // Only where some policy selects do proxies differ.
    const labels = policies.some(({ selector }) => Object.keys(selector).length > 0) ? this.workloadLabels() : {};
    return policies.filter(({ selector }) => selects(selector, labels)).toSorted((a, b) => compareAge(a.object, b.object));
  }

  roots(): readonly string[] {
    this.reads.cells.add(cell.roots);
    return this.mesh.index.roots;
  }

  module(key: string): ModuleState | undefined {
    this.reads.cells.add(cell.module(key));
    return this.mesh.module(key);
  }

  plugins(): readonly Plugin[] {
    this.reads.cells.add(cell.plugins).add(cell.settings);
    const { namespace, labels } = this.common;
    const phases: readonly Plugin["phase"][] = ["AUTHN", "AUTHZ", "STATS", "UNSPECIFIED_PHASE"];
    return this.mesh
      .plugins()
      .filter(
        (plugin) =>
          (plugin.namespace === namespace || plugin.namespace === this.mesh.settings.rootNamespace) && selects(plugin.selector, labels),
      )
      .toSorted((a, b) => phases.indexOf(a.phase) - phases.indexOf(b.phase) || b.priority - a.priority || compareAge(a.object, b.object));
  }
}
