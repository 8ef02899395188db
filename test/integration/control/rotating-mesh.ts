import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuthorityStatus } from "../../../control/admin/identity.ts";
import type { ProxyStatus } from "../../../control/admin/proxy-status.ts";
import { bootstrapOf } from "../../../control/bootstrap/index.ts";
import { Certificate } from "../../../control/identity/index.ts";
import { ProxyIdentity } from "../../../control/proxy/identity/index.ts";
import { CONTROL_AUTHORITIES } from "../../../control/proxy/index.ts";
import { freePort } from "../../../control/xds/types/testing/running-proxy.ts";
import { Serving } from "../../../cli/testing/serving.ts";
import { binaryProvider, type StartedEnvoy } from "../../../harness/envoy/index.ts";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { until } from "../until.ts";
import type { Place } from "./client.ts";
import { withoutFixedPorts } from "./running-mesh.ts";

interface Ports {
  readonly gateway: number;
  /** Where the sidecar of `orders` takes what its program calls. */
  readonly egress: number;
  readonly ingress: Readonly<Record<App, number>>;
}

const APPS = ["orders", "items"] as const;
type App = (typeof APPS)[number];

/** A gateway and two workloads that take mTLS alone. Connections are made anew all the time, and nothing that fails is tried again. */
function objects({ gateway, egress, ingress }: Ports, programs: Readonly<Record<App, Upstream>>): string {
  const app = (name: App) => `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: ${egress}, targetPort: ${ingress[name]} }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${name}-1 }
spec: { address: 127.0.0.1, labels: { app: ${name} }, serviceAccount: ${name} }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ${name} }
spec:
  workloadSelector: { labels: { app: ${name} } }
  ingress:
    - { port: { number: ${ingress[name]}, protocol: HTTP, name: http }, bind: 127.0.0.1, captureMode: NONE, defaultEndpoint: "127.0.0.1:${programs[name].port}" }
  egress: [{ ${name === "orders" ? `port: { number: ${egress}, protocol: HTTP, name: http }, bind: 127.0.0.1, captureMode: NONE, ` : ""}hosts: ["./*"] }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec: { host: ${name}, trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 3 } } } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${name}]
  gateways: [mesh, gateway]
  http: [{ route: [{ destination: { host: ${name} } }], retries: { attempts: 0 } }]
---
`;
  return `${APPS.map(app).join("")}
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gateway }
spec: { selector: { app: gateway }, servers: [{ port: { number: ${gateway}, name: http, protocol: HTTP }, bind: 127.0.0.1, hosts: ["*"] }] }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`;
}

/** What every proxy asks for, or who stands beside it. */
const ASKED = ["listener", "scope", "route", "cluster", "endpoint", "roots"];

/** One proxy with a certificate of its own, which is renewed at half of its life. */
interface Proxy {
  readonly nodeId: string;
  readonly envoy: StartedEnvoy;
  /** What the identity beside it has said. */
  readonly lines: readonly string[];
}

/** `meshwright serve` with an authority as a process of its own, over TLS; a gateway and two sidecars that join with tokens, as `meshwright proxy` has them. */
export class RotatingMesh implements AsyncDisposable {
  readonly proxies: readonly Proxy[];
  /** Of requests to `orders` by way of the gateway. */
  readonly gateway: Place;
  /** Of requests to `items` by way of the sidecar of `orders`. */
  readonly egress: Place;
  private readonly serving: Serving;
  private readonly token: string;
  private readonly resources: AsyncDisposableStack;

  private constructor(serving: Serving, token: string, ports: Ports, proxies: readonly Proxy[], resources: AsyncDisposableStack) {
    this.serving = serving;
    this.token = token;
    this.gateway = { port: ports.gateway };
    this.egress = { port: ports.egress };
    this.proxies = proxies;
    this.resources = resources;
  }

