import { typeUrl } from "../../../control/envoy-api/index.ts";
import { type ProxyConnection, type Snapshot, XdsServer } from "../../../control/xds/server/index.ts";
import { XdsListener } from "../../../control/xds/transport/index.ts";
import { XDS_TYPES } from "../../../control/xds/types/index.ts";

/** A resource that Envoy does not take, and why. */
export interface RefusedResource {
  readonly type: string;
  readonly name: string;
  readonly reason: string;
}

/** The control service of one proxy. It listens before there is anything to serve, so that Envoy starts meanwhile. */
export class PrivateControl implements AsyncDisposable {
  readonly port: number;
  private readonly server: XdsServer;
  private readonly listener: XdsListener;
  private readonly connection: PromiseWithResolvers<ProxyConnection>;

  private constructor(server: XdsServer, listener: XdsListener, connection: PromiseWithResolvers<ProxyConnection>) {
    this.server = server;
    this.listener = listener;
    this.connection = connection;
    this.port = listener.port;
  }

  static async start(): Promise<PrivateControl> {
    const connection = Promise.withResolvers<ProxyConnection>();
    const types = XDS_TYPES.map(({ schema, rules }) => ({ typeUrl: typeUrl(schema), ...rules }));
    const server = new XdsServer({ types, onConnect: () => connection.promise, identifier: "meshwright try" });
    return new PrivateControl(server, await XdsListener.start(server, { port: 0 }), connection);
  }

  /** Says what the proxy gets, once. Until then it waits. */
  serve(snapshot: Snapshot): void {
    this.connection.resolve({ id: "try", group: this.server.group(snapshot) });
  }

  /** Lets a proxy go on for which there is nothing, unless there was something before. */
  serveNothing(): void {
    this.serve({ version: "", resources: () => ({ get: () => undefined, names: () => [] }) });
  }

  refusals(): readonly RefusedResource[] {
    return this.server
      .status()
      .flatMap(({ types }) =>
        types.flatMap(({ typeUrl: url, refused }) => refused.map(({ name, reason }) => ({ type: shortName(url), name, reason }))),
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.end();
    await this.listener[Symbol.asyncDispose]();
  }
}

function shortName(url: string): string {
  return XDS_TYPES.find(({ schema }) => typeUrl(schema) === url)?.name ?? url;
}
