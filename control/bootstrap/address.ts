import { isIP } from "node:net";

/** Where something listens: a port of a host, or a Unix socket. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`.
 *
 * @returns a text that says what is wrong where it is none of them
 */
export function readAddress(text: string): ListenAddress | string {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    // sun_path of Linux holds 108 bytes with its end.
    return path !== "" && Buffer.byteLength(path) < 108 ? { path } : `${text}: a path of 1 to 107 bytes follows unix:`;
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3] ?? "");
  if (match === null || port < 1 || port > 65_535) return `${text}: expected HOST:PORT, [IPV6]:PORT or unix:PATH, such as 127.0.0.1:15010`;
  if (match[1] !== undefined && isIP(host) !== 6) return `${text}: ${host} is no IPv6 address`;
  if (isIP(host) === 0 && !/^[a-z0-9]([a-z0-9.-]{0,252})$/i.test(host)) return `${text}: ${host} is neither an address nor a host name`;
  return { host, port };
}

/** `envoy.config.core.v3.Address` */
export function addressOf(address: ListenAddress): object {
  return "path" in address ? { pipe: { path: address.path } } : { socket_address: { address: address.host, port_value: address.port } };
}

/** As {@link readAddress} reads it. */
export function formatAddress(address: ListenAddress): string {
  if ("path" in address) return `unix:${address.path}`;
  return `${isIP(address.host) === 6 ? `[${address.host}]` : address.host}:${address.port}`;
}
