import { rename, writeFile } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { startCallouts } from "../../../../harness/envoy/chain/callouts.ts";
import { logPrefixes, pluginConfig } from "../../../../harness/envoy/chain/plugin.ts";
import {
  binaryProvider,
  cluster,
  connectionManager,
  httpWasm,
  listener,
  networkWasm,
  tcpProxy,
  typed,
  type Extension,
  type Listener,
  type StartedEnvoy,
} from "../../../../harness/envoy/index.ts";
import { CONNECTION_MANAGER } from "../../../../harness/target/index.ts";
import { calloutAnswer } from "./clusters.ts";
import { StepClient } from "./http-client.ts";
import { startStepUpstream, type StepUpstream } from "./http-upstream.ts";
import { startHttp1Upstream } from "./http1-upstream.ts";
import type { NamedFilter, Setup } from "./setups.ts";
import { LIMIT, shownLines, type Case, type ConnectionView, type Place, type RequestView, type Sight } from "./step.ts";
import { openConnection, startTcpServer, type TcpServer } from "./tcp.ts";

/** Milliseconds for which Envoy may take to do what the host did; less once something differs. */
const PATIENCE = 5_000;
const IMPATIENCE = 100;
/** Milliseconds in which nothing more may come in the end. */
const QUIET = 10;

/** By protocol, and one for cases with METADATA: its connections pass through {@link HeaderBlockSubstitution}. */
type Upstreams = Readonly<Record<Setup["upstream"] | "metadata", StepUpstream>>;

/** One Envoy with a listener for each setup. */
export class EnvoyPlaces implements AsyncDisposable {
  private readonly envoy: StartedEnvoy;
  private readonly upstreams: Upstreams;
  private readonly server: TcpServer;
  private readonly folder: string;
  private readonly resources: AsyncDisposableStack;
  private streams = 0;

  private constructor(envoy: StartedEnvoy, upstreams: Upstreams, server: TcpServer, folder: string, resources: AsyncDisposableStack) {
    this.envoy = envoy;
    this.upstreams = upstreams;
    this.server = server;
    this.folder = folder;
    this.resources = resources;
  }

