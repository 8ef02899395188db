import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { ask, type Question, type Told } from "../../types/testing/ask.ts";
import { echo } from "../../types/testing/echo-mesh.ts";
import { exchange, freePort, httpRequest, RunningProxy } from "../../types/testing/running-proxy.ts";
import { viewOfYaml, type YamlProxy } from "../../types/testing/yaml-view.ts";
import { XDS_TYPES } from "../../types/index.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;

/** A patch as users write it, in a few words. @param match of the listener, the routes or the cluster, by what it is applied to */
export function patch(applyTo: string, operation: string, match: object | undefined, value?: object, more: object = {}): object {
  const { context, ...rest } = { context: "SIDECAR_OUTBOUND", ...more } as { readonly context: string };
  return { applyTo, match: { context, ...match }, patch: { operation, ...(value === undefined ? {} : { value }), ...rest } };
}

/** The filters of a listener's HTTP connection managers, or one of them. */
export function httpFilter(port: number | undefined, subFilter?: string): object {
  const filter = {
    name: "envoy.filters.network.http_connection_manager",
    ...(subFilter === undefined ? {} : { subFilter: { name: subFilter } }),
  };
  return { listener: { ...(port === undefined ? {} : { portNumber: port }), filterChain: { filter } } };
}

export const ROUTER = "envoy.filters.http.router";

/** A filter that runs this for requests; `handle` is Lua's. */
export function lua(name: string, request: string): object {
  const inline_string = `function envoy_on_request(handle) ${request} end`;
  return { name, typed_config: { "@type": type("filters.http.lua.v3.Lua"), default_source_code: { inline_string } } };
}

/** A filter that writes its name into `x-order`. */
export const tells = (name: string): object => lua(name, `handle:headers():add("x-order", "${name}")`);

/** A filter that answers requests for `/answer` itself. */
export const answers = (name: string): object =>
  lua(name, `if handle:headers():get(":path") == "/answer" then handle:respond({ [":status"] = "418" }, "") end`);

/** A network filter that lets connections on, or none. */
export function gate(name: string, action: "ALLOW" | "DENY"): object {
  const policies = { any: { permissions: [{ any: true }], principals: [{ any: true }] } };
  return { name, typed_config: { "@type": type("filters.network.rbac.v3.RBAC"), stat_prefix: name, rules: { action, policies } } };
}

/** A network filter that passes bytes on. */
export function passes(cluster: string): object {
  return { name: "passes", typed_config: { "@type": type("filters.network.tcp_proxy.v3.TcpProxy"), stat_prefix: "passes", cluster } };
}

/** A listener filter that ends connections without a header of the PROXY protocol; another that does nothing. */
export const demands = (name: string): object => ({
  name,
  typed_config: { "@type": type("filters.listener.proxy_protocol.v3.ProxyProtocol") },
});
export const looks = (name: string): object => ({
  name,
  typed_config: { "@type": type("filters.listener.tls_inspector.v3.TlsInspector") },
});

/** Answers whatever begins with a path by a teapot. */
export const teapot = (name: string, prefix = `/${name}`): object => ({ name, match: { prefix }, direct_response: { status: 418 } });

export const header = (value: string): object => ({ response_headers_to_add: [{ header: { key: "x-patched", value } }] });

/** A real Envoy with a workload, its services and a gateway's server; EnvoyFilters change what it has. */
export class PatchedProxy implements AsyncDisposable {
  readonly app: Upstream;
  readonly proxy: RunningProxy;
  /** Free, or of the gateway's server. */
  readonly port: number;
  private readonly options: YamlProxy;

  private constructor(app: Upstream, proxy: RunningProxy, port: number, options: YamlProxy) {
    this.app = app;
    this.proxy = proxy;
    this.port = port;
    this.options = options;
  }

