import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { compileFilter } from "../../../filters/testing/assembly.ts";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import {
  binaryProvider,
  cluster,
  connectionManager,
  httpWasm,
  listener,
  stringValue,
  typed,
  type Bootstrap,
  type Cluster,
  type Extension,
  type StartedEnvoy,
} from "../../../harness/envoy/index.ts";
import { startUpstream, type Script, type Upstream } from "../../../harness/upstreams/index.ts";

const filter = join(import.meta.dirname, "../../../filters/telemetry");
const { stats_config: statsConfig } = parse(readFileSync(join(filter, "examples/stats-tags.yaml"), "utf8")) as Pick<
  Bootstrap,
  "stats_config"
>;

/** A workload of Bookinfo, as Istio's agent describes it in the bootstrap. */
export interface Workload {
  readonly name: string;
  readonly service: string;
  readonly namespace: string;
}

export const PRODUCTPAGE: Workload = { name: "productpage-v1", service: "productpage", namespace: "front" };
export const REVIEWS: Workload = { name: "reviews-v1", service: "reviews", namespace: "back" };

export function principalOf({ namespace, service }: Workload): string {
  return `spiffe://cluster.local/ns/${namespace}/sa/${service}`;
}

function nodeOf({ name, service, namespace }: Workload): NonNullable<Bootstrap["node"]> {
  return {
    id: `sidecar~10.0.0.1~${name}-abc.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${service}.${namespace}`,
    metadata: {
      NAME: `${name}-abc`,
      NAMESPACE: namespace,
      WORKLOAD_NAME: name,
      CLUSTER_ID: "Kubernetes",
      LABELS: { app: service, version: "v1", "service.istio.io/canonical-name": service, "service.istio.io/canonical-revision": "v1" },
    },
  };
}

/** The host of the service whose workload is reviews. */
export const HOST = "reviews.back.svc.cluster.local";
const services = { istio: { services: [{ host: HOST, name: "reviews", namespace: "back" }] } };

/** Two sidecars one behind the other, with mutual TLS between them, and the application. */
export interface Mesh extends AsyncDisposable {
  readonly productpage: StartedEnvoy;
  readonly reviews: StartedEnvoy;
  readonly application: Upstream;
}

/** `tls`: how the two speak. `outbound` and `inbound`: the filter's configurations. */
export async function startMesh(options: {
  readonly script: Script;
  readonly tls?: boolean;
  readonly outbound?: object;
  readonly inbound?: object;
}): Promise<Mesh> {
  const { script, tls = true, outbound = {}, inbound = {} } = options;
  await using resources = new AsyncDisposableStack();
  const application = resources.use(await startUpstream({ script }));
  const local: Cluster = {
    ...cluster("inbound|9080||", "127.0.0.1", application.port, { protocol: "downstream" }),
    metadata: { filter_metadata: services },
  };
  const reviews = resources.use(await sidecar(REVIEWS, "INBOUND", local, inbound, tls ? downstreamTls(REVIEWS) : undefined));
  const remote: Cluster = {
    ...cluster(`outbound|9080||${HOST}`, "127.0.0.1", reviews.address("main").port, { protocol: "downstream" }),
    metadata: { filter_metadata: services },
    ...(tls && { transport_socket: upstreamTls(PRODUCTPAGE) }),
  };
  const productpage = resources.use(await sidecar(PRODUCTPAGE, "OUTBOUND", remote, outbound));
  const owned = resources.move();
  return { productpage, reviews, application, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A sidecar with the listeners `inbound` and `outbound`, which answer themselves, and one configuration. */
export async function startBothWays(): Promise<StartedEnvoy> {
  const filters = await httpFilters({});
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200 } }];
  const both = ["inbound", "outbound"].map((name) => {
    const manager = connectionManager({ stat_prefix: name }, filters, [{ name: "all", domains: ["*"], routes }]);
    return { ...listener(name, [{ filters: [manager] }]), traffic_direction: name.toUpperCase() };
  });
  return binaryProvider.start({
    node: nodeOf(REVIEWS),
    stats_config: statsConfig ?? {},
    static_resources: { listeners: both, clusters: [] },
  });
}

async function httpFilters(configuration: object): Promise<Extension[]> {
  const telemetry = httpWasm({
    name: "telemetry",
    vm_config: {
      vm_id: "telemetry",
      runtime: "envoy.wasm.runtime.v8",
      code: { local: { filename: await compileFilter(join(filter, "index.ts")) } },
    },
    failure_policy: "FAIL_CLOSED",
    configuration: stringValue(JSON.stringify(configuration)),
  });
  const grpcStats = { name: "grpc_stats", typed_config: typed("filters.http.grpc_stats.v3.FilterConfig", { emit_filter_state: true }) };
  return [grpcStats, telemetry];
}

async function sidecar(
  workload: Workload,
  direction: string,
  to: Cluster,
  configuration: object,
  transport?: Extension,
): Promise<StartedEnvoy> {
  const routes = [{ match: { prefix: "/" }, route: { cluster: to.name } }];
  const manager = connectionManager({ stat_prefix: "main" }, await httpFilters(configuration), [{ name: "all", domains: ["*"], routes }]);
  const main = listener("main", [{ filters: [manager], ...(transport !== undefined && { transport_socket: transport }) }]);
  return binaryProvider.start({
    node: nodeOf(workload),
    stats_config: statsConfig ?? {},
    stats_flush_on_admin: true,
    static_resources: { listeners: [{ ...main, traffic_direction: direction }], clusters: [to] },
  });
}

function commonTls(workload: Workload): object {
  const { certificate, key, authority } = identityOf(principalOf(workload));
  return {
    tls_certificates: [{ certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } }],
    validation_context: { trusted_ca: { inline_string: authority } },
  };
}

function downstreamTls(workload: Workload): Extension {
  const fields = { require_client_certificate: true, common_tls_context: commonTls(workload) };
  return { name: "tls", typed_config: typed("transport_sockets.tls.v3.DownstreamTlsContext", fields) };
}

function upstreamTls(workload: Workload): Extension {
  return { name: "tls", typed_config: typed("transport_sockets.tls.v3.UpstreamTlsContext", { common_tls_context: commonTls(workload) }) };
}
