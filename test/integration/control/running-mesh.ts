import { create } from "@bufbuild/protobuf";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootstrapOf, type Locality } from "../../../control/bootstrap/index.ts";
import { ControlService } from "../../../control/control-service.ts";
import type { MeshHealthSettings } from "../../../control/health/index.ts";
import { healthReports } from "../../../control/health-reports.ts";
import { loadReportingService } from "../../../control/load-reports.ts";
import { pack } from "../../../control/envoy-api/index.ts";
import { type Listener, ListenerSchema } from "../../../control/envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import { ProxyProtocolSchema } from "../../../control/envoy-api/generated/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts";
import { IDENTITY_KEY } from "../../../control/model/index.ts";
import { State } from "../../../control/state/index.ts";
import { MemorySource } from "../../../control/sources/memory/index.ts";
import { XdsListener } from "../../../control/xds/transport/index.ts";
import { XDS_TYPES, type XdsType } from "../../../control/xds/types/index.ts";
import { type Connection, exchange } from "../../../control/xds/types/testing/running-proxy.ts";
import { SecretServer } from "../../../control/xds/types/testing/secret-server.ts";
import { waitForProxies } from "../../../control/admin/wait.ts";
import type { TlsIdentity } from "../../../harness/envoy/chain/certificates.ts";
import { binaryProvider, type Bootstrap, type StartedEnvoy } from "../../../harness/envoy/index.ts";
import { until } from "../until.ts";
import { type Answer, getAt, type Place } from "./client.ts";

export interface MeshOptions {
  /** Whether the control service keeps what it knows over a restart (`--state`). */
  readonly keepsState?: boolean;
  /** Mesh-wide health. Default: off. */
  readonly meshHealth?: MeshHealthSettings;
}

/** The control service with what belongs to a process of it. */
class Control implements AsyncDisposable {
  readonly service: ControlService;
  readonly source: MemorySource;
  readonly port: number;
  private readonly listener: XdsListener;

  private constructor(service: ControlService, source: MemorySource, listener: XdsListener) {
    this.service = service;
    this.source = source;
    this.listener = listener;
    this.port = listener.port;
  }

