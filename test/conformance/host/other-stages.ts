import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCallouts } from "../../../harness/envoy/chain/callouts.ts";
import { pluginConfig } from "../../../harness/envoy/chain/plugin.ts";
import {
  binaryProvider,
  cluster,
  connectionManager,
  listener,
  networkWasm,
  tcpProxy,
  typed,
  type Extension,
  type StartedEnvoy,
} from "../../../harness/envoy/index.ts";
import { Host, ManualClock } from "../../../harness/host/index.ts";
import { grpcHandler } from "../../../harness/host/target/grpc-handler.ts";
import type { FilterSpec } from "../../../harness/target/index.ts";
import { CALLOUT } from "./callout-probes.ts";
import { answer, filterMessages } from "./stage.ts";

/** What two filters logged: one of a TCP connection, and one of which the configuration was replaced. */
export interface OtherMessages {
  readonly tcp: readonly string[];
  readonly update: readonly string[];
}

/** The two filters: the same module, each in a VM of its own. */
function filtersOf(filter: FilterSpec): { readonly tcp: FilterSpec; readonly update: FilterSpec } {
  return { tcp: { ...filter, name: "probe-tcp" }, update: { ...filter, name: "probe-update" } };
}

/** Who gets configuration must have a name. */
const NODE = { id: "probe", cluster: "probe" };

const SECOND = "plugin, second";

/** A client sends, a server answers, the client ends its side, then the server does. */
export async function hostOthers(filter: FilterSpec): Promise<OtherMessages> {
  const { tcp, update } = filtersOf(filter);
  const run = (spec: FilterSpec, play: (host: Host, plugin: ReturnType<Host["load"]>) => void) => {
    const host = new Host({ clock: new ManualClock({ now: new Date() }), logLevel: "debug", node: NODE });
    host.clusters.set(CALLOUT, { http: answer, grpc: grpcHandler(answer) });
    const plugin = host.load({ ...spec, vmId: spec.name });
    play(host, plugin);
    host.advance(1_000);
    return host.logs.lines.filter(({ source }) => source === "filter").map(({ message }) => message);
  };
  return {
    tcp: run(tcp, (host, plugin) => {
      const connection = host.chain([plugin]).openConnection({ cluster: "server" });
      connection.send("client data");
      connection.receive("server data");
      connection.send("", true);
      connection.receive("", true);
    }),
    update: run(update, (host, plugin) => {
      host.advance(1_000);
      plugin.update(SECOND);
    }),
  };
}

/** When Envoy has called what it will: before the configuration is replaced, because an old root gets no answers; and in the end. */
export interface Milestones {
  readonly configured: (messages: OtherMessages) => boolean;
  readonly done: (messages: OtherMessages) => boolean;
}

export async function envoyOthers(filter: FilterSpec, { configured, done }: Milestones): Promise<OtherMessages> {
  await using resources = new AsyncDisposableStack();
  const { tcp, update } = filtersOf(filter);
  const folder = await mkdtemp(join(tmpdir(), "meshwright-probe-"));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "update.json");
  await push(file, update);
  const server = await startServer(resources);
  const callouts = await startCallouts({ [CALLOUT]: answer }, { bind: "127.0.0.1", reach: "127.0.0.1" }, resources);
  const manager = connectionManager({ stat_prefix: "ingress" }, [discovered(update.name, file)], []);
  const envoy = resources.use(
    await binaryProvider.start(
      {
        node: NODE,
        static_resources: {
          listeners: [
            listener("tcp", [{ name: "", filters: [networkWasm(pluginConfig(tcp)), tcpProxy("server")] }]),
            listener("http", [{ name: "", filters: [manager] }]),
          ],
          clusters: [
            cluster("server", "127.0.0.1", server.port),
            ...[...callouts].map(([name, { host, port }]) => cluster(name, host, port, { protocol: "http2" })),
          ],
        },
      },
      { componentLogLevels: { wasm: "debug" } },
    ),
  );
  const messages = () => ({ tcp: filterMessages(envoy, tcp), update: filterMessages(envoy, update) });
  await playTcp(envoy, server.ended);
  await until(() => configured(messages()));
  await push(file, { ...update, configuration: SECOND });
  await until(() => done(messages()));
  return messages();
}

/** Waits for a condition, 20 s at most: what has not come then is seen to be missing. */
async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
}

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

async function push(path: string, filter: FilterSpec): Promise<void> {
  const resource = {
    "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
    name: filter.name,
    typed_config: typed("filters.http.wasm.v3.Wasm", { config: pluginConfig(filter) }),
  };
  await writeFile(`${path}.new`, JSON.stringify({ resources: [resource] }));
  await rename(`${path}.new`, path);
}

async function startServer(resources: AsyncDisposableStack) {
  const sockets = new Set<Socket>();
  const ended = Promise.withResolvers<void>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write("server data"));
    socket.once("end", () => {
      socket.end();
      ended.resolve();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  resources.defer(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, ended: ended.promise };
}

async function playTcp(envoy: StartedEnvoy, serverEnded: Promise<void>): Promise<void> {
  const { host, port } = envoy.address("tcp");
  const client = connect({ host, port, allowHalfOpen: true });
  await once(client, "connect");
  client.write("client data");
  await once(client, "data");
  client.resume();
  client.end();
  await serverEnded;
  if (!client.readableEnded) await once(client, "end");
}
