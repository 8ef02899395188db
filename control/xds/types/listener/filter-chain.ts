import type { Init } from "./init.ts";
import { milliseconds, pack } from "../../../envoy-api/index.ts";
import type { FilterChainSchema, FilterSchema } from "../../../envoy-api/generated/envoy/config/listener/v3/listener_components_pb.ts";
import { DownstreamTlsContextSchema } from "../../../envoy-api/generated/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import type { Client } from "../../../model/index.ts";
import { cidrRange } from "./address.ts";

export type NetworkFilter = Init<typeof FilterSchema>;
export type TlsContext = Init<typeof DownstreamTlsContextSchema>;

/** A filter chain with what it takes; nothing said takes everything. */
export interface Chain {
  readonly name?: string;
  readonly filters: readonly NetworkFilter[];
  readonly tls?: TlsContext | undefined;
  /** Of SNI; `*` takes every name, and none. */
  readonly serverNames?: readonly string[];
  /** Where the client wanted to go: addresses or ranges. */
  readonly destinations?: readonly string[];
  readonly destinationPort?: number;
  readonly applicationProtocols?: readonly string[];
  readonly transportProtocol?: "tls" | "raw_buffer";
}

/** What Envoy's HTTP inspector says of a connection that begins with HTTP. */
export const PLAIN_HTTP = ["http/1.1", "h2c"] as const;

/** What of it a proxy takes for HTTP. One that refuses HTTP/1.0 passes it on as bytes where it may (Istio's `plaintextHTTPALPNs`). */
export function plainHttp({ http10 }: Pick<Client, "http10">): readonly string[] {
  return http10 === true ? ["http/1.0", ...PLAIN_HTTP] : PLAIN_HTTP;
}

/** Whether a chain takes every connection, so that it is the listener's default. */
export function takesAll({ serverNames, destinations, destinationPort, applicationProtocols, transportProtocol }: Chain): boolean {
  return (
    names(serverNames).length === 0 &&
    (destinations ?? []).length === 0 &&
    destinationPort === undefined &&
    (applicationProtocols ?? []).length === 0 &&
    transportProtocol === undefined
  );
}

/** Whether Envoy would refuse both in one listener because they take the same. */
export function takesSame(a: Chain, b: Chain): boolean {
  return matchKey(a) === matchKey(b);
}

function matchKey(chain: Chain): string {
  const { serverNames, destinations = [], destinationPort, applicationProtocols = [], transportProtocol } = chain;
  return JSON.stringify([names(serverNames).toSorted(), destinations.toSorted(), destinationPort, applicationProtocols, transportProtocol]);
}

function names(serverNames: readonly string[] = []): readonly string[] {
  return serverNames.includes("*") ? [] : serverNames;
}

/** Envoy's form of a chain. Handshakes that take longer than 15 s are ended, as in Istio, so that slow clients cannot fill the memory. */
export function filterChain(chain: Chain): Init<typeof FilterChainSchema> {
  const { name, filters, tls, serverNames, destinations = [], destinationPort, applicationProtocols = [], transportProtocol } = chain;
  return {
    ...(name === undefined ? {} : { name }),
    filters: [...filters],
    ...(takesAll(chain)
      ? {}
      : {
          filterChainMatch: {
            serverNames: names(serverNames).toSorted(),
            prefixRanges: destinations.toSorted().map(cidrRange),
            applicationProtocols: [...applicationProtocols],
            ...(transportProtocol === undefined ? {} : { transportProtocol }),
            ...(destinationPort === undefined ? {} : { destinationPort }),
          },
        }),
    ...(tls === undefined
      ? {}
      : {
          transportSocket: {
            name: "envoy.transport_sockets.tls",
            configType: { case: "typedConfig" as const, value: pack(DownstreamTlsContextSchema, tls) },
          },
          transportSocketConnectTimeout: milliseconds(15_000),
        }),
  };
}
