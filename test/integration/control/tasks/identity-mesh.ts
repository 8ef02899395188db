import { connect as connectHttp2, constants } from "node:http2";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { freePort } from "../../../../control/xds/types/testing/running-proxy.ts";
import type { SecretServer } from "../../../../control/xds/types/testing/secret-server.ts";
import { identityOf, type TlsIdentity } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { connectTo, getAt, type Place } from "../client.ts";
import { type RunningEnvoy, RunningMesh } from "../running-mesh.ts";

/** Namespaces whose workload has a sidecar with an identity; `legacy` has a program and no sidecar. */
export type Namespace = "foo" | "bar" | "legacy";

/** Ports of the service `httpbin` in each namespace: of HTTP, of bytes, of gRPC, and one of which nobody says what is spoken. */
export const PORTS = { http: 8000, bytes: 9000, grpc: 9090, any: 7000 } as const;
export type Port = keyof typeof PORTS;
const NAMES = Object.keys(PORTS) as readonly Port[];
const SERVICE_NAMES: Readonly<Record<Port, string>> = { http: "http", bytes: "tcp", grpc: "grpc", any: "any" };

export const spiffe = (namespace: string, account = "httpbin", domain = "cluster.local") =>
  `spiffe://${domain}/ns/${namespace}/sa/${account}`;
const nodeOf = (namespace: Namespace) => `sidecar~127.0.0.1~httpbin-1.${namespace}~${namespace}.svc.cluster.local`;
const ADDRESSES: Readonly<Record<Namespace, string>> = { foo: "10.96.0.1", bar: "10.96.0.2", legacy: "10.96.0.3" };

