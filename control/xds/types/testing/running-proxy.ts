import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { once } from "node:events";
import { connect as connectTcp, isIPv6, type Socket } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { binaryProvider, type Bootstrap, type StartedEnvoy } from "../../../../harness/envoy/index.ts";
import { pack, typeUrl } from "../../../envoy-api/index.ts";
import { Cluster_DiscoveryType, ClusterSchema } from "../../../envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { type Listener, ListenerSchema } from "../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { RouteConfigurationSchema } from "../../../envoy-api/generated/envoy/config/route/v3/route_pb.ts";
import { ScopedRouteConfigurationSchema } from "../../../envoy-api/generated/envoy/config/route/v3/scoped_route_pb.ts";
import { ProxyProtocolSchema } from "../../../envoy-api/generated/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts";
import type { HostName, ProxyView } from "../../../model/index.ts";
import type { Resource } from "../../server/index.ts";
import { bytesResource, MapSnapshot, type OnDemand } from "../../server/testing/snapshot.ts";
import { TestControl } from "../../transport/testing/control.ts";
import { PASSTHROUGH_CLUSTER } from "../cluster-name.ts";
import { LOOKUP_FILTER } from "../scope/lookup.ts";
import { scopeKey } from "../scope/key.ts";
import type { XdsType } from "../xds-type.ts";

export { freePort } from "./free-port.ts";

/** Milliseconds that an Envoy may take to listen on a busy machine, which compiles a filter's module for it. */
const START = 60_000;
/** Milliseconds for which a proxy may warm. What waits for something that never comes is what some tests are about, so they go on after that. */
const IN_FORCE = 5_000;
/** Milliseconds after which an answer that has begun and is not closed is taken as it is; and those that a busy machine may take to begin. */
const ENDS = 3_000;
const BEGINS = 20_000;

type ByType = Readonly<Record<string, readonly Resource[]>>;

/** Makes an xDS resource of the fields of a message. */
export function resourceOf<Desc extends DescMessage>(schema: Desc, name: string, init: MessageInitShape<Desc>): Resource {
  return bytesResource(name, toBinary(schema, create(schema, init)));
}

/** A cluster of one host on this machine, or of none. */
export function clusterOf(name: string, port?: number): Resource {
  const endpoint = (portValue: number) => ({
    hostIdentifier: {
      case: "endpoint" as const,
      value: {
        address: {
          address: {
            case: "socketAddress" as const,
            value: { address: "127.0.0.1", portSpecifier: { case: "portValue" as const, value: portValue } },
          },
        },
      },
    },
  });
  return resourceOf(ClusterSchema, name, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    connectTimeout: { seconds: 1n },
    loadAssignment: { clusterName: name, endpoints: port === undefined ? [] : [{ lbEndpoints: [endpoint(port)] }] },
  });
}

/** The cluster of connections that go where they were meant to. */
export const passthrough: Resource = resourceOf(ClusterSchema, PASSTHROUGH_CLUSTER, {
  name: PASSTHROUGH_CLUSTER,
  clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
  connectTimeout: { seconds: 1n },
  lbPolicy: 6,
});

/** Scope and routes of one host of a set: everything goes to the cluster. */
export function routesTo(routeName: string, host: HostName, cluster: string): ByType {
  const name = scopeKey(routeName, host);
  const fragments = [{ type: { case: "stringKey" as const, value: name } }];
  return {
    [typeUrl(ScopedRouteConfigurationSchema)]: [
      resourceOf(ScopedRouteConfigurationSchema, name, { name, routeConfigurationName: name, key: { fragments } }),
    ],
    [typeUrl(RouteConfigurationSchema)]: [
      resourceOf(RouteConfigurationSchema, name, {
        name,
        virtualHosts: [
          {
            name,
            domains: ["*"],
            metadata: { filterMetadata: { [LOOKUP_FILTER]: { host } } },
            routes: [
              {
                match: { pathSpecifier: { case: "prefix", value: "/" } },
                action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: cluster } } },
              },
            ],
          },
        ],
      }),
    ],
  };
}

export interface ProxyOptions {
  readonly view: ProxyView;
  readonly types: readonly XdsType[];
  /** What other types would make: clusters, routes, secrets. */
  readonly others?: readonly ByType[];
  readonly nodeId?: string;
}

