import { describe, expect, test } from "vitest";
import type { MtlsMode, Protocol } from "../../../../model/index.ts";
import { type Way, waysOf, waysWithOwnTls } from "./ways.ts";

/** What a client's first bytes look like. */
interface Connection {
  readonly transport: "tls" | "raw_buffer";
  readonly alpn?: readonly string[];
  /** What the HTTP inspector says of plain bytes. */
  readonly http?: boolean;
}

const CONNECTIONS = {
  "mTLS of HTTP": { transport: "tls", alpn: ["istio-http/1.1", "istio", "http/1.1"] },
  "mTLS of HTTP/2": { transport: "tls", alpn: ["istio-h2", "istio", "h2"] },
  "mTLS of bytes": { transport: "tls", alpn: ["istio"] },
  "mTLS of bytes, from Istio": { transport: "tls", alpn: ["istio-peer-exchange", "istio"] },
  "TLS of a program": { transport: "tls", alpn: ["h2", "http/1.1"] },
  "TLS without ALPN": { transport: "tls" },
  "plain HTTP": { transport: "raw_buffer", http: true },
  "plain bytes": { transport: "raw_buffer" },
} as const satisfies Readonly<Record<string, Connection>>;

type Name = keyof typeof CONNECTIONS;
type Taken = Partial<Record<Name, string>>;

/** Envoy's match of filter chains: by transport, then by application protocol, without a step back. */
function chosen(ways: readonly Way[], connection: Connection): Way | undefined {
  const ofTransport = ways.filter(({ transportProtocol }) => transportProtocol === connection.transport);
  const candidates = ofTransport.length > 0 ? ofTransport : ways.filter(({ transportProtocol }) => transportProtocol === undefined);
  const offered = connection.alpn ?? (connection.http === true ? ["http/1.1"] : []);
  for (const protocol of offered) {
    const way = candidates.find(({ applicationProtocols = [] }) => applicationProtocols.includes(protocol));
    if (way !== undefined) return way;
  }
  return candidates.find(({ applicationProtocols = [] }) => applicationProtocols.length === 0);
}

function taken(ways: readonly Way[]): Taken {
  const result: Taken = {};
  for (const name of Object.keys(CONNECTIONS) as Name[]) {
    const way = chosen(ways, CONNECTIONS[name]);
    if (way !== undefined) result[name] = way.tls === undefined ? way.kind : `${way.kind} of ${way.tls}`;
  }
  return result;
}

const MESH_AS = (http: string, tcp: string): Taken => ({
  "mTLS of HTTP": `${http} of mesh`,
  "mTLS of HTTP/2": `${http} of mesh`,
  "mTLS of bytes": `${tcp} of mesh`,
  "mTLS of bytes, from Istio": `${tcp} of mesh`,
});
/** Where mTLS alone is taken, a client that says nothing of what is inside is taken too, as in Istio; it needs a certificate all the same. */
const OTHER_TLS = (kind: string): Taken => ({ "TLS of a program": kind, "TLS without ALPN": kind });
const PLAIN = (http: string, tcp: string): Taken => ({ "plain HTTP": http, "plain bytes": tcp });

describe("a port takes", () => {
  test.each<[MtlsMode, Protocol, Taken]>([
    ["STRICT", "http", { ...MESH_AS("http", "http"), ...OTHER_TLS("http of mesh") }],
    ["STRICT", "grpc", { ...MESH_AS("http", "http"), ...OTHER_TLS("http of mesh") }],
    ["STRICT", "tcp", { ...MESH_AS("tcp", "tcp"), ...OTHER_TLS("tcp of mesh") }],
    ["STRICT", "https", { ...MESH_AS("tcp", "tcp"), ...OTHER_TLS("tcp of mesh") }],
    ["STRICT", "auto", { ...MESH_AS("http", "tcp"), ...OTHER_TLS("tcp of mesh") }],
    ["PERMISSIVE", "http", { ...MESH_AS("http", "http"), ...PLAIN("http", "http") }],
    ["PERMISSIVE", "tcp", { ...MESH_AS("tcp", "tcp"), ...OTHER_TLS("tcp"), ...PLAIN("tcp", "tcp") }],
    ["PERMISSIVE", "auto", { ...MESH_AS("http", "tcp"), ...OTHER_TLS("tcp"), ...PLAIN("http", "tcp") }],
  ])("in mode %s, of %s: %j", (mode, protocol, expected) => {
    expect(taken(waysOf(mode, protocol))).toEqual(expected);
  });

  test.each<Protocol>(["http", "tcp", "auto"])("in mode DISABLE, of %s: nothing of the mesh's own, and every connection", (protocol) => {
    const result = taken(waysOf("DISABLE", protocol));
    expect(Object.keys(result)).toHaveLength(Object.keys(CONNECTIONS).length);
    expect(Object.values(result).filter((each) => each.includes("mesh"))).toEqual([]);
  });
});

describe("a port with TLS of a Sidecar's own takes", () => {
  test.each<[MtlsMode, Taken]>([
    ["STRICT", { ...MESH_AS("http", "http"), ...OTHER_TLS("http of mesh") }],
    ["PERMISSIVE", { ...MESH_AS("http", "http"), ...OTHER_TLS("http of own") }],
    [
      "DISABLE",
      Object.fromEntries(
        (Object.keys(CONNECTIONS) as Name[]).filter((name) => CONNECTIONS[name].transport === "tls").map((name) => [name, "http of own"]),
      ),
    ],
  ])("in mode %s: %j, and nothing plain", (mode, expected) => {
    expect(taken(waysWithOwnTls(mode, "http"))).toEqual(expected);
  });
});

test.each<[MtlsMode, Protocol]>([
  ["STRICT", "auto"],
  ["PERMISSIVE", "tcp"],
  ["PERMISSIVE", "auto"],
])("no two chains of mode %s and %s take the same, which Envoy refuses", (mode, protocol) => {
  const matches = waysOf(mode, protocol).map(({ transportProtocol, applicationProtocols }) =>
    JSON.stringify([transportProtocol, applicationProtocols]),
  );
  expect(new Set(matches).size).toBe(matches.length);
});