  /** @param lifetime of certificates: `10s` */
  static async start(lifetime: string): Promise<RotatingMesh> {
    await using resources = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "rotating-"));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const start = async (name: App) => resources.use(await startUpstream({ script: () => ({ body: name }) }));
    const programs = { orders: await start("orders"), items: await start("items") };
    const ports = { gateway: await freePort(), egress: await freePort(), ingress: { orders: await freePort(), items: await freePort() } };
    const file = join(folder, "mesh.yaml");
    await writeFile(file, objects(ports, programs));
    const state = join(folder, "state");
    const serving = resources.use(await Serving.start("--config", file, "--state", state, "--certificate-lifetime", lifetime));
    const token = join(state, "ca", "admin-token");
    const started = new RotatingMesh(serving, token, ports, [], resources);
    const roots = join(folder, "roots.pem");
    await writeFile(roots, (await started.authority()).roots.map(({ pem }) => pem).join(""));
    const proxies: Proxy[] = [];
    for (const name of ["gateway", ...APPS]) proxies.push(await started.startProxy(name, roots, folder, resources));
    const mesh = new RotatingMesh(serving, token, ports, proxies, resources.move());
    await until(
      "every proxy has its configuration, and says what it trusts",
      () => mesh.states(),
      (all) => all.length === 3 && all.every((states) => ASKED.every((type) => states[type] === "SYNCED")),
    );
    return mesh;
  }

  async authority(): Promise<AuthorityStatus> {
    return await this.serving.get("/api/v1/authority");
  }

  /** What is known of every proxy, by type. */
  async states(): Promise<readonly Readonly<Record<string, string>>[]> {
    const { proxies } = await this.serving.get<{ readonly proxies: readonly ProxyStatus[] }>("/api/v1/status");
    return proxies.map(({ types }) => Object.fromEntries(types.map(({ type, state }) => [type, state])));
  }

  /** Takes a step of the root's rotation, as `meshwright certs rotate` does. */
  async rotate(step: "prepare" | "switch" | "retire"): Promise<AuthorityStatus["phase"]> {
    const { phase } = await this.post<Pick<AuthorityStatus, "phase">>("/api/v1/authority/rotation", { step, timeout: "30s" });
    return phase;
  }

  /** Which authority has signed the certificate of each Envoy, and which authorities it trusts in peers. */
  async trust(): Promise<readonly { readonly issuer: string | undefined; readonly roots: readonly string[] }[]> {
    return Promise.all(
      this.proxies.map(async ({ envoy }) => {
        const secrets = await secretsOf(envoy);
        const [leaf] = Certificate.readAll(pemIn(secrets.get("default")?.tls_certificate?.certificate_chain));
        const roots = Certificate.readAll(pemIn(secrets.get("ROOTCA")?.validation_context?.trusted_ca));
        return { issuer: leaf?.issuer, roots: roots.map(({ subject }) => subject) };
      }),
    );
  }

  /** How many certificates each proxy has had. */
  certificates(): readonly number[] {
    return this.proxies.map(({ lines }) => lines.filter((line) => line.startsWith("this proxy has a certificate")).length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }

  private async startProxy(name: string, roots: string, folder: string, resources: AsyncDisposableStack): Promise<Proxy> {
    const type = name === "gateway" ? "router" : "sidecar";
    const nodeId = `${type}~127.0.0.1~${name}-1.default~default.svc.cluster.local`;
    const workload = { namespace: "default", serviceAccount: name };
    const { token } = await this.post<{ readonly token: string }>("/api/v1/tokens", workload);
    const control = { host: "127.0.0.1", port: Number(this.serving.xds.split(":").at(-1)) };
    const socket = join(folder, `${name}.sds`);
    const lines: string[] = [];
    const write = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
    const { pem } = (await this.authority()).roots[0] ?? { pem: "" };
    resources.use(
      await ProxyIdentity.start({
        source: { ...control, roots: pem },
        workload,
        token: async () => token,
        socket,
        log: { info: write, warn: write, error: write },
        // As early as it can be, so that a busy machine has the longest time for it.
        random: () => 0,
      }),
    );
    const made = bootstrapOf({
      nodeId,
      metadata: { LABELS: { app: name }, SERVICE_ACCOUNT: name, INTERCEPTION_MODE: "NONE" },
      control,
      controlTls: { caFile: roots },
      secrets: { path: socket, controlAuthorities: CONTROL_AUTHORITIES },
    });
    if (!("bootstrap" in made)) throw new Error(JSON.stringify(made));
    return { nodeId, envoy: resources.use(await binaryProvider.start(withoutFixedPorts(made.bootstrap))), lines };
  }

  private async post<T>(path: string, body: object): Promise<T> {
    const headers = { authorization: `Bearer ${(await readFile(this.token, "utf8")).trim()}`, "content-type": "application/json" };
    const response = await fetch(`${this.serving.admin}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}

/** Of `envoy.admin.v3.SecretsConfigDump`. */
interface Dumped {
  readonly name: string;
  readonly secret: {
    readonly tls_certificate?: { readonly certificate_chain?: Inline };
    readonly validation_context?: { readonly trusted_ca?: Inline };
  };
}

interface Inline {
  readonly inline_bytes?: string;
}

/** What an Envoy has by SDS, by name. */
async function secretsOf(envoy: StartedEnvoy): Promise<ReadonlyMap<string, Dumped["secret"]>> {
  const dump = await fetch(`http://${envoy.admin.host}:${envoy.admin.port}/config_dump?resource=dynamic_active_secrets`);
  const { configs = [] } = (await dump.json()) as { readonly configs?: readonly Dumped[] };
  return new Map(configs.map(({ name, secret }) => [name, secret]));
}

function pemIn(source: Inline | undefined): string {
  return Buffer.from(source?.inline_bytes ?? "", "base64").toString();
}
