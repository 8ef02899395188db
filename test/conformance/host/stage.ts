import { Lanes } from "../../../harness/envoy/chain/lanes.ts";
import { clientRequest } from "../../../harness/envoy/chain/messages.ts";
import { pluginConfig } from "../../../harness/envoy/chain/plugin.ts";
import {
  binaryProvider,
  cluster,
  connectionManager,
  httpWasm,
  listener,
  proxyProtocol,
  type StartedEnvoy,
} from "../../../harness/envoy/index.ts";
import { inProcessTarget } from "../../../harness/host/index.ts";
import {
  CONNECTION_MANAGER,
  DEFAULT_NODE,
  DEFAULT_ROUTE,
  reportedHeaders,
  VIRTUAL_HOST,
  type CalloutAnswer,
  type CalloutRequest,
  type ExchangeRequest,
  type FilterSpec,
  type HeaderList,
} from "../../../harness/target/index.ts";
import { startCallouts } from "../../../harness/envoy/chain/callouts.ts";
import { startUpstream, type RecordedRequest } from "../../../harness/upstreams/index.ts";
import { CALLOUT } from "./callout-probes.ts";

/** A place where a filter runs and a request can be sent through it: nothing but the filter stands between client and router. */
export interface Stage extends AsyncDisposable {
  send(request: ExchangeRequest): Promise<Seen>;
  /** What filters logged so far. */
  messages(): Promise<readonly string[]>;
}

/** Where Envoy runs: it may end. */
export interface EnvoyStage extends Stage {
  alive(): boolean;
}

/** What became of a request, as client and upstream saw it. */
export interface Seen {
  readonly status: number;
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly body: string;
  readonly trailers: ReadonlyArray<readonly [string, string]>;
  /** Absent where the request did not reach the upstream up to its trailers. */
  readonly upstream?: { readonly method: string; readonly path: string; readonly body: string };
}

/** What the cluster of callouts answers, in both places. */
export function answer(_request: CalloutRequest): CalloutAnswer {
  return {
    status: 200,
    headers: [
      ["x-r", "r"],
      ["content-type", "application/grpc"],
    ],
    body: "answered",
    trailers: [
      ["grpc-status", "0"],
      ["x-t", "t"],
    ],
  };
}

/** @param filters First the one whose messages are read; what follows stands in front of it, and logs nothing. */
export async function hostStage(filters: readonly [FilterSpec, ...FilterSpec[]]): Promise<Stage> {
  const running = await inProcessTarget.start({ filters: filters.toReversed(), callouts: { [CALLOUT]: answer } });
  return {
    async send(request) {
      const { status, response, request: upstream } = await running.send(request);
      return {
        status,
        headers: response?.headers ?? [],
        body: textOf(response?.body),
        trailers: response?.trailers ?? [],
        ...(upstream?.trailers !== undefined && {
          upstream: { method: upstream.method, path: upstream.path, body: textOf(upstream.body) },
        }),
      };
    },
    messages: async () => (await running.logs()).map(({ message }) => message),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

function textOf(body: ExchangeRequest["body"]): string {
  return body === undefined ? "" : typeof body === "string" ? body : Buffer.from(body.base64, "base64").toString("latin1");
}

/** `idle` is the time after which Envoy ends a stream that nothing goes on with, as the host does after 30 s of its own time. */
export async function envoyStage(filters: readonly [FilterSpec, ...FilterSpec[]], idle = "30s"): Promise<EnvoyStage> {
  await using resources = new AsyncDisposableStack();
  let current: ExchangeRequest = { path: "/" };
  let seen: RecordedRequest | undefined;
  const upstream = resources.use(
    await startUpstream({
      script: (request) => {
        // Envoy up to 1.38 cuts a request off by a reset that says NO_ERROR: to a server it looks whole.
        if (request.trailers.length > 0 && probeOf(request.headers) === probeOf(current.headers ?? [])) seen = request;
        return current.response ?? {};
      },
      keep: 0,
    }),
  );
  const callouts = await startCallouts({ [CALLOUT]: answer }, { bind: "127.0.0.1", reach: "127.0.0.1" }, resources);
  const manager = connectionManager(
    { ...CONNECTION_MANAGER, stream_idle_timeout: idle, delayed_close_timeout: "0s", http_protocol_options: { enable_trailers: true } },
    filters.toReversed().map((filter) => httpWasm(pluginConfig(filter))),
    [{ name: VIRTUAL_HOST, domains: ["*"], routes: [{ name: DEFAULT_ROUTE, match: { prefix: "/" }, route: { cluster: "upstream" } }] }],
  );
  const envoy = resources.use(
    await binaryProvider.start(
      {
        node: DEFAULT_NODE,
        static_resources: {
          listeners: [listener("main", [{ name: "", filters: [manager] }], [proxyProtocol()])],
          clusters: [
            cluster("upstream", upstream.host, upstream.port, { protocol: "downstream" }),
            ...[...callouts].map(([name, { host, port }]) => cluster(name, host, port, { protocol: "http2" })),
          ],
        },
      },
      { componentLogLevels: { wasm: "debug" } },
    ),
  );
  const lanes = resources.use(new Lanes(envoy.address("main")));
  let alive = true;
  void envoy.exited.then(() => (alive = false));
  const owned = resources.move();
  return {
    async send(request) {
      current = request;
      seen = undefined;
      const connection = await lanes.take(request);
      const answered = await connection.exchange(clientRequest(request));
      // The same reset towards the client: the upstream's answers end with trailers.
      const isCut = answered?.trailers.length === 0 && answered.headers.some(([name]) => name === "x-r");
      const response = isCut ? undefined : answered;
      // What ends a stream may end its connection, a moment later.
      connection.close();
      const { method, path, body } = seen ?? ({} as Partial<RecordedRequest>);
      return {
        status: response?.status ?? 0,
        headers: reportedHeaders(response?.headers ?? []),
        body: response?.body.toString("latin1") ?? "",
        trailers: response?.trailers ?? [],
        ...(method !== undefined && { upstream: { method, path: path ?? "", body: body?.toString("latin1") ?? "" } }),
      };
    },
    messages: async () => filterMessages(envoy, filters[0]),
    alive: () => alive,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

function probeOf(headers: HeaderList): string | undefined {
  return headers.find(([name]) => name === "x-probe")?.[1];
}

/** What a filter logged: Envoy's lines of it, without what it writes before. */
export function filterMessages(envoy: StartedEnvoy, filter: FilterSpec): string[] {
  envoy.log.refresh();
  return envoy.log.entries.flatMap((entry) => {
    if (entry.kind !== "log" || entry.component !== "wasm") return [];
    const at = entry.message.indexOf(`${filter.vmId ?? filter.name}: @`);
    return at < 0 ? [] : [entry.message.slice(entry.message.indexOf("@", at))];
  });
}
