import type { ExchangeRequest, HeaderList } from "../../../harness/target/index.ts";
import type { Direction } from "../../try/mesh/aim.ts";

/**
 * What a line of an access log is: a request, one that a run in the other direction is about, or none.
 */
export type LogEntry = { readonly request: ExchangeRequest } | { readonly skipped: string } | { readonly error: string };

/** Names under which Istio's JSON log has what a request is made of (`accessLogEncoding: JSON`); a log of another format has them where it uses these names. */
const FIELDS: ReadonlySet<string> = new Set([
  "authority",
  "bytes_received",
  "bytes_sent",
  "connection_termination_details",
  "downstream_local_address",
  "downstream_peer_uri_san",
  "downstream_remote_address",
  "duration",
  "method",
  "path",
  "protocol",
  "request_id",
  "requested_server_name",
  "response_code",
  "response_code_details",
  "response_flags",
  "route_name",
  "start_time",
  "upstream_cluster",
  "upstream_host",
  "upstream_local_address",
  "upstream_service_time",
  "upstream_transport_failure_reason",
  "user_agent",
  "x_forwarded_for",
  "x_envoy_original_path",
]);

/** By these a line is told from a request that `try` takes. */
export function isLogEntry(value: Readonly<Record<string, unknown>>): boolean {
  return ["response_code", "start_time", "upstream_cluster", "downstream_remote_address", "request_id"].some((name) => name in value);
}

/** Of the mesh's own TLS: `outbound_.9080_._.reviews.default.svc.cluster.local` (Istio's SNI). */
const OF_MESH = /^(outbound|inbound)_\./;

/**
 * The request of which a line of an access log tells.
 *
 * @param headers names of headers by the fields that hold them; beside those, every field whose name has a hyphen is a header of that name
 */
export function readLogEntry(
  entry: Readonly<Record<string, unknown>>,
  direction: Direction | undefined,
  headers: ReadonlyMap<string, string>,
): LogEntry {
  const text = (name: string): string | undefined => {
    const value = entry[name];
    return typeof value === "string" && value !== "" && value !== "-" ? value : undefined;
  };
  const other = direction === "inbound" ? "outbound" : "inbound";
  if (direction !== undefined && text("upstream_cluster")?.startsWith(`${other}|`) === true) return { skipped: other };
  const method = text("method");
  // The router's own: what the filters saw stands beside it.
  const path = text("x_envoy_original_path") ?? text("path");
  if (method === undefined || path === undefined) return { skipped: "no HTTP" };

  const server = text("requested_server_name");
  const principal = text("downstream_peer_uri_san");
  const isOfMesh = server !== undefined && OF_MESH.test(server);
  if (isOfMesh && principal === undefined)
    return {
      error:
        "came over TLS of the mesh and does not say from whom; add downstream_peer_uri_san: %DOWNSTREAM_PEER_URI_SAN% to the format of the log",
    };
  const destination = addressOf(text("downstream_local_address"));
  const source = addressOf(text("downstream_remote_address"));
  const status = Number(entry["response_code"]);
  const isUpstreams = text("response_code_details") === "via_upstream" || text("response_code_details") === undefined;
  const answered = isUpstreams && text("response_flags") === undefined && status >= 200 && status <= 599;
  const authority = text("authority");
  return {
    request: {
      method,
      path,
      ...(authority === undefined ? {} : { authority }),
      ...protocolOf(text("protocol"), status),
      headers: headersOf(entry, headers),
      ...(source === undefined && principal === undefined
        ? {}
        : // No other client has the port of this one; which it was, tells nothing.
          {
            source: {
              ...(source === undefined ? {} : { address: `${source.shown}:0` }),
              ...(principal === undefined ? {} : { principal }),
            },
          }),
      ...(destination === undefined ? {} : { destination: { address: destination.ip, port: destination.port } }),
      ...(server === undefined || isOfMesh ? {} : { sni: server }),
      ...(answered && status !== 200 ? { response: { status } } : {}),
    },
  };
}

function protocolOf(protocol: string | undefined, status: number): Pick<ExchangeRequest, "protocol"> {
  if (status === 101) return { protocol: "websocket" };
  return protocol === "HTTP/2" || protocol === "HTTP/3" ? { protocol: "h2" } : {};
}

function headersOf(entry: Readonly<Record<string, unknown>>, names: ReadonlyMap<string, string>): HeaderList {
  const list: (readonly [string, string])[] = [];
  for (const [field, value] of Object.entries(entry)) {
    const name = names.get(field) ?? OWN_HEADERS[field] ?? (field.includes("-") && !FIELDS.has(field) ? field.toLowerCase() : undefined);
    if (name !== undefined && typeof value === "string" && value !== "" && value !== "-") list.push([name, value]);
  }
  return list;
}

const OWN_HEADERS: Readonly<Record<string, string>> = { user_agent: "user-agent", x_forwarded_for: "x-forwarded-for" };

function addressOf(text: string | undefined): { readonly ip: string; readonly shown: string; readonly port: number } | undefined {
  const [, shown = "", port = ""] = /^(\[[^\]]+\]|\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(text ?? "") ?? [];
  return shown === "" ? undefined : { ip: shown.replace(/^\[(.*)\]$/, "$1"), shown, port: Number(port) };
}
