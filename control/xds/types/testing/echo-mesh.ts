import { type Script, startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { XDS_TYPES } from "../index.ts";
import { ask, ECHO_HEADER, type Question, type Seen, type Told } from "./ask.ts";
import { freePort, RunningProxy } from "./running-proxy.ts";
import { viewOfYaml, type YamlProxy } from "./yaml-view.ts";

/** Workloads `APP-VERSION`, each an upstream of its own; those of an app stand behind a service of that name. */
const WORKLOADS = ["reviews-v1", "reviews-v2", "ratings-v1", "admin-v1", "shadow-v1", "shadow-v2"] as const;
export type Workload = (typeof WORKLOADS)[number];

/** A VirtualService, as users write it. @param http the list of its routes */
export function virtualService(name: string, hosts: readonly string[], http: unknown, more: object = {}): object {
  const { namespace = "default", ...spec } = more as { readonly namespace?: string };
  return { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: { name, namespace }, spec: { hosts, http, ...spec } };
}

/** A destination of `http[].route`. @param name the host; `HOST/SUBSET` and `HOST:PORT` for parts of it */
export function to(name: string, more: object = {}): object {
  const [, host = name, subset, port] = /^([^/:]*)(?:\/([^:]*))?(?::(\d+))?$/.exec(name) ?? [];
  return {
    destination: { host, ...(subset === undefined ? {} : { subset }), ...(port === undefined ? {} : { port: { number: Number(port) } }) },
    ...more,
  };
}

export interface EchoMeshOptions extends YamlProxy {
  /** Objects beside the services; a function where they need a port of this machine that is free. */
  readonly objects: readonly object[] | ((port: number) => readonly object[]);
  /** Workloads that do something else than to tell what they saw. */
  readonly scripts?: Partial<Record<Workload, Script>>;
}

/**
 * A real Envoy in a mesh whose workloads answer with what they saw. `reviews` is a service of one port (80) and two subsets, `v1` and `v2`, and one (`none`) that nobody is in; `ratings` has two ports: 80, and 9080
 * where another workload (`admin-v1`) listens; `shadow` is for copies of requests, and `nobody` has no workload.
 */
export class EchoMesh implements AsyncDisposable {
  readonly proxy: RunningProxy;
  /** Free for listeners of a gateway. */
  readonly port: number;
  private readonly upstreams: ReadonlyMap<Workload, Upstream>;
  private readonly options: EchoMeshOptions;

  private constructor(proxy: RunningProxy, port: number, upstreams: ReadonlyMap<Workload, Upstream>, options: EchoMeshOptions) {
    this.proxy = proxy;
    this.port = port;
    this.upstreams = upstreams;
    this.options = options;
  }

  static async start(options: EchoMeshOptions): Promise<EchoMesh> {
    const upstreams = new Map<Workload, Upstream>();
    for (const name of WORKLOADS) upstreams.set(name, await startUpstream({ script: options.scripts?.[name] ?? echo(name), keep: 5_000 }));
    const port = await freePort();
    const view = viewOfYaml(yamlOf(options, upstreams, port), options);
    const nodeId = options.nodeId === undefined ? {} : { nodeId: options.nodeId };
    const proxy = await RunningProxy.start({ view, types: XDS_TYPES, ...nodeId });
    if (proxy.refusals().length > 0) throw new Error(proxy.refusals().join("\n"));
    return new EchoMesh(proxy, port, upstreams, options);
  }

  /** Has the proxy take what other objects yield, or what another proxy would see of them. */
  async update(options: Partial<EchoMeshOptions>): Promise<void> {
    const all = { ...this.options, ...options };
    await this.proxy.update({ view: viewOfYaml(yamlOf(all, this.upstreams, this.port), all) });
    if (this.proxy.refusals().length > 0) throw new Error(this.proxy.refusals().join("\n"));
  }

  /** A request of the workload to `HOST` or `HOST:PORT`, which is the host that it asks for too where it names none. */
  ask(place: string, question: Question = {}): Promise<Told> {
    const [name = "", port = "80"] = place.split(":");
    return ask(this.proxy.connection("outbound", `240.240.0.1:${port}`), { host: name, ...question });
  }

  /** A request to the gateway's listener on {@link port}. */
  askGateway(host: string, question: Question = {}): Promise<Told> {
    return ask({ port: this.port }, { host, ...question });
  }

  upstream(name: Workload): Upstream {
    const upstream = this.upstreams.get(name);
    if (upstream === undefined) throw new Error(`${name} is no workload`);
    return upstream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    for (const upstream of this.upstreams.values()) await upstream[Symbol.asyncDispose]();
  }
}

/** Answers with what it saw. */
export function echo(by: Workload): Script {
  return ({ method, authority, path, headers }) => {
    const flat: Record<string, string> = {};
    for (const [name, value] of headers) {
      const key = name.toLowerCase();
      flat[key] = key in flat ? `${flat[key]}, ${value}` : value;
    }
    const seen: Seen = { by, method, authority, path, headers: flat };
    return { headers: [[ECHO_HEADER, by]], body: JSON.stringify(seen) };
  };
}

function yamlOf({ objects }: EchoMeshOptions, upstreams: ReadonlyMap<Workload, Upstream>, port: number): string {
  const entry = (name: Workload, ports: Readonly<Record<string, Workload>>, labels: object) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "WorkloadEntry",
    metadata: { name },
    spec: {
      address: "127.0.0.1",
      ports: Object.fromEntries(Object.entries(ports).map(([port, at]) => [port, upstreams.get(at)?.port ?? 0])),
      labels,
    },
  });
  const versionOf = (app: string, version: string) => {
    const name = `${app}-${version}` as Workload;
    return entry(name, { http: name }, { app, version });
  };
  const service = (name: string, ports: readonly object[]) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { selector: { app: name }, ports },
  });
  const http = { name: "http", port: 80 };
  const rule = (host: string) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: host },
    spec: { host, subsets: ["v1", "v2", "none"].map((version) => ({ name: version, labels: { version } })) },
  });
  const all = [
    entry("ratings-v1", { http: "ratings-v1", admin: "admin-v1" }, { app: "ratings" }),
    ...["reviews", "shadow"].flatMap((app) => ["v1", "v2"].map((version) => versionOf(app, version))),
    service("reviews", [http]),
    service("ratings", [http, { name: "admin", port: 9080, appProtocol: "http" }]),
    service("shadow", [http]),
    service("nobody", [http]),
    rule("reviews"),
    rule("shadow"),
    ...(typeof objects === "function" ? objects(port) : objects),
  ];
  return all.map((object) => JSON.stringify(object)).join("\n---\n");
}
