import { isHttp, type MtlsMode, type Protocol } from "../../../../model/index.ts";
import { type Chain, PLAIN_HTTP } from "../filter-chain.ts";
import { MESH_ANY, MESH_HTTP, MESH_TCP } from "../mesh-tls.ts";

/** One way to connect to a port: what the first bytes look like, and what is made of the connection. */
export interface Way extends Pick<Chain, "applicationProtocols" | "transportProtocol"> {
  readonly kind: "http" | "tcp";
  /** Whose TLS ends here: the mesh's, or that of a Sidecar's `ingress`. Undefined: none. */
  readonly tls?: "mesh" | "own";
  /** Behind the chain's name, where it would be that of another. */
  readonly suffix?: string;
}

const TLS = "tls";
const PLAIN = "raw_buffer";

/**
 * Istio's `getFilterChainMatchOptions`: the connections that a port takes by its mode and protocol. Envoy takes the port first, then TLS or none, then the name of the protocol, and does not step back; so
 * each connection that is to be taken has a way for exactly what it is, and what has none is closed.
 */
export function waysOf(mode: MtlsMode, protocol: Protocol): readonly Way[] {
  const kind = isHttp(protocol) ? "http" : protocol === "auto" ? "auto" : "tcp";
  return WAYS[mode][kind];
}

const WAYS: Readonly<Record<MtlsMode, Readonly<Record<"http" | "tcp" | "auto", readonly Way[]>>>> = {
  STRICT: {
    http: [{ kind: "http", tls: "mesh", transportProtocol: TLS }],
    tcp: [{ kind: "tcp", tls: "mesh", transportProtocol: TLS }],
    auto: [
      { kind: "http", tls: "mesh", transportProtocol: TLS, applicationProtocols: MESH_HTTP },
      { kind: "tcp", tls: "mesh", transportProtocol: TLS },
    ],
  },
  PERMISSIVE: {
    http: [
      { kind: "http", tls: "mesh", transportProtocol: TLS, applicationProtocols: MESH_ANY },
      { kind: "http", transportProtocol: PLAIN },
    ],
    tcp: [
      { kind: "tcp", tls: "mesh", transportProtocol: TLS, applicationProtocols: MESH_ANY },
      // TLS between the client's and the workload's programs themselves.
      { kind: "tcp", transportProtocol: TLS, suffix: "-tls" },
      { kind: "tcp", transportProtocol: PLAIN, suffix: "-plain" },
    ],
    auto: [
      { kind: "http", tls: "mesh", transportProtocol: TLS, applicationProtocols: MESH_HTTP },
      { kind: "http", transportProtocol: PLAIN, applicationProtocols: PLAIN_HTTP, suffix: "-plain" },
      { kind: "tcp", tls: "mesh", transportProtocol: TLS, applicationProtocols: MESH_TCP },
      { kind: "tcp", transportProtocol: PLAIN, suffix: "-plain" },
      { kind: "tcp", transportProtocol: TLS, suffix: "-tls" },
    ],
  },
  DISABLE: {
    http: [{ kind: "http" }],
    tcp: [{ kind: "tcp" }],
    auto: [
      // Envoy does not step back: a connection that is plain finds nothing where the only chain for plain ones is of HTTP.
      { kind: "http", applicationProtocols: PLAIN_HTTP, transportProtocol: PLAIN },
      { kind: "tcp", transportProtocol: PLAIN, suffix: "-plain" },
      { kind: "tcp" },
    ],
  },
};

/**
 * Ways to a port whose TLS a Sidecar's `ingress` has its own certificates for. Istio leaves those aside unless mTLS is disabled, and so takes plain text where somebody had asked for TLS; here they count beside
 * the mesh's, and nothing is plain.
 */
export function waysWithOwnTls(mode: MtlsMode, protocol: Protocol): readonly Way[] {
  if (mode === "STRICT") return waysOf(mode, protocol);
  const kind = isHttp(protocol) ? "http" : "tcp";
  const own: Way = { kind, tls: "own", transportProtocol: TLS };
  if (mode === "DISABLE") return [own];
  return [
    { kind, tls: "mesh", transportProtocol: TLS, applicationProtocols: MESH_ANY },
    { ...own, suffix: "-own" },
  ];
}
