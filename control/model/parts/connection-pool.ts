import { boolean, choice, duration, type FieldType, integer, object, optional, required } from "../fields/index.ts";
import type { ConnectionPool } from "../traffic-policy.ts";

// What DestinationRule, Sidecar and MeshConfig have in common (`istio.networking.v1alpha3`). Numbers of Istio's `int32` cannot be told apart from missing ones where they
// are 0: both mean the default.

const INT32 = 2_147_483_647;
const count = (about: string) => optional(integer({ most: INT32 }), about);
/** Istio's `ValidateDuration`: whole milliseconds, one at least. */
const span: FieldType<number> = {
  shape: "duration such as 1.5s",
  read(value, context) {
    const milliseconds = duration({ least: 1 }).read(value, context);
    if (milliseconds !== undefined && !Number.isInteger(milliseconds)) return context.wrong("parts of a millisecond are not supported");
    return milliseconds;
  },
};
export { span as wholeMilliseconds };

export const tcpKeepalive = object({
  probes: optional(integer(), "Probes without an answer until the connection is dead. Default: the system's."),
  time: optional(span, "Idle time before the first probe. Default: the system's."),
  interval: optional(span, "Time between probes. Default: the system's."),
});

const tcp = object({
  maxConnections: count("Connections to a destination. Default: 2^32-1."),
  connectTimeout: optional(span, "Time for a connection to come about. Default: the mesh's `connectTimeout`, 10s."),
  tcpKeepalive: optional(tcpKeepalive, "Keep-alive of TCP. Default: the mesh's."),
  maxConnectionDuration: optional(span, "Longest life of a connection. Default: no limit."),
  idleTimeout: optional(duration(), "Time without a byte until a connection is closed; 0s: never. Default: 1h."),
});

const http = object(
  {
    http1MaxPendingRequests: count("Requests that wait for a connection. Default: 2^32-1."),
    http2MaxRequests: count("Requests under way to a destination. Default: 2^32-1."),
    maxRequestsPerConnection: count("Requests until a connection is closed; 1 disables keep-alive. Default: no limit."),
    maxRetries: count("Retries under way to a destination. Default: 2^32-1."),
    idleTimeout: optional(span, "Time without a request until a connection is closed. Default: 1h."),
    h2UpgradePolicy: optional(
      choice("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
      "Whether HTTP/1.1 is sent on as HTTP/2. Default: the mesh's.",
    ),
    useClientProtocol: optional(boolean, "The protocol that the client spoke is spoken to the destination. Default: false."),
    maxConcurrentStreams: count("Streams of an HTTP/2 connection. Default: 2^31-1."),
    http2KeepAlive: optional(
      object({ interval: required(span, "Time between pings."), timeout: required(span, "Time for the answer to a ping.") }),
      "Pings on HTTP/2 connections. Default: none.",
    ),
  },
  {
    check({ h2UpgradePolicy, useClientProtocol }, context) {
      if (h2UpgradePolicy === "UPGRADE" && useClientProtocol === true)
        context.wrong("useClientProtocol must not be true where h2UpgradePolicy is UPGRADE");
    },
  },
);

const connectionPoolObject = object(
  { tcp: optional(tcp, "Of TCP, and of what HTTP runs on."), http: optional(http, "Of HTTP.") },
  {
    check(pool, context) {
      if (pool.tcp === undefined && pool.http === undefined) context.wrong(`needs "tcp" or "http"`);
    },
  },
);

/** `ConnectionPoolSettings`. */
export const connectionPool: FieldType<ConnectionPool> = {
  shape: "object",
  members: connectionPoolObject.members,
  read(value, context) {
    const read = connectionPoolObject.read(value, context);
    if (read === undefined) return undefined;
    const { tcp, http } = read;
    return {
      maxConnections: tcp?.maxConnections || undefined,
      connectTimeout: tcp?.connectTimeout,
      tcpKeepalive: tcp?.tcpKeepalive,
      maxConnectionDuration: tcp?.maxConnectionDuration,
      tcpIdleTimeout: tcp?.idleTimeout,
      http1MaxPendingRequests: http?.http1MaxPendingRequests || undefined,
      http2MaxRequests: http?.http2MaxRequests || undefined,
      maxRequestsPerConnection: http?.maxRequestsPerConnection || undefined,
      maxRetries: http?.maxRetries || undefined,
      httpIdleTimeout: http?.idleTimeout,
      h2UpgradePolicy: http?.h2UpgradePolicy,
      useClientProtocol: http?.useClientProtocol,
      maxConcurrentStreams: http?.maxConcurrentStreams || undefined,
      http2KeepAlive: http?.http2KeepAlive,
    };
  },
};