/** Connections outlive a change of the listener that took them, for as long as it drains; so each request has one of its own. */
const ONE_REQUEST_EACH = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: one-request-each, namespace: istio-system }
spec: { host: "*.svc.cluster.local", trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } } }
`;

interface Program {
  readonly upstream: Upstream;
  readonly bytes: Server;
  /** Where the sidecar listens for it, or it listens itself. */
  readonly ports: Readonly<Record<Port, number>>;
}

/**
 * Istio's set-up of its tasks on security: `httpbin` in two namespaces with sidecars and in one without. Nothing is redirected without privileges, so the sidecars listen on ports of their own (Sidecar's
 * `ingress` with captureMode NONE).
 */
export class IdentityMesh implements AsyncDisposable {
  readonly mesh: RunningMesh;
  private readonly programs: ReadonlyMap<Namespace, Program>;
  private readonly sidecars = new Map<Namespace, RunningEnvoy & { readonly secrets?: SecretServer }>();

  private constructor(mesh: RunningMesh, programs: ReadonlyMap<Namespace, Program>) {
    this.mesh = mesh;
    this.programs = programs;
  }

  /**
   * @param rules YAML of what the test is about
   * @param identities of the sidecars, `undefined` for none. Default: that of the account `httpbin` of the namespace
   */
  static async start(rules = "", identities: Partial<Record<Namespace, TlsIdentity | undefined>> = {}): Promise<IdentityMesh> {
    const programs = new Map<Namespace, Program>();
    for (const namespace of ["foo", "bar", "legacy"] as const) programs.set(namespace, await startProgram(namespace));
    const yaml = ONE_REQUEST_EACH + Array.from(programs, ([namespace, program]) => objectsOf(namespace, program)).join("");
    const mesh = new IdentityMesh(await RunningMesh.start({ "mesh.yaml": yaml, "rules.yaml": rules }), programs);
    for (const namespace of ["foo", "bar"] as const) {
      const metadata = {
        SERVICE_ACCOUNT: "httpbin",
        LABELS: { app: "httpbin" },
        // Not among Istio's.
        ANNOTATIONS: { "sidecar.istio.io/statsInclusionSuffixes": "ssl.handshake" },
      };
      const identity = namespace in identities ? identities[namespace] : identityOf(spiffe(namespace));
      const id = nodeOf(namespace);
      mesh.sidecars.set(
        namespace,
        identity === undefined ? await mesh.mesh.proxy(id, metadata) : await mesh.mesh.proxyWithIdentity(id, identity, metadata),
      );
    }
    await mesh.mesh.settled();
    return mesh;
  }

  async apply(rules: string): Promise<void> {
    await this.mesh.apply({ "rules.yaml": rules });
  }

  sidecar(namespace: Namespace): RunningEnvoy {
    const sidecar = this.sidecars.get(namespace);
    if (sidecar === undefined) throw new Error(`${namespace} has no sidecar`);
    return sidecar;
  }

  /** What stands beside a sidecar and gives it its certificate. */
  secrets(namespace: Namespace): SecretServer {
    const { secrets } = this.sidecars.get(namespace) ?? {};
    if (secrets === undefined) throw new Error(`${namespace} has no identity`);
    return secrets;
  }

  program(namespace: Namespace): Program {
    const program = this.programs.get(namespace);
    if (program === undefined) throw new Error(`no program in ${namespace}`);
    return program;
  }

  /** Where a client of a namespace finds a port of another's service: by way of its sidecar, or at the port itself where it has none. */
  place(from: Namespace, to: Namespace, port: Port): Place {
    const sidecar = this.sidecars.get(from);
    if (sidecar === undefined) return { port: this.program(to).ports[port] };
    return sidecar.outbound(`${ADDRESSES[to]}:${PORTS[port]}`);
  }

  /** What a client gets: the status of HTTP or gRPC, `got` for bytes that were answered, `refused` where the connection is closed. A sidecar answers 503 for a connection that is closed. */
  async call(from: Namespace, to: Namespace, port: Port = "http", path = "/"): Promise<number | "got" | "refused"> {
    const place = this.place(from, to, port);
    return await ask(place, port, `httpbin.${to}:${PORTS[port]}`, path);
  }

  /** Of the last request that a program had: who called, by its sidecar. */
  caller(namespace: Namespace): string | undefined {
    const header = this.program(namespace)
      .upstream.requests.at(-1)
      ?.headers.find(([name]) => name === "x-forwarded-client-cert");
    // A gateway tells who called it, and the sidecar appends the gateway.
    return header === undefined ? undefined : Array.from(header[1].matchAll(/URI=([^;,]*)/g), ([, id]) => id).at(-1);
  }

  /** Handshakes of TLS that the sidecar of a namespace took as a server. */
  async handshakes(namespace: Namespace): Promise<number> {
    const { values } = await this.sidecar(namespace).envoy.admin.stats("^listener\\..*ssl.handshake$");
    return Object.values(values).reduce((sum, count) => sum + count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]();
    for (const { upstream, bytes } of this.programs.values()) {
      await upstream[Symbol.asyncDispose]();
      bytes.close();
    }
  }
}

/** One exchange of a port's protocol. */
export async function ask(place: Place, port: Port, authority: string, path = "/"): Promise<number | "got" | "refused"> {
  if (port === "bytes") return await askBytes(place);
  if (port === "grpc") return await askGrpc(place, authority);
  try {
    return (await getAt(place, authority, path)).status;
  } catch {
    return "refused";
  }
}

async function askBytes(place: Place): Promise<"got" | "refused"> {
  const socket = connectTo(place);
  return await new Promise((resolve) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", () => (resolve("got"), socket.destroy()));
    socket.on("close", () => resolve("refused"));
    socket.write("hello");
  });
}

async function askGrpc(place: Place, authority: string): Promise<number | "refused"> {
  const session = connectHttp2("http://mesh", { createConnection: () => connectTo(place) });
  try {
    return await new Promise((resolve) => {
      session.on("error", () => resolve("refused"));
      session.on("close", () => resolve("refused"));
      const stream = session.request({
        ":method": "POST",
        ":path": "/a.B/C",
        ":authority": authority,
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("response", (fields) => resolve(Number(fields["grpc-status"] ?? fields[constants.HTTP2_HEADER_STATUS])));
      stream.on("error", () => resolve("refused"));
      stream.on("data", () => undefined);
      stream.end(Buffer.from([0, 0, 0, 0, 0]));
    });
  } finally {
    session.destroy();
  }
}

async function startProgram(namespace: Namespace): Promise<Program> {
  const upstream = await startUpstream({
    script: ({ protocol }) => (protocol === "grpc" ? { messages: ["hi"] } : { body: `httpbin.${namespace}` }),
  });
  const bytes = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => socket.end("got"));
  }).listen(0, "127.0.0.1");
  await once(bytes, "listening");
  const own = { http: upstream.port, grpc: upstream.port, any: upstream.port, bytes: (bytes.address() as AddressInfo).port };
  if (namespace === "legacy") return { upstream, bytes, ports: own };
  const ports = { http: await freePort(), bytes: await freePort(), grpc: await freePort(), any: await freePort() };
  return { upstream, bytes, ports };
}

function objectsOf(namespace: Namespace, { upstream, bytes, ports }: Program): string {
  const target = (port: Port) => (port === "bytes" ? (bytes.address() as AddressInfo).port : upstream.port);
  const protocols: Readonly<Record<Port, string>> = {
    http: "protocol: HTTP, ",
    bytes: "protocol: TCP, ",
    grpc: "protocol: GRPC, ",
    any: "",
  };
  const ingress = NAMES.map(
    (port) =>
      `{ port: { number: ${ports[port]}, ${protocols[port]}name: ${port} }, bind: 127.0.0.1, captureMode: NONE, defaultEndpoint: "127.0.0.1:${target(port)}" }`,
  );
  const account = namespace === "legacy" ? "" : ", serviceAccount: httpbin";
  return `
---
apiVersion: v1
kind: Service
metadata: { name: httpbin, namespace: ${namespace} }
spec:
  clusterIP: ${ADDRESSES[namespace]}
  selector: { app: httpbin }
  ports: [${NAMES.map((port) => `{ name: ${SERVICE_NAMES[port]}, port: ${PORTS[port]} }`).join(", ")}]
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: httpbin-1, namespace: ${namespace} }
spec:
  address: 127.0.0.1
  labels: { app: httpbin }${account === "" ? "" : "\n  serviceAccount: httpbin"}
  ports: { ${NAMES.map((port) => `${SERVICE_NAMES[port]}: ${ports[port]}`).join(", ")} }
${
  namespace === "legacy"
    ? ""
    : `---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: httpbin, namespace: ${namespace} }
spec:
  workloadSelector: { labels: { app: httpbin } }
  ingress:
    - ${ingress.join("\n    - ")}
  egress: [{ hosts: ["*/*"] }]
`
}`;
}
