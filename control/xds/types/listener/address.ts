import type { Init } from "./init.ts";
import { isIPv6 } from "node:net";
import type { AddressSchema, CidrRangeSchema } from "../../../envoy-api/generated/envoy/config/core/v3/address_pb.ts";
import type { ListenerSchema } from "../../../envoy-api/generated/envoy/config/listener/v3/listener_pb.ts";
import type { Client, IpMode } from "../../../model/index.ts";

const UNIX = "unix://";

/** Addresses that a listener listens on, one at least; it is named by the first. */
export type Binds = readonly [string, ...string[]];

const ANY: Readonly<Record<IpMode, Binds>> = { ipv4: ["0.0.0.0"], ipv6: ["::"], dual: ["0.0.0.0", "::"] };
const LOOPBACK: Readonly<Record<IpMode, Binds>> = { ipv4: ["127.0.0.1"], ipv6: ["::1"], dual: ["127.0.0.1", "::1"] };

/** Every address, of the families that the proxy has addresses of (Istio's `getWildcardsAndLocalHost`). */
export function anyAddress({ ipMode }: Pick<Client, "ipMode">): Binds {
  return ANY[ipMode];
}

/** Addresses that nobody but this machine reaches, of the proxy's families. */
export function loopback({ ipMode }: Pick<Client, "ipMode">): Binds {
  return LOOPBACK[ipMode];
}

export function isAnyAddress(bind: string): boolean {
  return bind === "0.0.0.0" || bind === "::";
}

/** Where a listener listens. Envoy keeps each address to its family, so one of IPv6 takes no connections of IPv4. */
export function listensOn([first, ...more]: Binds, port: number): Pick<Init<typeof ListenerSchema>, "address" | "additionalAddresses"> {
  return {
    address: listenAddress(first, port),
    ...(more.length === 0 ? {} : { additionalAddresses: more.map((bind) => ({ address: listenAddress(bind, port) })) }),
  };
}

/** An IP address with a port, or `unix://PATH`. */
function listenAddress(bind: string, port: number): Init<typeof AddressSchema> {
  return bind.startsWith(UNIX)
    ? { address: { case: "pipe", value: { path: bind.slice(UNIX.length) } } }
    : { address: { case: "socketAddress", value: { address: bind, portSpecifier: { case: "portValue", value: port } } } };
}

/** `0.0.0.0_80`; the path of a socket with the port 0. */
export function listenerName(bind: string, port: number): string {
  return `${bind}_${port}`;
}

/** `10.0.0.0/8` or one address. */
export function cidrRange(text: string): Init<typeof CidrRangeSchema> {
  const [addressPrefix = "", length] = text.split("/");
  return { addressPrefix, prefixLen: length === undefined ? (isIPv6(addressPrefix) ? 128 : 32) : Number(length) };
}