  static async start(
    files: Readonly<Record<string, string>>,
    folder: string,
    { keepsState = false, meshHealth }: MeshOptions,
    port = 0,
  ): Promise<Control> {
    const source = new MemorySource(files);
    const warn = (message: string) => {
      throw new Error(message);
    };
    const service = await ControlService.start({
      sources: [source],
      types: XDS_TYPES.map((type) => redirectable(type, folder)),
      ...(meshHealth === undefined ? {} : { meshHealth }),
      ...(keepsState ? { state: new State(join(folder, "state"), { warn }) } : {}),
    });
    return new Control(
      service,
      source,
      await XdsListener.start(service.xds, { port, services: [loadReportingService(service)], http: healthReports(service) }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener[Symbol.asyncDispose]();
    await this.service[Symbol.asyncDispose]();
  }
}

/** The control service with YAML in memory, and real Envoys that get their configuration from it. */
export class RunningMesh implements AsyncDisposable {
  private control: Control;
  private readonly files: Map<string, string>;
  private readonly folder: string;
  private readonly proxies: RunningEnvoy[] = [];
  private readonly secrets: SecretServer[] = [];

  private readonly options: MeshOptions;

  private constructor(control: Control, files: Map<string, string>, folder: string, options: MeshOptions) {
    this.control = control;
    this.files = files;
    this.folder = folder;
    this.options = options;
  }

  get service(): ControlService {
    return this.control.service;
  }

  /**
   * @param files YAML by name
   */
  static async start(files: Readonly<Record<string, string>>, options: MeshOptions = {}): Promise<RunningMesh> {
    const folder = await mkdtemp(join(tmpdir(), "mesh-"));
    const control = await Control.start(files, folder, options);
    const errors = control.service.problems().filter(({ level }) => level === "error");
    if (errors.length > 0) throw new Error(errors.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n"));
    return new RunningMesh(control, new Map(Object.entries(files)), folder, options);
  }

  /** Starts an Envoy that has a certificate of the mesh for an id, and gets it from beside it, and waits until it has everything. */
  async proxyWithIdentity(
    nodeId: string,
    identity: TlsIdentity,
    metadata: Readonly<Record<string, unknown>> = {},
  ): Promise<RunningEnvoy & { readonly secrets: SecretServer }> {
    const secrets = await SecretServer.start(identity);
    this.secrets.push(secrets);
    const proxy = await this.proxy(nodeId, { [IDENTITY_KEY]: "socket", ...metadata }, undefined, [secrets.cluster]);
    return Object.assign(proxy, { secrets });
  }

  /**
   * Starts an Envoy and waits until it has everything.
   *
   * @param clusters of its bootstrap, beside that of the control service
   */
  async proxy(
    nodeId: string,
    metadata: Readonly<Record<string, unknown>> = {},
    locality?: Locality,
    clusters: Clusters = [],
  ): Promise<RunningEnvoy> {
    await mkdir(join(this.folder, folderName(nodeId)), { recursive: true });
    const control = { host: "127.0.0.1", port: this.control.port };
    const made = bootstrapOf({ nodeId, metadata, control, ...(locality === undefined ? {} : { locality }) });
    if (!("bootstrap" in made)) throw new Error(JSON.stringify(made));
    const envoy = await binaryProvider.start(withClusters(withoutFixedPorts(made.bootstrap), clusters), { startTimeout: 60_000 });
    const proxy = new RunningEnvoy(envoy, join(this.folder, folderName(nodeId)));
    this.proxies.push(proxy);
    await this.connected(nodeId);
    return proxy;
  }

  /** Waits until a proxy is there and has everything. */
  async connected(nodeId: string): Promise<void> {
    await until(
      `${nodeId} is connected`,
      async () => this.service.proxies().map(({ id }) => id),
      (ids) => ids.includes(nodeId),
    );
    await this.settled();
  }

  /** Changes files, and waits until every proxy has accepted what became of it. */
  async apply(files: Readonly<Record<string, string | undefined>>): Promise<void> {
    this.edit(files);
    this.control.source.apply(files);
    await this.settled();
  }

  /** Changes files that nobody reads until the control service is started again. */
  edit(files: Readonly<Record<string, string | undefined>>): void {
    for (const [file, text] of Object.entries(files)) {
      if (text === undefined) this.files.delete(file);
      else this.files.set(file, text);
    }
  }

  /** Where Envoys connect. */
  get port(): number {
    return this.control.port;
  }

  /** Cuts every stream, as when the process is killed. */
  async stopControl(): Promise<void> {
    await this.control[Symbol.asyncDispose]();
  }

  /** Starts another control service in the place of the one that was stopped, which knows the files, and nothing else unless it keeps its state. */
  async startControl(): Promise<void> {
    this.control = await Control.start(Object.fromEntries(this.files), this.folder, this.options, this.control.port);
  }

  /** Resources that were sent or removed since the control service was started, by type, as its metrics have it. */
  async sent(): Promise<Readonly<Record<string, number>>> {
    const lines = (await this.service.metrics.scrape()).matchAll(/^meshwright_xds_sent_resources_total\{type="([^"]*)"[^}]*\} (\d+)/gm);
    return Object.fromEntries(Array.from(lines, ([, type = "", count]) => [type, Number(count)]));
  }

  /** A proxy that gets its first filter compiles the module, for which a busy machine takes seconds. */
  async settled(): Promise<void> {
    const { converged, waiting, refused } = await waitForProxies(this.service, 40_000);
    if (!converged) throw new Error(JSON.stringify({ waiting, refused }, undefined, 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { envoy } of this.proxies) await envoy[Symbol.asyncDispose]();
    for (const server of this.secrets) await server[Symbol.asyncDispose]();
    await this.control[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** An Envoy of the mesh. What iptables would redirect to it is sent to it with the address that it was meant for. */
export class RunningEnvoy {
  readonly envoy: StartedEnvoy;
  private readonly folder: string;

  constructor(envoy: StartedEnvoy, folder: string) {
    this.envoy = envoy;
    this.folder = folder;
  }

  /** Bytes from the workload (`outbound`) or to it (`inbound`), meant for `ip:port`; gives all that comes back. */
  redirected(
    side: "outbound" | "inbound",
    destination: string,
    text: string,
    options: Omit<Connection, "path" | "destination"> = {},
  ): Promise<string> {
    const path = join(this.folder, side === "outbound" ? "virtualOutbound" : "virtualInbound");
    return exchange({ path, destination, ...options }, text);
  }

  /** A request of the workload to `http://HOST:PORT/...`; the address is one that nobody has, since hosts tell services of HTTP apart. */
  async get(url: string, headers: readonly string[] = []): Promise<Answer> {
    const { host, port, pathname, search } = new URL(url);
    return await getAt(this.outbound(`240.240.0.1:${port || "80"}`), host, `${pathname}${search}`, headers);
  }

  /** For connections of the workload that are meant for `ip:port`. */
  outbound(destination: string): Place {
    return { path: join(this.folder, "virtualOutbound"), destination };
  }

  /** For connections to the workload. */
  inbound(destination: string): Place {
    return { path: join(this.folder, "virtualInbound"), destination };
  }
}

function folderName(nodeId: string): string {
  return nodeId.replaceAll(/[^\w.-]/g, "_");
}

/** Listeners that get redirected connections listen on a path for each proxy, and learn by a PROXY header where the connection was meant to go: without privileges nothing can be redirected. */
function redirectable(type: XdsType, folder: string): XdsType {
  if (type.name !== "listener") return type;
  return {
    ...type,
    translate: (view, unit) => {
      const translated = type.translate(view, unit);
      return translated.map(({ name, message }) => {
        if (name !== "virtualOutbound" && name !== "virtualInbound") return { name, message };
        const listener = message as Listener;
        const path = join(folder, `${folderName(view.proxy().id)}`, name);
        const changes = create(ListenerSchema, {
          address: { address: { case: "pipe", value: { path } } },
          listenerFilters: [{ name: "proxy_protocol", configType: { case: "typedConfig", value: pack(ProxyProtocolSchema, {}) } }],
        });
        const listenerFilters = [...changes.listenerFilters, ...listener.listenerFilters];
        return {
          name,
          message: {
            ...listener,
            listenerFilters,
            additionalAddresses: [],
            ...(changes.address === undefined ? {} : { address: changes.address }),
          },
        };
      });
    },
  };
}

function withClusters(bootstrap: Bootstrap, more: Clusters): Bootstrap {
  const resources = bootstrap.static_resources;
  return { ...bootstrap, static_resources: { ...resources, clusters: [...(resources?.clusters ?? []), ...more] } };
}

type Clusters = NonNullable<NonNullable<Bootstrap["static_resources"]>["clusters"]>;

/** Several proxies share a machine here: no listeners of their own for statistics and readiness. */
export function withoutFixedPorts(bootstrap: Bootstrap): Bootstrap {
  const {
    static_resources: resources,
    admin: _,
    ...rest
  } = bootstrap as Bootstrap & { readonly static_resources?: Readonly<Record<string, unknown>>; readonly admin?: unknown };
  return { ...rest, static_resources: { ...resources, listeners: [] } };
}
