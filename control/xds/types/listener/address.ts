import type { Init } from "./init.ts";
import { isIPv6 } from "node:net";
import type { AddressSchema, CidrRangeSchema } from "../../../envoy-api/generated/envoy/config/core/v3/address_pb.ts";

export const ANY_ADDRESS = "0.0.0.0";
export const LOOPBACK = "127.0.0.1";
const UNIX = "unix://";

/** Where a listener listens: an IP address with a port, or `unix://PATH`. */
export function listenAddress(bind: string, port: number): Init<typeof AddressSchema> {
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
