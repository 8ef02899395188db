import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { compileFilter } from "../../../filters/testing/assembly.ts";
import {
  address,
  binaryProvider,
  connectionManager,
  httpWasm,
  listener,
  stringValue,
  typed,
  type Cluster,
  type EnvoyOptions,
  type StartedEnvoy,
} from "../../../harness/envoy/index.ts";
import { startUpstream, type Upstream, type UpstreamAnswer } from "../../../harness/upstreams/index.ts";
import { until } from "../until.ts";

/** What one host answers at present. */
export interface ServiceHost {
  readonly address: string;
  answer: UpstreamAnswer;
  readonly upstream: Upstream;
}

type Fields = Readonly<Record<string, unknown>>;

export interface ServiceOptions {
  readonly hosts: number;
  /** Address that the hosts bind. Default: 127.0.0.1. */
  readonly bind?: string;
  /** Of the filter. */
  readonly configuration: object;
  /** Fields of the cluster's `outlier_detection` beside those that every set-up with the filter has. */
  readonly outlierDetection?: Readonly<Record<string, unknown>>;
  /** More of the cluster. */
  readonly cluster?: Fields | ((hosts: readonly ServiceHost[]) => Promise<Fields>);
  readonly route?: Readonly<Record<string, unknown>>;
  readonly more?: readonly Cluster[];
  readonly envoy?: EnvoyOptions;
}

const FILTER = join(import.meta.dirname, "../../../filters/ejection/index.ts");
/** Compiles the filter; for a hook, which may take longer than a test. */
export const buildFilter = (): Promise<string> => compileFilter(FILTER);

const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
export const MARK = "x-meshwright-ejection";
export const SERVICE = "reviews";
/** Every host answers this with 200, however it answers the rest. */
export const HEALTH = "/health";
/** Of `outlier_detection`, where no host comes back while the test lasts. */
export const LONG = { interval: "0.5s", base_ejection_time: "60s" };

/** The part of `HttpProtocolOptions` that has Envoy's outlier detection count marks, and nothing else, as errors. */
export const MARKS_ARE_ERRORS = {
  error_matcher: { http_response_headers_match: { headers: [{ name: MARK, present_match: true }] } },
};

/** A service of several hosts behind a real Envoy with the filter in the upstream chain. */
export class Service implements AsyncDisposable {
  readonly hosts: readonly ServiceHost[];
  readonly envoy: StartedEnvoy;
  private readonly resources: AsyncDisposableStack;

  private constructor(hosts: readonly ServiceHost[], envoy: StartedEnvoy, resources: AsyncDisposableStack) {
    this.hosts = hosts;
    this.envoy = envoy;
    this.resources = resources;
  }

  static async start(options: ServiceOptions): Promise<Service> {
    await using resources = new AsyncDisposableStack();
    const hosts: ServiceHost[] = [];
    for (let i = 0; i < options.hosts; i++) {
      const state = { answer: { body: `host ${i}` } as UpstreamAnswer };
      const script = ({ path }: { readonly path: string }) => (path === HEALTH ? { status: 200 } : state.answer);
      const upstream = resources.use(await startUpstream({ host: options.bind ?? "127.0.0.1", script, keep: 100_000 }));
      hosts.push(Object.assign(state, { upstream, address: `${upstream.host}:${upstream.port}` }));
    }
    const ejection = httpWasm({
      name: "ejection",
      vm_config: { vm_id: "ejection", runtime: "envoy.wasm.runtime.v8", code: { local: { filename: await buildFilter() } } },
      failure_policy: "FAIL_CLOSED",
      configuration: stringValue(JSON.stringify(options.configuration)),
      allow_on_headers_stop_iteration: true,
    });
    const codec = { name: "upstream_codec", typed_config: typed("filters.http.upstream_codec.v3.UpstreamCodec") };
    const service: Cluster = {
      name: SERVICE,
      connect_timeout: "1s",
      load_assignment: assignment(hosts),
      // One mark ejects. Local origin errors apart, or the first of them would eject too.
      outlier_detection: {
        consecutive_5xx: 1,
        enforcing_consecutive_gateway_failure: 0,
        enforcing_success_rate: 0,
        split_external_local_origin_errors: true,
        ...options.outlierDetection,
      },
      common_lb_config: { healthy_panic_threshold: { value: 0 } },
      typed_extension_protocol_options: {
        [PROTOCOL_OPTIONS]: typed(PROTOCOL_OPTIONS.replace("envoy.extensions.", ""), {
          explicit_http_config: { http_protocol_options: {} },
          http_filters: [ejection, codec],
          outlier_detection: MARKS_ARE_ERRORS,
        }),
      },
      ...(typeof options.cluster === "function" ? await options.cluster(hosts) : options.cluster),
    };
    const routes = [{ match: { prefix: "/" }, route: { cluster: SERVICE, ...options.route }, response_headers_to_remove: [MARK] }];
    const manager = connectionManager({ stat_prefix: "main" }, [], [{ name: "all", domains: ["*"], routes }]);
    const envoy = resources.use(
      await binaryProvider.start(
        {
          node: { id: "test", cluster: "test" },
          static_resources: {
            listeners: [{ ...listener("main", [{ filters: [manager] }]), connection_balance_config: { exact_balance: {} } }],
            clusters: [service, ...(options.more ?? [])],
          },
        },
        { componentLogLevels: { wasm: "warning" }, ...options.envoy },
      ),
    );
    return new Service(hosts, envoy, resources.move());
  }