/** A real Envoy with the configuration that a view yields, over ADS. */
export class RunningProxy implements AsyncDisposable {
  readonly envoy: StartedEnvoy;
  readonly control: TestControl;
  readonly #options: ProxyOptions;
  readonly #folder: string;

  private constructor(envoy: StartedEnvoy, control: TestControl, options: ProxyOptions, folder: string) {
    this.envoy = envoy;
    this.control = control;
    this.#options = options;
    this.#folder = folder;
  }

  static async start(options: ProxyOptions): Promise<RunningProxy> {
    const folder = await mkdtemp(join(tmpdir(), "proxy-"));
    const control = await TestControl.start(new MapSnapshot("1", resourcesOf(options, folder), absentOf(options)));
    try {
      const envoy = await binaryProvider.start(bootstrapFor(control.listener.port, options.nodeId), { startTimeout: START });
      const proxy = new RunningProxy(envoy, control, options, folder);
      await proxy.inForce();
      return proxy;
    } catch (error) {
      await control[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Has the proxy take what another view, or other resources beside it, yield; what is no more is removed. */
  async update(options: Partial<ProxyOptions>): Promise<void> {
    await this.control.push(resourcesOf({ ...this.#options, ...options }, this.#folder));
    await this.inForce();
  }

  /** Waits until Envoy has put in force what it has accepted: a listener or a cluster that warms asks for more (filters, routes, secrets), and the one before it serves until that has come. */
  private async inForce(): Promise<void> {
    for (const end = performance.now() + IN_FORCE; performance.now() < end; await new Promise((resolve) => setTimeout(resolve, 5))) {
      await this.control.settled();
      const { values } = await this.envoy.admin.stats("^(listener_manager.total_listeners_warming|cluster_manager.warming_clusters)$");
      if (Object.values(values).every((count) => count === 0)) return;
    }
  }

  /** Sends bytes from the workload (`outbound`) or to it (`inbound`), meant for an address; gives all that comes back. */
  redirected(side: "outbound" | "inbound", destination: string, text: string, tls?: ConnectionOptions): Promise<string> {
    return exchange({ ...this.connection(side, destination), ...(tls === undefined ? {} : { tls }) }, text);
  }

  /** For connections of the workload (`outbound`) or to it (`inbound`) that are meant for an address. */
  connection(side: "outbound" | "inbound", destination: string): Connection {
    return { path: join(this.#folder, side === "outbound" ? "virtualOutbound" : "virtualInbound"), destination };
  }

  /** The names of resources that Envoy refused, with its reasons. */
  refusals(): readonly string[] {
    return this.control.refusals().map(({ name, reason }) => `${name}: ${reason}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.envoy[Symbol.asyncDispose]();
    await this.control[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function resourcesOf({ view, types, others = [] }: ProxyOptions, folder: string): ByType {
  const result: Record<string, Resource[]> = {};
  for (const type of types) {
    const list = (result[typeUrl(type.schema)] ??= []);
    for (const unit of type.units(view)) {
      for (const { name, message, onDemand = false } of type.translate(view, unit)) {
        const value = toBinary(type.schema, redirectable(message, folder));
        const resource = bytesResource(name, value, type.companions?.(name, message));
        list.push(onDemand ? { ...resource, onDemand } : resource);
      }
    }
  }
  for (const byType of others) for (const [url, resources] of Object.entries(byType)) (result[url] ??= []).push(...resources);
  return result;
}

/** What a proxy on demand gets for names that do not exist. */
function absentOf({ view, types }: ProxyOptions): OnDemand | undefined {
  if (!view.client().onDemand) return undefined;
  return (url, name) => {
    const type = types.find(({ schema }) => typeUrl(schema) === url);
    const message = type?.absent?.(name);
    return type === undefined || message === undefined ? undefined : bytesResource(name, toBinary(type.schema, message));
  };
}

/**
 * Redirecting listeners are told by a PROXY header what iptables would tell them by the socket. They listen on a path, because `original_dst`, which runs after what stands in the list, would
 * overwrite the header's address with that of a port.
 */
function redirectable<Message>(message: Message, folder: string): Message {
  const { $typeName, name } = message as Partial<Listener>;
  if ($typeName !== ListenerSchema.typeName || (name !== "virtualOutbound" && name !== "virtualInbound")) return message;
  const listener = message as unknown as Listener;
  const changes = create(ListenerSchema, {
    address: { address: { case: "pipe", value: { path: join(folder, name) } } },
    listenerFilters: [{ name: "proxy_protocol", configType: { case: "typedConfig", value: pack(ProxyProtocolSchema, {}) } }],
  });
  const listenerFilters = [...changes.listenerFilters, ...listener.listenerFilters];
  return {
    ...listener,
    listenerFilters,
    additionalAddresses: [],
    ...(changes.address === undefined ? {} : { address: changes.address }),
  } as Message;
}

function bootstrapFor(port: number, id = "sidecar~10.0.0.1~client.default~default.svc.cluster.local"): Bootstrap {
  const source = { ads: {}, resource_api_version: "V3" };
  const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return {
    node: { id, cluster: "test" },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "control" } }],
      },
      lds_config: source,
      cds_config: source,
    },
    static_resources: {
      clusters: [
        {
          name: "control",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: {
            [options]: { "@type": `type.googleapis.com/${options}`, explicit_http_config: { http2_protocol_options: {} } },
          },
          load_assignment: {
            cluster_name: "control",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }] }],
          },
        },
      ],
    },
  };
}

export interface Connection {
  /** Of the listener: a port of the loopback interface, or a path. */
  readonly port?: number;
  /** Of this machine. Default: 127.0.0.1. */
  readonly address?: string;
  readonly path?: string;
  /** `ip:port` that the client wanted to go to, where the listener is a redirecting one. */
  readonly destination?: string;
  readonly tls?: ConnectionOptions;
}

/**
 * Sends bytes over a connection and gives all that comes back until it is closed, `reset` where it is cut off, or `timeout` where nothing comes.
 *
 * @param timeout milliseconds. Default: 3,000 once something has come, 20,000 for that
 */
export async function exchange(connection: Connection, text: string, timeout?: number): Promise<string> {
  const { port = 0, address = "127.0.0.1", path } = connection;
  const socket = path === undefined ? connectTcp(port, address) : connectTcp(path);
  let received = "";
  const ended = new Promise<string>((resolve) => {
    const end = (): void => resolve(received === "" ? "timeout" : received);
    let timer = setTimeout(end, timeout ?? BEGINS);
    const listen = (stream: Socket): void => {
      stream.on("data", (bytes: Buffer) => {
        if (received === "" && timeout === undefined) {
          clearTimeout(timer);
          timer = setTimeout(end, ENDS);
        }
        received += bytes.toString("latin1");
        if (!isLast(received)) return;
        clearTimeout(timer);
        resolve(received);
      });
      stream.on("close", () => (clearTimeout(timer), resolve(received === "" ? "reset" : received)));
      stream.on("error", () => stream.destroy());
    };
    void open(socket, connection).then(
      (stream) => (listen(stream), stream.write(text)),
      () => (clearTimeout(timer), resolve("reset")),
    );
  });
  const answer = await ended;
  socket.destroy();
  return answer;
}

/** Whether nothing follows a whole answer. Envoy closes up to a second after that. */
function isLast(received: string): boolean {
  const end = received.indexOf("\r\n\r\n") + 4;
  const head = received.slice(0, end);
  if (end < 4 || !head.startsWith("HTTP/1.1 ") || !/\r\nconnection: close\r\n/i.test(head)) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
  return length === undefined ? received.endsWith("\r\n0\r\n\r\n") : received.length - end >= Number(length);
}

async function open(socket: Socket, { destination, tls }: Connection): Promise<Socket> {
  await once(socket, "connect");
  if (destination !== undefined) socket.write(proxyHeader(destination));
  if (tls === undefined) return socket;
  const secured = connectTls({ ...tls, socket });
  await once(secured, "secureConnect");
  return secured;
}

/** The PROXY header (version 1) of a connection from 10.9.9.9, or `fd09::9`, to `ip:port`, IPv6 in brackets. */
export function proxyHeader(destination: string): string {
  const at = destination.lastIndexOf(":");
  const [host, port] = [destination.slice(0, at).replace(/^\[|\]$/g, ""), destination.slice(at + 1)];
  return isIPv6(host) ? `PROXY TCP6 fd09::9 ${host} 40000 ${port}\r\n` : `PROXY TCP4 10.9.9.9 ${host} 40000 ${port}\r\n`;
}

/** An HTTP/1.1 request for {@link exchange}; the server closes after its answer. */
export function httpRequest(host: string, path = "/", headers: readonly string[] = []): string {
  return [`GET ${path} HTTP/1.1`, `Host: ${host}`, "Connection: close", ...headers, "", ""].join("\r\n");
}