  static async start(setups: readonly Setup[]): Promise<EnvoyPlaces> {
    await using resources = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "meshwright-steps-"));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const upstream = resources.use(await startStepUpstream());
    const metadataUpstream = resources.use(await startStepUpstream({ metadata: true }));
    const http1Upstream = resources.use(await startHttp1Upstream());
    const server = resources.use(await startTcpServer());
    const callouts = await startCallouts({ callout: calloutAnswer }, { bind: "127.0.0.1", reach: "127.0.0.1" }, resources);
    const listeners: Listener[] = [];
    for (const setup of setups) {
      for (const filter of setup.updated ? setup.filters : []) await push(folder, filter);
      listeners.push(listenerOf(setup, folder));
    }
    const envoy = resources.use(
      await binaryProvider.start(
        {
          node: { id: "steps", cluster: "steps" },
          static_resources: {
            listeners,
            clusters: [
              cluster("upstream", "127.0.0.1", upstream.port, { protocol: "http2" }),
              cluster("limited-upstream", "127.0.0.1", upstream.port, { protocol: "http2", streamWindow: LIMIT }),
              cluster("metadata-upstream", "127.0.0.1", metadataUpstream.port, { protocol: "http2", allowMetadata: true }),
              cluster("http1-upstream", "127.0.0.1", http1Upstream.port),
              {
                ...cluster("limited-http1-upstream", "127.0.0.1", http1Upstream.port),
                per_connection_buffer_limit_bytes: LIMIT,
                upstream_bind_config: { source_address: { address: "127.0.0.1", port_value: 0 }, socket_options: SMALL_SEND_BUFFER },
              },
              cluster("server", "127.0.0.1", server.port),
              ...[...callouts].map(([name, { host, port }]) => cluster(name, host, port, { protocol: "http2" })),
              cluster("refused", "127.0.0.1", 1),
              {
                ...cluster("breaker", "127.0.0.1", upstream.port),
                circuit_breakers: { thresholds: [{ max_requests: 0, max_pending_requests: 0, max_connections: 0 }] },
              },
              { ...cluster("no-hosts", "127.0.0.1", 1), load_assignment: { cluster_name: "no-hosts", endpoints: [] } },
            ],
          },
        },
        { componentLogLevels: { wasm: "debug" } },
      ),
    );
    return new EnvoyPlaces(
      envoy,
      { h2: upstream, metadata: metadataUpstream, "http/1.1": http1Upstream },
      server,
      folder,
      resources.move(),
    );
  }

  /** What is seen behind each step, each waited for until what `alike` leaves of it is what `expected` says. */
  async play(
    setup: Setup,
    { play, shown = /^/ }: Pick<Case, "play" | "shown">,
    expected: readonly Sight[],
    alike: (sight: Sight) => Sight,
  ): Promise<Sight[]> {
    const first = this.lines(setup).length;
    const sights: Sight[] = [];
    const streams: Array<() => RequestView | ConnectionView> = [];
    const leavers: Array<() => Promise<void>> = [];
    using clients = new StepClient(this.envoy.address(setup.name), setup.metadata);
    const upstreams = this.upstreams[setup.metadata ? "metadata" : setup.upstream];
    let differs = false;
    const log = () =>
      this.lines(setup)
        .slice(first)
        .filter((line) => shown.test(line));
    const look = (step: string): Sight => ({ step, log: log(), streams: streams.map((view) => view()) });
    let together = false;
    const did = async (step: string) => {
      if (together) return;
      // TCP has nothing to ask.
      if (setup.listener === "tcp") await new Promise((resolve) => setTimeout(resolve, 5));
      // What a client sent reaches the upstream, and what an upstream sent the client.
      for (let i = 0; i < 2; i++) {
        await clients.settled();
        await upstreams.settled();
      }
      const wanted = expected[sights.length];
      const end = Date.now() + (differs ? IMPATIENCE : PATIENCE);
      let sight = look(step);
      while (!isDeepStrictEqual(alike(sight), wanted) && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        sight = look(step);
      }
      differs ||= !isDeepStrictEqual(alike(sight), wanted);
      sights.push(sight);
    };
    const step = (name: string, act: () => void) => async () => {
      act();
      await did(name);
    };
    const place: Place = {
      request: async (script, options = {}) => {
        const number = ++this.streams;
        const client = clients.open(script, number, options);
        const upstream = () => upstreams.stream(String(number));
        streams.push(() => {
          const [ours, theirs] = [client.view(), upstream()?.view()];
          return { ...(ours !== undefined && { client: ours }), ...(theirs !== undefined && { upstream: theirs }) };
        });
        await did("request");
        const leave = step("leave", () => client.leave());
        leavers.push(leave);
        return {
          send: (data) => step("send", () => client.send(data))(),
          finish: step("finish", () => client.finish()),
          trailers: (trailers) => step("trailers", () => client.trailers(trailers))(),
          metadata: (entries) => step("metadata", () => client.metadata(entries))(),
          answerMetadata: (entries) => step("answerMetadata", () => upstream()?.metadata(entries))(),
          leave,
          stopReading: (side) => step("stopReading", () => (side === "client" ? client : upstream())?.stopReading())(),
          readOn: (side) => step("readOn", () => (side === "client" ? client : upstream())?.readOn())(),
          answer: (headers = [[":status", "200"]], end = true) => step("answer", () => upstream()?.answer(headers, end))(),
          answerData: (data) => step("answerData", () => upstream()?.data(data))(),
          answerEnd: step("answerEnd", () => upstream()?.end()),
          answerTrailers: (trailers) => step("answerTrailers", () => upstream()?.end(trailers))(),
        };
      },
      connect: async () => {
        const pair = await openConnection(this.envoy.address(setup.name), this.server);
        streams.push(() => pair.view());
        await did("connect");
        const leave = step("leave", () => pair.leave());
        leavers.push(leave);
        return {
          send: (data) => step("send", () => pair.send(data))(),
          finish: step("finish", () => pair.finish()),
          leave,
          receive: (data) => step("receive", () => pair.receive(data))(),
          receiveEnd: step("receiveEnd", () => pair.receiveEnd()),
        };
      },
      update: async (script, filter = 0) => {
        const named = setup.filters[filter];
        if (named === undefined) return;
        const before = await this.updates(named);
        await push(this.folder, { ...named, configuration: script });
        await did("update");
        // The worker takes it a moment after it was configured.
        while ((await this.updates(named)) === before) await new Promise((resolve) => setTimeout(resolve, 5));
        await new Promise((resolve) => setTimeout(resolve, QUIET));
      },
      together: async (steps) => {
        together = true;
        await steps();
        together = false;
        await did("together");
      },
      pass: async (milliseconds) => {
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        await did("pass");
      },
    };
    await play(place);
    for (const leave of leavers) await leave();
    await new Promise((resolve) => setTimeout(resolve, QUIET));
    const last = sights.pop();
    return [...sights, ...(last === undefined ? [] : [look(last.step)])];
  }

  /** How many configurations a filter was given, those that it refused included. */
  private async updates({ name }: NamedFilter): Promise<number> {
    const { values } = await this.envoy.admin.stats(`extension_config_discovery.*${name}\\.(config_reload|config_fail|update_rejected)$`);
    return Object.values(values).reduce((sum, value) => sum + value, 0);
  }

  /** What the filters of a setup logged, with the number of the filter where there are several. */
  private lines({ filters }: Setup): string[] {
    this.envoy.log.refresh();
    const prefixes = filters.map((filter) => logPrefixes(filter));
    const messages = this.envoy.log.entries.flatMap((entry) => {
      if (entry.kind !== "log" || entry.component !== "wasm") return [];
      const at = prefixes.findIndex((list) => list.some((prefix) => entry.message.startsWith(prefix)));
      const prefix = prefixes[at]?.find((one) => entry.message.startsWith(one));
      if (prefix === undefined) return [];
      const message = entry.message.slice(prefix.length);
      return [{ filter: filters.length === 1 ? "" : `${at + 1}: `, message }];
    });
    return shownLines(messages);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}

