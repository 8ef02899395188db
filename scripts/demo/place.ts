import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import type { Program } from "./bookshop.ts";

/** Where one program and its Envoy run. */
export interface Place extends Program {
  /** `reviews-v1` */
  readonly name: string;
  /** By which the control service knows the proxy. */
  readonly nodeId: string;
  /** Where the program listens. */
  readonly programPort: number;
  /** Where its Envoy takes requests for it. */
  readonly ingressPort: number;
  /** Socket on which its Envoy takes the program's own requests. */
  readonly egress: string;
}

export function placeOf(
  { app, version }: Program,
  index: number,
  ports: { readonly programPort: number; readonly ingressPort: number },
  folder: string,
): Place {
  const name = `${app}-${version}`;
  return {
    app,
    version,
    name,
    nodeId: `sidecar~10.0.0.${index + 2}~${name}.default~default.svc.cluster.local`,
    ...ports,
    egress: join(folder, `${name}.sock`),
  };
}

/** The path of a program's socket is known before its place is. */
export function egressOf({ app, version }: Program, folder: string): string {
  return join(folder, `${app}-${version}.sock`);
}

/** From below those that Linux gives to outgoing connections (32,768 and up), of which many are made before an Envoy listens. */
const FIRST_PORT = 28_000;
const LAST_PORT = 32_000;
/** Demos that start at the same time are told of different ports. */
let next = process.pid * 40;

/** Ports of the loopback interface that are free now, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers: Server[] = [];
  while (servers.length < count) {
    const port = FIRST_PORT + (next++ % (LAST_PORT - FIRST_PORT));
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (isFree) servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** `wanted` where it is free; any free one else, and where it is 0. */
export async function freePort(wanted: number): Promise<number> {
  const any = () => freePorts(1).then(([port = 0]) => port);
  if (wanted === 0) return any();
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(any()));
    probe.listen(wanted, "127.0.0.1", () => probe.close(() => resolve(wanted)));
  });
}
