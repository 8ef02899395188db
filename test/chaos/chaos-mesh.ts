import { type Mesh, type MeshSpec, startMesh } from "../../harness/mesh/index.ts";
import type { Script } from "../../harness/upstreams/index.ts";
import { until } from "../../harness/until.ts";

/** Whose requests are counted. */
export const CALLERS = ["web-1", "web-2"] as const;
/** Where requests come in from outside. */
export const GATEWAY = "edge";
/** Who answers them. */
export const HOSTS = ["reviews-1", "reviews-2", "reviews-3"] as const;
/** The host that a round is about. */
export const hostOf = (round: number): string => HOSTS[round % HOSTS.length] ?? HOSTS[0];
const CLUSTER = "outbound|9080||reviews.default.svc.cluster.local";

/** An answer belongs to its request: a test sees where one has got that of another. */
export const answering: Script = ({ path }) => ({ body: `reviews ${path}` });

/** When a request is sent again: `idempotent` ones after any failure, others where no host can have seen them. */
export const RETRIES = {
  idempotent: "{ attempts: 5, perTryTimeout: 2s, retryOn: 'gateway-error,reset,connect-failure,refused-stream' }",
  safe: "{ attempts: 5, retryOn: 'connect-failure,refused-stream,reset-before-request' }",
};
/** One host of three at most, so that two are always there. */
export const EJECTION = "{ consecutiveGatewayErrors: 3, interval: 0.5s, baseEjectionTime: 1s, maxEjectionPercent: 34 }";

export interface Rules {
  /** Of the VirtualService. Default: those of idempotent requests. */
  readonly retries?: string;
  /** Of the DestinationRule. Default: {@link EJECTION}. */
  readonly ejection?: string;
  /** More of the DestinationRule's trafficPolicy, of the VirtualService's route, and other objects. Default: nothing. */
  readonly policy?: string;
  readonly route?: string;
  readonly objects?: string;
}

/** What a careful operator writes. */
export function rules({ retries = RETRIES.idempotent, ejection = EJECTION, policy = "", route = "", objects = "" }: Rules = {}): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  gateways: [mesh, ${GATEWAY}]
  http:
    - route: [{ destination: { host: reviews } }]
      retries: ${retries}
      ${route}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: reviews
  trafficPolicy:
    loadBalancer: { simple: ROUND_ROBIN }
    outlierDetection: ${ejection}
    ${policy}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${GATEWAY} }
spec:
  selector: { app: ${GATEWAY} }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }]
---
${objects}`;
}

/** Two callers, and a service of three hosts, each behind its sidecar, with mTLS; and a gateway. */
export function startChaosMesh(control: MeshSpec["control"] = { keepsState: true }): Promise<Mesh> {
  return startMesh({
    services: {
      web: { port: 8080, workloads: CALLERS.length },
      reviews: { port: 9080, workloads: Object.fromEntries(HOSTS.map((name) => [name.replace("reviews-", ""), { script: answering }])) },
    },
    gateways: { [GATEWAY]: { ports: [80] } },
    config: { "rules.yaml": rules() },
    links: true,
    // A connection of HTTP/1.1 that nobody uses is told nothing and stays, so that each restart takes all of this time.
    proxies: { parameters: ["--drain-time", "2s"] },
    control,
  });
}

/** What a caller's Envoy says of the hosts: those that are out, by address. */
export async function ejectedFor(mesh: Mesh, caller: string): Promise<readonly string[]> {
  const clusters = await mesh.workload(caller).sidecar.admin.clusters();
  const hosts = clusters.find(({ name }) => name === CLUSTER)?.hosts ?? [];
  return hosts.filter(({ health }) => health["failed_outlier_check"] === true).map(({ address }) => address);
}

/** Waits until every caller's Envoy has a host out. */
export async function ejected(mesh: Mesh): Promise<void> {
  for (const caller of CALLERS)
    await until(
      `a host is out for ${caller}`,
      () => ejectedFor(mesh, caller),
      (out) => out.length > 0,
      { timeout: 60_000 },
    );
}

/** Waits until the mesh is as it was: everything accepted, every host in. */
export async function whole(mesh: Mesh): Promise<void> {
  await mesh.settled();
  for (const caller of CALLERS)
    await until(
      `no host is out for ${caller}`,
      () => ejectedFor(mesh, caller),
      (out) => out.length === 0,
      { timeout: 60_000 },
    );
}
