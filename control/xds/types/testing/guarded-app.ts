import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { XDS_TYPES } from "../index.ts";
import { ask, type Question } from "./ask.ts";
import { echo } from "./echo-mesh.ts";
import { exchange, freePort, httpRequest, RunningProxy } from "./running-proxy.ts";
import { viewOfYaml } from "./yaml-view.ts";

/** Ports of the workload: of HTTP and of bytes, each in plain text and behind TLS that asks for a certificate, and one of which nobody says what is spoken. */
const PORTS = { http: "HTTP", https: "HTTPS", bytes: "TCP", tls: "TLS", any: undefined } as const;
export type GuardedPort = keyof typeof PORTS;

export interface Asked extends Question {
  /** Default: `http`; `https` where `as` is there. */
  readonly port?: GuardedPort;
  /** The principal of the client's certificate: `cluster.local/ns/shop/sa/checkout`. */
  readonly as?: string;
  /** In the client's handshake. */
  readonly sni?: string;
}

/** A policy as its users write it, in `default` where nothing else is said. */
export interface WrittenPolicy {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec: object;
}

/** A workload behind the sidecar of a real Envoy, to which policies are applied. */
export class GuardedApp implements AsyncDisposable {
  readonly proxy: RunningProxy;
  readonly app: Upstream;
  readonly ports: Readonly<Record<GuardedPort, number>>;
  private readonly folder: string;
  private readonly more: string;

  private constructor(proxy: RunningProxy, app: Upstream, ports: Readonly<Record<GuardedPort, number>>, folder: string, more: string) {
    this.proxy = proxy;
    this.app = app;
    this.ports = ports;
    this.folder = folder;
    this.more = more;
  }

  /** @param more YAML of what there is beside the workload */
  static async start(more = ""): Promise<GuardedApp> {
    const folder = await mkdtemp(join(tmpdir(), "guarded-"));
    const { certificate, key, authority } = identityOf("app.test");
    await writeFile(join(folder, "tls.crt"), certificate);
    await writeFile(join(folder, "tls.key"), key);
    await writeFile(join(folder, "ca.crt"), authority);
    const app = await startUpstream({ script: echo("reviews-v1") });
    const ports = Object.fromEntries(
      await Promise.all(Object.keys(PORTS).map(async (name) => [name, await freePort()] as const)),
    ) as Record<GuardedPort, number>;
    const view = viewOf(app, ports, folder, more, []);
    return new GuardedApp(await RunningProxy.start({ view, types: XDS_TYPES, nodeId: NODE }), app, ports, folder, more);
  }

  /** Has these policies, and no others, in force. Throws where Envoy refuses what became of them. */
  async apply(policies: readonly WrittenPolicy[], more = ""): Promise<void> {
    await this.proxy.update({ view: viewOf(this.app, this.ports, this.folder, this.more + more, policies) });
    const refusals = this.proxy.refusals();
    if (refusals.length > 0) throw new Error(refusals.join("\n"));
  }

  /** Has one AuthorizationPolicy in force. */
  async authorize(spec: object, annotations: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.apply([{ spec, annotations }]);
  }

  /** What becomes of a request: its status, 0 where the connection is cut off. */
  async status(asked: Asked = {}): Promise<number> {
    return (await this.ask(asked)).status;
  }

  ask(asked: Asked = {}) {
    const { as, sni, port = as === undefined ? "http" : "https", ...question } = asked;
    return ask({ port: this.ports[port], ...tlsOf(port, as, sni) }, { host: "app.test", ...question });
  }

  /** The same of bytes: whether they are answered. */
  async isAnswered({ port = "bytes", as, sni }: Asked = {}): Promise<boolean> {
    const answer = await exchange({ port: this.ports[port], ...tlsOf(port, as, sni) }, httpRequest("app.test"));
    if (answer.startsWith("HTTP/1.1 200")) return true;
    if (answer === "reset") return false;
    throw new Error(`neither answered nor cut off: ${answer}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.app[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const NODE = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local";

function tlsOf(port: GuardedPort, as: string | undefined, sni = "app.test") {
  if (port !== "https" && port !== "tls") return {};
  const { certificate: cert, key, authority: ca } = identityOf(`spiffe://${as ?? "cluster.local/ns/any/sa/any"}`);
  return { tls: { servername: sni, checkServerIdentity: () => undefined, ca, cert, key } };
}

function viewOf(
  app: Upstream,
  ports: Readonly<Record<GuardedPort, number>>,
  folder: string,
  more: string,
  policies: readonly WrittenPolicy[],
) {
  const tls = {
    mode: "MUTUAL",
    serverCertificate: `${folder}/tls.crt`,
    privateKey: `${folder}/tls.key`,
    caCertificates: `${folder}/ca.crt`,
  };
  const ingress = Object.entries(PORTS).map(([name, protocol]) => ({
    port: { number: ports[name as GuardedPort], name, ...(protocol === undefined ? {} : { protocol }) },
    bind: "127.0.0.1",
    captureMode: "NONE",
    defaultEndpoint: `127.0.0.1:${app.port}`,
    ...(protocol === "HTTPS" || protocol === "TLS" ? { tls } : {}),
  }));
  const sidecar = {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name: "app" },
    spec: { ingress, egress: [{ hosts: ["*/*"] }] },
  };
  const objects = policies.map(({ kind = "AuthorizationPolicy", name, namespace = "default", annotations = {}, spec }, index) => ({
    apiVersion: "security.istio.io/v1",
    kind,
    metadata: { name: name ?? `policy-${index}`, namespace, annotations },
    spec,
  }));
  const yaml = [sidecar, ...objects].map((each) => stringify(each)).join("---\n");
  return viewOfYaml(`${yaml}---\n${more}`, { nodeId: NODE, metadata: { LABELS: { app: "app" } } });
}
