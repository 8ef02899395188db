import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { startUpstream, type Upstream } from "../../../../../harness/upstreams/index.ts";
import { ON_DEMAND_KEY } from "../../../../model/proxy.ts";
import { type Connection, proxyHeader } from "../../testing/running-proxy.ts";

/** Node metadata of proxies that get everything, and of such that get what they use. What they do with a request is the same. */
export const DELIVERIES: readonly (readonly [delivery: string, metadata: Readonly<Record<string, unknown>>])[] = [
  ["all at once", {}],
  ["on demand", { [ON_DEMAND_KEY]: "true" }],
];

/** One server for each name, which answers with that name, so that an answer says whose rules decided. */
export class Answers implements AsyncDisposable {
  private readonly upstreams: ReadonlyMap<string, Upstream>;

  private constructor(upstreams: ReadonlyMap<string, Upstream>) {
    this.upstreams = upstreams;
  }

  static async start(names: readonly string[]): Promise<Answers> {
    const started = names.map(async (name) => [name, await startUpstream({ script: () => ({ body: `<${name}>` }) })] as const);
    return new Answers(new Map(await Promise.all(started)));
  }

  port(name: string): number {
    return this.of(name).port;
  }

  /** The request that came last to a server. */
  last(name: string): Upstream["requests"][number] | undefined {
    return this.of(name).requests.at(-1);
  }

  private of(name: string): Upstream {
    const upstream = this.upstreams.get(name);
    if (upstream === undefined) throw new Error(`no upstream ${name}`);
    return upstream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const upstream of this.upstreams.values()) await upstream[Symbol.asyncDispose]();
  }
}

/** A Service of Kubernetes; `spec` is its other fields as YAML. */
export function kubernetes(name: string, namespace: string, spec: string, port: number): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${spec} }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, namespace: ${namespace}, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1] }]
`;
}

/** A ServiceEntry for hosts, on one port; `more` are other fields of its spec. */
export function entry(name: string, hosts: readonly string[], port: number, endpoint: number, more = ""): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: ${JSON.stringify(hosts)}
  ports: [{ number: ${port}, name: http, protocol: HTTP, targetPort: ${endpoint} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
  ${more}
`;
}

/** A VirtualService that answers by itself with its name; `match` is that of its only route, as YAML. */
export function answering(name: string, hosts: readonly string[], { match, gateways, namespace = "default" }: Answering = {}): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: ${JSON.stringify(hosts)}
  ${gateways === undefined ? "" : `gateways: ${JSON.stringify(gateways)}`}
  http:
    - ${match === undefined ? "" : `match: [${match}]`}
      directResponse: { status: 200, body: { string: "<${name}>" } }
`;
}

interface Answering {
  readonly match?: string;
  readonly gateways?: readonly string[];
  readonly namespace?: string;
}

/**
 * Sends bytes and gives the answer, up to the end of its body; `reset` where there is none. The end of the connection is not waited for: Envoy lets clients take the last bytes for a second.
 */
export function answerTo({ port = 0, path, destination, tls }: Connection, text: string, timeout = 20_000): Promise<string> {
  const socket = path === undefined ? connect(port, "127.0.0.1") : connect(path);
  if (destination !== undefined) socket.write(proxyHeader(destination));
  const stream = tls === undefined ? socket : connectTls({ ...tls, socket });
  stream.write(text);
  return new Promise((resolve) => {
    let received = "";
    const done = (answer: string): void => {
      clearTimeout(timer);
      stream.destroy();
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => done(`timeout ${received}`), timeout);
    stream.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
      if (isWhole(received)) done(received);
    });
    stream.on("close", () => done(received === "" ? "reset" : received));
    stream.on("error", () => stream.destroy());
  });
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, end)) ?? [];
  if (length !== undefined) return answer.length >= end + 4 + Number(length);
  return /\r\ntransfer-encoding: *chunked/i.test(answer.slice(0, end)) ? answer.endsWith("\r\n0\r\n\r\n") : false;
}

/** What an answer says, in short: `reviews` for a body `<reviews>`, else status and body. */
export function decision(answer: string): string {
  const [, name] = /<([\w.-]+)>/.exec(answer) ?? [];
  if (name !== undefined) return name;
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(answer) ?? [];
  if (status === undefined) return answer.slice(0, 40);
  const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
  return body === "" ? status : `${status} ${body}`;
}
