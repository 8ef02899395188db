import { once } from "node:events";
import { connect, isIPv6, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** How a client reaches Envoy, and as whom. */
export interface Dial {
  /** Of the listener: a host and a port, or a path. */
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  /** `ip:port` of the client and of what it connects to, as a PROXY header tells Envoy. */
  readonly source: string;
  readonly destination: string;
  /** Where present, over TLS. */
  readonly tls?: { readonly serverName?: string; readonly ca: string; readonly cert?: string; readonly key?: string };
  /** Names of protocols, the one wanted most first. */
  readonly alpn: readonly string[];
}

/** Connects, sends the PROXY header, and shakes hands where asked for. The second result is the port of this end; 0 on a path. */
export async function dial(options: Dial): Promise<{ readonly socket: Socket; readonly port: number }> {
  const { host = "127.0.0.1", port: remotePort = 0, path } = options;
  const socket = path === undefined ? connect({ host, port: remotePort, noDelay: true }) : connect(path);
  await once(socket, "connect");
  const port = socket.localPort ?? 0;
  socket.write(proxyHeader(options.source, options.destination));
  if (options.tls === undefined) return { socket, port };
  const { serverName, ...identity } = options.tls;
  const secure = connectTls({
    socket,
    ...identity,
    ALPNProtocols: [...options.alpn],
    ...(serverName !== undefined && { servername: serverName }),
    // Who the server says it is is not what is tested here; its certificate must still come from our authority.
    checkServerIdentity: () => undefined,
  });
  await once(secure, "secureConnect");
  return { socket: secure, port };
}

/** Version 1 of the PROXY protocol (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, section 2.1). */
export function proxyHeader(source: string, destination: string): string {
  const [from, to] = [splitAddress(source), splitAddress(destination)];
  const six = isIPv6(from.ip) || isIPv6(to.ip);
  const text = (ip: string) => (six && !isIPv6(ip) ? `::ffff:${ip}` : ip);
  return `PROXY ${six ? "TCP6" : "TCP4"} ${text(from.ip)} ${text(to.ip)} ${from.port} ${to.port}\r\n`;
}

/** `1.2.3.4:5` or `[::1]:5`; without a port, 0. */
export function splitAddress(address: string): { readonly ip: string; readonly port: number } {
  const match = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIPv6(address) ? `[${address}]` : address);
  return { ip: match?.[1] ?? "", port: Number(match?.[2] ?? 0) };
}