  host(index: number): ServiceHost {
    const host = this.hosts[index];
    if (host === undefined) throw new Error(`there is no host ${index}`);
    return host;
  }

  /** Asks once, and tells what the client saw. */
  async ask(path = "/"): Promise<{ readonly status: number; readonly body: string; readonly marked: boolean }> {
    const { host, port } = this.envoy.address("main");
    const answer = await fetch(`http://${host}:${port}${path}`);
    return { status: answer.status, body: await answer.text(), marked: answer.headers.has(MARK) };
  }

  /** Addresses of the hosts that Envoy's outlier detection has taken out at present. */
  async ejectedAddresses(flag = "failed_outlier_check"): Promise<string[]> {
    const clusters = await this.envoy.admin.clusters();
    const found = clusters.find(({ name }) => name === SERVICE)?.hosts ?? [];
    return found.filter(({ health }) => health[flag] === true).map((host) => host.address);
  }

  /** Numbers of the hosts that Envoy's outlier detection has taken out at present. */
  async ejected(flag = "failed_outlier_check"): Promise<number[]> {
    const out = new Set(await this.ejectedAddresses(flag));
    return this.hosts.flatMap((host, index) => (out.has(host.address) ? [index] : []));
  }

  /** Asks until Envoy has taken out as many hosts as that. Returns which. */
  askUntilOut(count: number, flag?: string): Promise<number[]> {
    return until(
      `${count} hosts are out`,
      async () => {
        await this.ask();
        return this.ejected(flag);
      },
      (out) => out.length === count,
    );
  }

  /** Waits until none is out. */
  async allAreBack(): Promise<void> {
    await until(
      "all hosts are back",
      () => this.ejected(),
      (out) => out.length === 0,
    );
  }

  /** Lines of the filter with these words. */
  logs(words: string): string[] {
    this.envoy.log.refresh();
    return this.envoy.log.entries.flatMap((entry) => (entry.kind === "log" && entry.message.includes(words) ? [entry.message] : []));
  }

  /** Of the filter. Up to Envoy 1.38 its name stands behind the cluster's. */
  async metric(name: string): Promise<number> {
    const { values } = await this.envoy.admin.stats(`wasmcustom\\.ejection\\.${name}$`);
    return Object.values(values)[0] ?? 0;
  }

  async stat(name: string): Promise<number> {
    const { values } = await this.envoy.admin.stats(`^${name.replaceAll(".", "\\.")}$`);
    return values[name] ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}

export function assignment(hosts: readonly Pick<ServiceHost, "upstream">[]): Cluster["load_assignment"] {
  return {
    cluster_name: SERVICE,
    endpoints: [{ lb_endpoints: hosts.map(({ upstream }) => ({ endpoint: { address: address(upstream.host, upstream.port) } })) }],
  };
}

/** A client connection of its own, which Envoy's listener gives to one worker for good. */
export class Client implements Disposable {
  private readonly socket: Socket;
  private text = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => (this.text += chunk.toString("latin1")));
  }

  static async connect({ host, port }: { readonly host: string; readonly port: number }): Promise<Client> {
    const socket = connect(port, host);
    await once(socket, "connect");
    return new Client(socket);
  }

  /** Asks and waits for an answer with a `content-length`. */
  async ask(path = "/"): Promise<string> {
    this.text = "";
    this.socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    for (;;) {
      const head = this.text.indexOf("\r\n\r\n");
      const length = /content-length: (\d+)/i.exec(this.text)?.[1];
      if (head >= 0 && this.text.length >= head + 4 + Number(length ?? 0)) return this.text;
      await once(this.socket, "data");
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
