import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
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

/** Ports of the loopback interface that are free now, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** `wanted` where it is free; any free one else. */
export async function freePort(wanted: number): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(freePorts(1).then(([port = 0]) => port)));
    probe.listen(wanted, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