/** Of what Envoy writes to a connection the kernel takes some megabytes otherwise (tcp(7), `tcp_wmem`). */
const [SOL_SOCKET, SO_SNDBUF] = process.platform === "darwin" ? [0xffff, 0x1001] : [1, 7];
const SMALL_SEND_BUFFER = [{ level: SOL_SOCKET, name: SO_SNDBUF, int_value: LIMIT, state: "STATE_PREBIND" }];

function listenerOf(setup: Setup, folder: string): Listener {
  const { name, filters, limited } = setup;
  const chain =
    setup.listener === "tcp"
      ? [...filters.map((filter) => networkWasm(config(filter))), tcpProxy("server")]
      : [
          connectionManager(
            {
              ...CONNECTION_MANAGER,
              delayed_close_timeout: "0s",
              http_protocol_options: { enable_trailers: true },
              http2_protocol_options: { allow_metadata: true, ...(limited && { initial_stream_window_size: LIMIT }) },
            },
            filters.map((filter) => (setup.updated ? discovered(filter.name, fileOf(folder, filter)) : httpWasm(config(filter)))),
            [
              {
                name: "default",
                domains: ["*"],
                routes: [{ match: { prefix: "/" }, route: { cluster: clusterOf(setup) } }],
              },
            ],
          ),
        ];
  return {
    ...listener(name, [{ name: "", filters: chain }]),
    ...(limited && { per_connection_buffer_limit_bytes: LIMIT, socket_options: SMALL_SEND_BUFFER }),
  };
}

function clusterOf({ metadata, limited, upstream }: Setup): string {
  return `${metadata ? "metadata-" : limited ? "limited-" : ""}${upstream === "http/1.1" ? "http1-" : ""}upstream`;
}

function config(filter: NamedFilter): ReturnType<typeof pluginConfig> {
  const { reloadBaseInterval } = filter;
  const plain = pluginConfig(filter);
  if (reloadBaseInterval === undefined) return plain;
  return { ...plain, reload_config: { backoff: { base_interval: `${reloadBaseInterval / 1000}s` } } } as typeof plain;
}

const fileOf = (folder: string, { name }: NamedFilter) => join(folder, `${name}.json`);

/** An HTTP filter whose configuration Envoy reads from a file, and again when that is replaced. */
function discovered(name: string, path: string): Extension {
  return {
    name,
    config_discovery: {
      config_source: { resource_api_version: "V3", path_config_source: { path } },
      type_urls: ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
    },
  } as unknown as Extension;
}

async function push(folder: string, filter: NamedFilter): Promise<void> {
  const resource = {
    "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
    name: filter.name,
    typed_config: typed("filters.http.wasm.v3.Wasm", { config: config(filter) }),
  };
  const path = fileOf(folder, filter);
  await writeFile(`${path}.new`, JSON.stringify({ resources: [resource] }));
  await rename(`${path}.new`, path);
}
