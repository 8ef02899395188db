import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WaitResult } from "../../../control/admin/wait.ts";
import type { ProxyStatus } from "../../../control/admin/proxy-status.ts";
import { bootstrapOf, readAddress } from "../../../control/bootstrap/index.ts";
import { freePort } from "../../../control/xds/types/testing/running-proxy.ts";
import { Serving } from "../../../cli/testing/serving.ts";
import { binaryProvider, type StartedEnvoy } from "../../../harness/envoy/index.ts";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { until } from "../until.ts";
import { getAt } from "./client.ts";
import { Load } from "./load.ts";
import { withoutFixedPorts } from "./running-mesh.ts";

export const PROXY = "sidecar~127.0.0.1~client.default~default.svc.cluster.local";
export const VERSIONS = ["v1", "v2"] as const;

/** Routes of `reviews`: everything to one version. */
export function everythingTo(version: (typeof VERSIONS)[number]): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: ${version} } }] }] }
`;
}

/** A service in two versions, and the Sidecar of a client that needs no capture: its Envoy listens where the service's port is. */
function mesh(port: number, upstreams: readonly Upstream[]): string {
  const workloads = upstreams.map(
    (upstream, index) => `---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: reviews-${VERSIONS[index] ?? ""} }
spec: { address: 127.0.0.1, ports: { http: ${upstream.port} }, labels: { app: reviews, version: ${VERSIONS[index] ?? ""} } }
`,
  );
  return `apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: ${port} }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: client }
spec: { egress: [{ port: { number: ${port}, protocol: HTTP, name: http }, bind: 127.0.0.1, captureMode: NONE, hosts: ["./*"] }] }
${workloads.join("")}`;
}

/** `meshwright serve` as a process of its own over a directory of YAML, and a real Envoy through which a client calls `reviews`. */
export class ServedMesh implements AsyncDisposable {
  /** Of the service, and of the client's Envoy on the loopback interface. */
  readonly port: number;
  readonly upstreams: readonly Upstream[];
  readonly folder: string;
  private readonly parameters: readonly string[];
  private current: Serving;
  private envoy: StartedEnvoy | undefined;

  private constructor(folder: string, port: number, upstreams: readonly Upstream[], parameters: readonly string[], serving: Serving) {
    this.folder = folder;
    this.port = port;
    this.upstreams = upstreams;
    this.parameters = parameters;
    this.current = serving;
  }

  /** All requests go to v1. @param more parameters of `meshwright serve` */
  static async start(more: (folder: string) => readonly string[] = () => []): Promise<ServedMesh> {
    const folder = await mkdtemp(join(tmpdir(), "served-mesh-"));
    const port = await freePort();
    const upstreams = await Promise.all(VERSIONS.map((version) => startUpstream({ script: () => ({ body: version }) })));
    await writeFile(join(folder, "mesh.yaml"), mesh(port, upstreams));
    await writeFile(join(folder, "rules.yaml"), everythingTo("v1"));
    const parameters = ["--config", join(folder, "mesh.yaml"), join(folder, "rules.yaml"), ...more(folder)];
    const serving = await Serving.start(...parameters);
    const started = new ServedMesh(folder, port, upstreams, [...parameters, "--xds", serving.xds], serving);
    const control = readAddress(serving.xds);
    const made = typeof control === "string" ? undefined : bootstrapOf({ nodeId: PROXY, control, metadata: { INTERCEPTION_MODE: "NONE" } });
    if (made === undefined || !("bootstrap" in made)) throw new Error(JSON.stringify(made));
    started.envoy = await binaryProvider.start(withoutFixedPorts(made.bootstrap));
    await started.connected();
    return started;
  }

  get serving(): Serving {
    return this.current;
  }

  load(): Load {
    return new Load({ port: this.port }, [`reviews:${this.port}`]);
  }

  /** The version that answers. */
  async answer(): Promise<string> {
    return (await getAt({ port: this.port }, `reviews:${this.port}`, "/")).body;
  }

  /** Replaces a file as editors do. */
  async edit(file: "mesh.yaml" | "rules.yaml", text: string): Promise<void> {
    await writeFile(join(this.folder, `${file}~`), text);
    await rename(join(this.folder, `${file}~`), join(this.folder, file));
  }

  async kill(): Promise<void> {
    await this.current.kill("SIGKILL");
  }

  /** On the same port, with the same parameters, and waits until the Envoy is back and has what is new. */
  async restart(): Promise<void> {
    this.current = await Serving.start(...this.parameters);
    await this.connected();
  }

  /** Waits until the Envoy has asked for everything that it uses, and accepted it. */
  async connected(): Promise<void> {
    await until(
      "the proxy has asked for everything",
      async () => (await this.status())?.types.filter(({ state }) => state !== "NOT SENT").map(({ type }) => type) ?? [],
      (types) => ["listener", "scope", "route", "cluster", "endpoint"].every((type) => types.includes(type)),
    );
    await this.settled();
  }

  async settled(): Promise<void> {
    const response = await fetch(`${this.current.admin}/api/v1/wait?timeout=20s`, { method: "POST" });
    const result = (await response.json()) as WaitResult;
    if (!result.converged) throw new Error(JSON.stringify(result));
  }

  async status(): Promise<ProxyStatus | undefined> {
    const { proxies } = await this.current.get<{ readonly proxies: readonly ProxyStatus[] }>("/api/v1/status");
    return proxies.find(({ id }) => id === PROXY);
  }

  /** Resources that the process has sent or removed, by type. */
  async sent(): Promise<Readonly<Record<string, number>>> {
    const text = await (await fetch(`${this.current.admin}/metrics`)).text();
    const lines = text.matchAll(/^meshwright_xds_sent_resources_total\{type="([^"]*)"[^}]*\} (\d+)/gm);
    return Object.fromEntries(Array.from(lines, ([, type = "", count]) => [type, Number(count)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.envoy?.[Symbol.asyncDispose]();
    await this.current[Symbol.asyncDispose]();
    for (const upstream of this.upstreams) await upstream[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
