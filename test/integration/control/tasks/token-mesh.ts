import { ISSUER, keySet, sign, type SigningKey, signingKey } from "../../../../filters/authentication/tokens.mts";
import { freePort } from "../../../../control/xds/types/testing/running-proxy.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { getAt, type Place } from "../client.ts";
import { RunningMesh } from "../running-mesh.ts";

const SIDECAR = "sidecar~10.0.0.1~httpbin-1.foo~foo.svc.cluster.local";
const ROUTER = "router~10.0.0.9~ingress-1.istio-system~istio-system.svc.cluster.local";

/** What became of a request: the status, why, and what the program saw of it. */
export interface Outcome {
  readonly status: number;
  readonly body: string;
  /** By name in lower case; undefined where the request did not come to the program. */
  readonly seen: Readonly<Record<string, string>> | undefined;
}

/** Istio's set-up of its tasks about tokens: `httpbin` in the namespace `foo`, with a sidecar or behind an ingress gateway, and a server of keys that is no part of the mesh. */
export class TokenMesh implements AsyncDisposable {
  readonly issuer = ISSUER;
  readonly key: SigningKey;
  /** Whose keys nobody knows. */
  readonly otherKey: SigningKey;
  private readonly mesh: RunningMesh;
  private readonly upstreams: readonly [program: Upstream, keys: Upstream];
  private place: Place = {};

  private constructor(mesh: RunningMesh, upstreams: readonly [Upstream, Upstream], [key, otherKey]: readonly [SigningKey, SigningKey]) {
    this.mesh = mesh;
    this.upstreams = upstreams;
    [this.key, this.otherKey] = [key, otherKey];
  }

  /**
   * `sidecar`: requests come to httpbin's sidecar; `gateway`: to the ingress gateway, labelled `istio: ingressgateway`.
   *
   * @param delay milliseconds that the server of keys takes. Default: none
   */
  static async start(before: "sidecar" | "gateway", delay = () => 0): Promise<TokenMesh> {
    const keys = [await signingKey("RS256", "mine"), await signingKey("ES256", "mine")] as const;
    const upstreams = [
      await startUpstream({
        script: ({ headers }) => ({
          body: JSON.stringify(Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]))),
        }),
      }),
      await startUpstream({ script: () => ({ body: keySet(keys[0]), delay: delay() }) }),
    ] as const;
    const port = await freePort();
    const yaml = httpbin(upstreams[0].port) + (before === "gateway" ? gateway(port) : "");
    const mesh = new TokenMesh(await RunningMesh.start({ "mesh.yaml": yaml, "rules.yaml": "" }), upstreams, keys);
    if (before === "gateway") {
      await mesh.mesh.proxy(ROUTER, { LABELS: { istio: "ingressgateway" } });
      mesh.place = { port };
    } else {
      const sidecar = await mesh.mesh.proxy(SIDECAR, { LABELS: { app: "httpbin" } });
      mesh.place = sidecar.inbound("10.0.0.1:8000");
    }
    return mesh;
  }

  get jwksUri(): string {
    return `http://localhost:${this.upstreams[1].port}/jwks.json`;
  }

  /** @throws what is wrong with them */
  async apply(rules: string): Promise<void> {
    const errors = await this.applyBroken(rules);
    if (errors.length > 0) throw new Error(errors.join("\n"));
  }

  /** Gives the errors, with their codes. */
  async applyBroken(rules: string): Promise<readonly string[]> {
    await this.mesh.apply({ "rules.yaml": rules });
    const errors = this.mesh.service.problems().filter(({ level }) => level === "error");
    return errors.map(({ line, code, message }) => `${line}: ${code} ${message}`);
  }

  /** A token of the issuer. */
  token(claims: Record<string, unknown> = {}): Promise<string> {
    return sign(this.key, claims);
  }

  async curl(path: string, token?: string, headers: readonly string[] = []): Promise<Outcome> {
    const lines = [...(token === undefined ? [] : [`authorization: Bearer ${token}`]), ...headers];
    const { status, body } = await getAt(this.place, "httpbin.foo:8000", path, lines);
    return { status, body, seen: body.startsWith("{") ? (JSON.parse(body) as Record<string, string>) : undefined };
  }

  /** Its status alone. */
  async status(path: string, token?: string): Promise<number> {
    return (await this.curl(path, token)).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]();
    for (const upstream of this.upstreams) await upstream[Symbol.asyncDispose]();
  }
}

const httpbin = (port: number) => `
apiVersion: v1
kind: Service
metadata: { name: httpbin, namespace: foo }
spec: { selector: { app: httpbin }, ports: [{ name: http, port: 8000 }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: httpbin-1, namespace: foo }
spec: { address: 127.0.0.1, labels: { app: httpbin }, ports: { http: ${port} } }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: httpbin, namespace: foo }
spec:
  workloadSelector: { labels: { app: httpbin } }
  ingress: [{ port: { number: 8000, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:${port}" }]
  egress: [{ hosts: ["./*"] }]
`;

const gateway = (port: number) => `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: httpbin-gateway, namespace: foo }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }]
`;
