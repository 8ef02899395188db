import { expect } from "vitest";
import { stringify } from "yaml";
import { startUpstream, type Upstream } from "../../../../../harness/upstreams/index.ts";
import type { ProxyView } from "../../../../model/index.ts";
import { XDS_TYPES } from "../../index.ts";
import { exchange, httpRequest, RunningProxy } from "../../testing/running-proxy.ts";
import { viewOfYaml } from "../../testing/yaml-view.ts";
import { type Collector, startCollector } from "./collector.ts";

const NODE = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local";
const METADATA = { LABELS: { app: "app", "service.istio.io/canonical-name": "shop" }, MESH_ID: "my-mesh" };

/** A Telemetry, as far as it is not the same for all. Default of the namespace: that of the sidecar. */
export interface Level {
  readonly namespace?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly tracing?: readonly object[];
  readonly metrics?: readonly object[];
  readonly accessLogging?: readonly object[];
}

/** A sidecar (app: app) whose requests are logged, traced and counted as Telemetries say. Paths that begin with /missing are answered with 404. */
export class MeasuredSidecar implements AsyncDisposable {
  readonly web: Upstream;
  /** Of traces: `collector.test`, port 80. */
  readonly collector: Collector;
  readonly proxy: RunningProxy;
  private readonly version: string;

  private constructor(web: Upstream, collector: Collector, proxy: RunningProxy, version: string) {
    this.web = web;
    this.collector = collector;
    this.proxy = proxy;
    this.version = version;
  }

  static async start(): Promise<MeasuredSidecar> {
    const web = await startUpstream({ script: ({ path }) => ({ status: path.startsWith("/missing") ? 404 : 200 }) });
    const collector = await startCollector();
    const view = viewOf([], {}, [web.port, collector.port], "");
    const proxy = await RunningProxy.start({ view, types: XDS_TYPES, nodeId: NODE });
    const { version } = await proxy.envoy.admin.serverInfo();
    return new MeasuredSidecar(web, collector, proxy, version);
  }

  /** @param mesh fields of MeshConfig */
  view(levels: readonly Level[], mesh: object = {}): ProxyView {
    return viewOf(levels, mesh, [this.web.port, this.collector.port], this.version);
  }

  /** Has the Envoy take Telemetries, the oldest first. */
  async tune(levels: readonly Level[], mesh: object = {}): Promise<void> {
    await this.proxy.update({ view: this.view(levels, mesh) });
    expect(this.proxy.refusals()).toEqual([]);
  }

  /** Whether the Envoy is older than a minor version of 1. */
  isOlderThan(minor: number): boolean {
    return Number(/^1\.(\d+)\./.exec(this.version)?.[1] ?? minor) < minor;
  }

  /** A request that the workload gets. */
  server(path: string): Promise<string> {
    return exchange(this.proxy.connection("inbound", "10.0.0.1:9080"), httpRequest("web.test", path));
  }

  /** A request that it sends. @param headers lines */
  client(path: string, headers: readonly string[] = []): Promise<string> {
    return exchange(this.proxy.connection("outbound", "240.240.0.1:80"), httpRequest("web.test", path, headers));
  }

  /** A header of the last request, as it came behind the proxy. */
  seen(name: string): string | undefined {
    return this.web.requests.at(-1)?.headers.find(([each]) => each === name)?.[1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.collector[Symbol.asyncDispose]();
    await this.web[Symbol.asyncDispose]();
  }
}

function viewOf(levels: readonly Level[], mesh: object, [web = 0, collector = 0]: readonly number[], envoyVersion: string): ProxyView {
  const entry = (name: string, port: number) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name },
    spec: {
      hosts: [`${name}.test`],
      ports: [{ number: 80, name: "http", protocol: "HTTP", targetPort: port }],
      resolution: "STATIC",
      endpoints: [{ address: "127.0.0.1" }],
    },
  });
  const sidecar = {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name: "app" },
    spec: {
      ingress: [{ port: { number: 9080, protocol: "HTTP", name: "http" }, defaultEndpoint: `127.0.0.1:${web}` }],
      egress: [{ hosts: ["*/*"] }],
    },
  };
  const settings = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "istio", namespace: "istio-system" },
    data: { mesh: stringify(mesh) },
  };
  const telemetries = levels.map(({ namespace = "default", selector, ...spec }, index) => ({
    apiVersion: "telemetry.istio.io/v1",
    kind: "Telemetry",
    metadata: { name: `telemetry-${index}`, namespace },
    spec: { ...spec, ...(selector === undefined ? {} : { selector: { matchLabels: selector } }) },
  }));
  const objects = [entry("web", web), entry("collector", collector), sidecar, settings, ...telemetries];
  const yaml = objects.map((object) => stringify(object)).join("\n---\n");
  return viewOfYaml(yaml, { nodeId: NODE, metadata: METADATA, envoyVersion });
}