  static async start(options: YamlProxy): Promise<PatchedProxy> {
    const app = await startUpstream({ script: echo("reviews-v1"), keep: 1_000 });
    const port = await freePort();
    const nodeId = options.nodeId === undefined ? {} : { nodeId: options.nodeId };
    const proxy = await RunningProxy.start({ view: viewOfYaml(mesh(app.port, port, []), options), types: XDS_TYPES, ...nodeId });
    return new PatchedProxy(app, proxy, port, options);
  }

  /** Has one EnvoyFilter with these patches in force. Throws where Envoy refuses what became of them. */
  async apply(patches: readonly object[], more: readonly object[] = []): Promise<void> {
    await this.proxy.update({ view: viewOfYaml(mesh(this.app.port, this.port, [filterOf(patches), ...more]), this.options) });
    const refusals = this.proxy.refusals();
    if (refusals.length > 0) throw new Error(refusals.join("\n"));
  }

  /** A request of the workload. */
  outbound(question: Question = {}, port = 9080): Promise<Told> {
    return ask(this.proxy.connection("outbound", `10.9.0.1:${port}`), { host: "reviews", ...question });
  }

  /** A request to the workload. @param port 8080, of HTTP; or 7000, of anything */
  inbound(question: Question = {}, port = 8080): Promise<Told> {
    return ask(this.proxy.connection("inbound", `10.0.0.1:${port}`), { host: "client", ...question });
  }

  /** A request to the gateway, or to what else listens there. */
  direct(question: Question = {}): Promise<Told> {
    return ask({ port: this.port }, { host: "app.example.com", ...question });
  }

  /** What comes back of a connection of the workload that carries no HTTP for Envoy; of the app's answer its status. */
  async bytes(destination = "10.9.0.1:9307"): Promise<string> {
    return statusOr(await this.proxy.redirected("outbound", destination, httpRequest("reviews")));
  }

  async directBytes(): Promise<string> {
    return statusOr(await exchange({ port: this.port }, httpRequest("reviews")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.app[Symbol.asyncDispose]();
  }
}

function statusOr(text: string): string {
  return /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? text;
}

export function filterOf(configPatches: readonly object[], more: object = {}, name = "patches"): object {
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { configPatches, ...more },
  };
}

function mesh(app: number, port: number, objects: readonly object[]): string {
  const ports = [
    { name: "http", port: 9080 },
    { name: "tcp-data", port: 9307 },
  ];
  const istio = (kind: string, name: string, spec: object) => ({ apiVersion: "networking.istio.io/v1", kind, metadata: { name }, spec });
  const all = [
    { apiVersion: "v1", kind: "MeshConfig", metadata: { name: "istio" }, outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } },
    istio("WorkloadEntry", "reviews", { address: "127.0.0.1", ports: { http: app, "tcp-data": app }, labels: { app: "reviews" } }),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "reviews" },
      spec: { clusterIP: "10.9.0.1", selector: { app: "reviews" }, ports },
    },
    istio("VirtualService", "reviews", {
      hosts: ["reviews"],
      http: [
        { name: "old", match: [{ uri: { prefix: "/old" } }], redirect: { uri: "/new" } },
        { name: "all", route: [{ destination: { host: "reviews", port: { number: 9080 } } }] },
      ],
    }),
    istio("Sidecar", "client", {
      ingress: [
        { port: { number: 8080, protocol: "HTTP", name: "http" }, defaultEndpoint: `127.0.0.1:${app}` },
        // Of which nobody says what is spoken there.
        { port: { number: 7000, name: "any" }, defaultEndpoint: `127.0.0.1:${app}` },
      ],
      egress: [{ hosts: ["*/*"] }],
    }),
    istio("Gateway", "ingress", {
      selector: { app: "ingress" },
      servers: [{ port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*.example.com"] }],
    }),
    istio("VirtualService", "app", {
      hosts: ["app.example.com"],
      gateways: ["ingress"],
      http: [{ name: "app", route: [{ destination: { host: "reviews", port: { number: 9080 } } }] }],
    }),
    ...objects,
  ];
  return all.map((each) => JSON.stringify(each)).join("\n---\n");
}
