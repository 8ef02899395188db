import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { NodeSchema } from "../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { type Secret, SecretSchema } from "../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { typeUrl } from "../../envoy-api/index.ts";
import { MESH_AUTHORITIES, OWN_CERTIFICATE } from "../../model/proxy.ts";
import { type ProxyGroup, type Resource, type ResourceView, type Snapshot, XdsServer } from "../../xds/server/index.ts";
import { XdsListener } from "../../xds/transport/index.ts";
import { CONTROL_AUTHORITIES } from "./names.ts";
import type { HeldCertificate } from "./workload-certificate.ts";

const SECRET = typeUrl(SecretSchema);
/** Milliseconds between two looks at what Envoy has answered. */
const LOOK = 10;

/** Secrets for the one Envoy beside this process, by SDS on a Unix socket. What is not there yet is answered when it comes. */
export class SecretServer implements AsyncDisposable {
  private readonly server: XdsServer;
  private readonly group: ProxyGroup;
  private readonly listener: XdsListener;

  private constructor(server: XdsServer, group: ProxyGroup, listener: XdsListener) {
    this.server = server;
    this.group = group;
    this.listener = listener;
  }

  /**
   * @param path of the socket, in a folder that only the user of this process and of Envoy may enter
   * @param onEnvoy hears the node of the Envoy when it comes, encoded, and undefined when it is gone
   */
  static async start(path: string, onEnvoy: (node: Uint8Array | undefined) => void = () => undefined): Promise<SecretServer> {
    let streams = 0;
    const server: XdsServer = new XdsServer({
      types: [{ typeUrl: SECRET, order: 10, complete: false, wildcard: false, sensitive: true }],
      onConnect: ({ node }) => ({ id: fromBinary(NodeSchema, node).id, group }),
      identifier: "meshwright proxy",
      observer: {
        connected({ node }) {
          streams += 1;
          if (streams === 1) onEnvoy(node);
        },
        disconnected({ proxy }) {
          // Who is gone before it was known did not come.
          if (proxy === "") return;
          streams -= 1;
          if (streams === 0) onEnvoy(undefined);
        },
      },
    });
    const group = server.group(new Secrets([]));
    return new SecretServer(server, group, await XdsListener.start(server, { path }));
  }

  /** @param controlRoots PEM: whom to trust as the control service, beside the authorities of the mesh */
  serve({ chain, key, roots }: HeldCertificate, controlRoots = ""): void {
    const inline = (text: string) => ({ specifier: { case: "inlineBytes" as const, value: Buffer.from(text) } });
    const trusted = (name: string, pem: string) =>
      create(SecretSchema, { name, type: { case: "validationContext", value: { trustedCa: inline(pem) } } });
    const own = { certificateChain: inline(chain), privateKey: inline(key) };
    const snapshot = new Secrets([
      create(SecretSchema, { name: OWN_CERTIFICATE, type: { case: "tlsCertificate", value: own } }),
      trusted(MESH_AUTHORITIES, roots),
      trusted(CONTROL_AUTHORITIES, `${controlRoots}\n${roots}`),
    ]);
    this.group.push(snapshot, [{ typeUrl: SECRET }]);
  }

  /**
   * Waits until the Envoy has all that it was given; there may be none.
   *
   * @throws Error with the Envoy's reason, where it refuses something, or the signal's
   */
  async accepted(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const states = this.server.status().flatMap(({ types }) => types);
      const refused = states.find(({ state }) => state === "NACK")?.refused[0];
      if (refused !== undefined) throw new Error(`Envoy refuses ${refused.name}: ${refused.reason}`);
      if (states.every(({ state }) => state !== "STALE")) return;
      await sleep(LOOK);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.end();
    await this.listener[Symbol.asyncDispose]();
  }
}

class Secrets implements Snapshot, ResourceView {
  readonly version: string;
  private readonly byName: ReadonlyMap<string, Resource>;

  constructor(secrets: readonly Secret[]) {
    const resources = secrets.map((secret): Resource => {
      const value = toBinary(SecretSchema, secret);
      return { name: secret.name, version: hash("sha256", value, "hex").slice(0, 16), value };
    });
    this.byName = new Map(resources.map((resource) => [resource.name, resource]));
    this.version = hash("sha256", resources.map(({ version }) => version).join(), "hex").slice(0, 16);
  }

  resources(): ResourceView {
    return this;
  }

  get(name: string): Resource | undefined {
    return this.byName.get(name);
  }

  names(): Iterable<string> {
    return this.byName.keys();
  }
}
