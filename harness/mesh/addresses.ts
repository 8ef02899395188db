import { randomInt } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { MeshError } from "./mesh-error.ts";
import { MOST } from "./spec.ts";

/** Held on the first address of a mesh for as long as it stands, so that no other takes its addresses. */
const LEASE_PORT = 15_099;
const TRIES = 50;

/**
 * Addresses of the loopback interface for one mesh: 127.x.y.0/24. All of 127.0.0.0/8 leads to this machine (RFC 1122, section 3.2.1.3), and Linux lets everybody listen there, so each
 * workload has the ports of its services to itself, as in a Pod.
 */
export class Addresses implements AsyncDisposable {
  private readonly prefix: string;
  private readonly lease: Server;

  private constructor(prefix: string, lease: Server) {
    this.prefix = prefix;
    this.lease = lease;
  }

  static async lease(): Promise<Addresses> {
    let reason: NodeJS.ErrnoException | undefined;
    for (let tries = 0; tries < TRIES; tries++) {
      const prefix = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
      const lease = await listen(`${prefix}.1`, LEASE_PORT).catch((error: NodeJS.ErrnoException) => void (reason = error));
      if (lease !== undefined) return new Addresses(prefix, lease);
      if (reason?.code !== "EADDRINUSE") break;
    }
    if (reason?.code === "EADDRINUSE")
      throw new MeshError("taken", `port ${LEASE_PORT} is in use on every address of 127.0.0.0/8; end the program that listens there`);
    throw new MeshError(
      "unavailable",
      `a mesh needs an address of 127.0.0.0/8 for each workload, which this machine does not have (${String(reason?.message)}); Linux has them`,
    );
  }

  /** Where others reach the workload or gateway of this number, and where its own requests are taken, and where links to it may listen. @param index from 0 */
  of(index: number): { readonly inbound: string; readonly outbound: string; readonly link: string } {
    const at = (block: number) => `${this.prefix}.${2 + index + block * MOST}`;
    return { inbound: at(0), outbound: at(1), link: at(2) };
  }

  /** @throws MeshError `taken` where another program has one of these ports on every address */
  async check(ports: Iterable<number>): Promise<void> {
    for (const port of ports) {
      const probe = await listen(`${this.prefix}.1`, port).catch((error: NodeJS.ErrnoException) => {
        throw error.code === "EACCES"
          ? new MeshError("unavailable", `port ${port} is for privileged users on this machine; give the service a port from 1024 on`)
          : new MeshError(
              "taken",
              `port ${port} is in use on every address of this machine; end the program that listens there, or choose another`,
            );
      });
      await closed(probe);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closed(this.lease);
  }
}

/** From below those that Linux gives to outgoing connections (32,768 and up), of which many are made before an Envoy listens. */
const FIRST_PORT = 20_000;
const LAST_PORT = 28_000;

/** Ports that are free on every address, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found = new Map<number, Server>();
  while (found.size < count) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    const server = found.has(port) ? undefined : await listen("0.0.0.0", port).catch(() => undefined);
    if (server !== undefined) found.set(port, server);
  }
  await Promise.all([...found.values()].map(closed));
  return [...found.keys()];
}

/** Whether somebody listens at a port of 127.0.0.1. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function listen(host: string, port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(port, host);
  await once(server, "listening");
  server.unref();
  return server;
}

async function closed(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}
