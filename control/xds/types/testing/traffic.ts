import type { Resource } from "../../server/index.ts";
import { pack, typeUrl } from "../../../envoy-api/index.ts";
import { ListenerSchema } from "../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { RouterSchema } from "../../../envoy-api/generated/envoy/extensions/filters/http/router/v3/router_pb.ts";
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManagerSchema,
} from "../../../envoy-api/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { TcpProxySchema } from "../../../envoy-api/generated/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import type { ProxyView } from "../../../model/index.ts";
import { clusterType, type ClusterOptions } from "../cluster/index.ts";
import { endpointType } from "../endpoint/index.ts";
import { filterType } from "../filter/index.ts";
import { secretType } from "../secret/index.ts";
import { exchange, freePort, httpRequest, resourceOf, RunningProxy } from "./running-proxy.ts";

export interface TrafficOptions extends ClusterOptions {
  /** The cluster to which connections to `tcpPort` go. Default: no such listener. */
  readonly tcp?: string;
  /** How often a request may be tried again where it fails. Default: never. */
  readonly retries?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** An Envoy with the clusters, endpoints and secrets that a view yields, and a listener that sends each request to the cluster that its header `x-cluster` names. */
export class Traffic implements AsyncDisposable {
  readonly proxy: RunningProxy;
  readonly port: number;
  /** Of a listener whose connections go to `options.tcp`. */
  readonly tcpPort: number;

  private constructor(proxy: RunningProxy, port: number, tcpPort: number) {
    this.proxy = proxy;
    this.port = port;
    this.tcpPort = tcpPort;
  }

  static async start(view: ProxyView, options: TrafficOptions = {}): Promise<Traffic> {
    const [port, tcpPort] = [await freePort(), await freePort()];
    const listeners = [httpListener(port, options.retries ?? 0), ...(options.tcp === undefined ? [] : [tcpListener(tcpPort, options.tcp)])];
    const others = [{ [typeUrl(ListenerSchema)]: listeners }];
    return new Traffic(
      await RunningProxy.start({ view, types: [clusterType(options), endpointType, secretType, filterType()], others }),
      port,
      tcpPort,
    );
  }

  async get(
    cluster: string,
    { path = "/", headers = {} }: { readonly path?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { headers: { ...headers, "x-cluster": cluster } });
    return { status: response.status, headers: response.headers, body: await response.text() };
  }

  /** The status and body of a request for another host, which `fetch` would not send. */
  async authority(cluster: string, host: string): Promise<string> {
    const answer = await exchange({ port: this.port }, httpRequest(host, "/", [`x-cluster: ${cluster}`]));
    return `${answer.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length)} ${answer.slice(answer.indexOf("\r\n\r\n") + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, "")}`;
  }

  /** How often each body was the answer. */
  async count(
    cluster: string,
    requests: number,
    headers: (index: number) => Readonly<Record<string, string>> = () => ({}),
  ): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {};
    for (let index = 0; index < requests; index++) {
      const { status, body } = await this.get(cluster, { headers: headers(index) });
      const key = status === 200 ? body : String(status);
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return counts;
  }

  /** A counter or gauge of a cluster; 0 where it is not there. */
  async stat(cluster: string, name: string): Promise<number> {
    const { values } = await this.proxy.envoy.admin.stats(`^cluster\\.`);
    return values[`cluster.${cluster};.${name}`] ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
  }
}

function httpListener(port: number, retries: number): Resource {
  const manager = pack(HttpConnectionManagerSchema, {
    statPrefix: "main",
    codecType: HttpConnectionManager_CodecType.AUTO,
    httpFilters: [{ name: "router", configType: { case: "typedConfig", value: pack(RouterSchema, {}) } }],
    routeSpecifier: {
      case: "routeConfig",
      value: {
        name: "main",
        virtualHosts: [
          {
            name: "main",
            domains: ["*"],
            routes: [
              {
                match: { pathSpecifier: { case: "prefix", value: "/" } },
                action: {
                  case: "route",
                  value: {
                    clusterSpecifier: { case: "clusterHeader", value: "x-cluster" },
                    ...(retries === 0 ? {} : { retryPolicy: { retryOn: "5xx,connect-failure", numRetries: retries } }),
                  },
                },
              },
            ],
          },
        ],
      },
    },
  });
  return listenerOf("main", port, "http_connection_manager", manager);
}

function tcpListener(port: number, cluster: string): Resource {
  return listenerOf(
    "tcp",
    port,
    "tcp_proxy",
    pack(TcpProxySchema, { statPrefix: "tcp", clusterSpecifier: { case: "cluster", value: cluster } }),
  );
}

function listenerOf(name: string, port: number, filter: string, value: ReturnType<typeof pack>): Resource {
  return resourceOf(ListenerSchema, name, {
    name,
    address: { address: { case: "socketAddress", value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } } } },
    filterChains: [{ filters: [{ name: filter, configType: { case: "typedConfig", value } }] }],
  });
}
