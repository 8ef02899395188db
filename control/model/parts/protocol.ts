import type { Protocol } from "../service.ts";

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  tcp: "tcp",
  udp: "udp",
  grpc: "grpc",
  "grpc-web": "grpc-web",
  http: "http",
  http_proxy: "http",
  http2: "http2",
  https: "https",
  tls: "tls",
  mongo: "mongo",
  redis: "redis",
  mysql: "mysql",
};

/** `protocol` of a port in Istio's objects, in any case; undefined where it is none (Istio's `protocol.Parse`). Empty: found out by Envoy. */
export function parseProtocol(value: string): Protocol | undefined {
  return value === "" ? "auto" : Object.hasOwn(PROTOCOLS, value.toLowerCase()) ? PROTOCOLS[value.toLowerCase()] : undefined;
}

/** Says what is wrong with a `protocol`, for `text({check})`. */
export function wrongProtocol(value: string): string | undefined {
  return parseProtocol(value) === undefined
    ? `${JSON.stringify(value)} is no protocol; expected one of ${Object.keys(PROTOCOLS).join(", ").toUpperCase()}`
    : undefined;
}
