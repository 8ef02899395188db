import { networkInterfaces } from "node:os";
import { toByteString } from "../byte-string.ts";
import { HeaderMap } from "../header-map.ts";
import { DEFAULT_AUTHORITY, DEFAULT_METHOD, GRPC_REQUEST_HEADERS } from "../../target/defaults.ts";
import type { ExchangeRequest, HeaderList } from "../../target/index.ts";
import { schemeOf } from "../../target/transport.ts";
import { normalizePath } from "./normalize-path.ts";

// What Envoy's codec and HTTP connection manager (`use_remote_address: true`, `generate_request_id: false`) do to a request before the
// first filter sees it, and which requests they answer themselves. Recorded from Envoy 1.40.

const MAX_HEADERS_BYTES = 60 * 1024;
const MAX_HEADERS_COUNT = 100;

/** Only Envoy and its filters may set these: a client at the edge has no say. */
const INTERNAL_HEADERS = [
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-original-path",
  "x-envoy-original-host",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-internal",
  "x-forwarded-client-cert",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
];

/** The headers as the codec hands them on: pseudo-headers, then those of the request, then what its protocol adds. */
export function codecHeaders(request: ExchangeRequest, hasBody: boolean, bodyLength: number | undefined): HeaderMap {
  const protocol = request.protocol ?? "http/1.1";
  const isHttp2 = protocol === "h2" || protocol === "grpc";
  // CONNECT names where to over HTTP/1.1, and no path (RFC 9112, section 3.2.3).
  const connects = !isHttp2 && request.method === "CONNECT";
  const authority = [":authority", connects ? request.path : (request.authority ?? DEFAULT_AUTHORITY)] as const;
  const path = [":path", request.path] as const;
  const method = [":method", request.method ?? (protocol === "grpc" ? "POST" : DEFAULT_METHOD)] as const;
  const scheme = [":scheme", schemeOf(request)] as const;
  const headers: Array<readonly [string, string]> = [
    // As the client sent them over HTTP/2; as Envoy's codec of HTTP/1.1 makes them.
    ...(isHttp2 ? [method, scheme, authority, path] : connects ? [authority, method, scheme] : [authority, path, method, scheme]),
    // Over HTTP/2 Envoy drops a Host beside :authority.
    ...(request.headers ?? []).filter(([name]) => !isHttp2 || name.toLowerCase() !== "host"),
  ];
  const has = (name: string) => headers.some(([other]) => other.toLowerCase() === name);
  if (protocol === "grpc") {
    headers.push(...GRPC_REQUEST_HEADERS.filter(([name]) => !has(name)));
  } else if (protocol === "websocket") {
    if (!has("connection")) headers.push(["connection", "Upgrade"]);
    if (!has("upgrade")) headers.push(["upgrade", "websocket"]);
    if (!has("sec-websocket-version")) headers.push(["sec-websocket-version", "13"]);
  } else if (hasBody && bodyLength !== undefined && !has("content-length") && protocol === "http/1.1") {
    headers.push(["content-length", String(bodyLength)]);
  }
  const map = HeaderMap.from("request", isHttp2 ? joinCookies(headers) : headers);
  if (!isHttp2) dropHttp2Upgrade(map);
  return map;
}

/** An offer of HTTP/2, which Envoy's codec of HTTP/1.1 takes out (`ConnectionImpl::onHeadersCompleteImpl`). */
function dropHttp2Upgrade(headers: HeaderMap): void {
  if (headers.get("upgrade")?.toLowerCase() !== "h2c") return;
  headers.remove("upgrade");
  headers.remove("http2-settings");
}

/** Envoy's HTTP/2 codec puts the cookie headers of a message into one behind the others (RFC 9113, section 8.2.3; `reconstituteCrumbledCookies`), unless nothing stands in it. */
export function joinCookies(headers: HeaderList): HeaderList {
  const isCookie = ([name]: readonly [string, string]) => name.toLowerCase() === "cookie";
  let cookies = "";
  for (const [, value] of headers.filter(isCookie)) cookies += cookies === "" ? value : `; ${value}`;
  const others = headers.filter((header) => !isCookie(header));
  return cookies === "" ? others : [...others, ["cookie", cookies]];
}

/** Why Envoy answers a request before any filter runs; `undefined` where it does not. */
export function refusal(
  request: ExchangeRequest,
  headers: HeaderMap,
): { readonly status: number; readonly details: string; readonly body: string } | undefined {
  const http1 = (request.protocol ?? "http/1.1") === "http/1.1" || request.protocol === "websocket";
  const codec = http1 ? "http1" : "http2";
  const names = (request.headers ?? []).map(([name]) => name.toLowerCase());
  const list = request.headers ?? [];
  if (list.some(([name, value]) => isInvalid(value) || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name.replace(/^:/, "")))) {
    const invalidValue = list.some(([, value]) => isInvalid(value));
    return { status: 400, details: invalidValue ? `${codec}.invalid_characters` : `${codec}.codec_error`, body: "Bad Request" };
  }
  if (names.some((name) => name.startsWith(":"))) return { status: 400, details: `${codec}.codec_error`, body: "Bad Request" };
  // On HTTP/1 `Host` is one of the headers that are counted.
  if (list.length + (http1 ? 1 : 4) > MAX_HEADERS_COUNT) return tooLarge(`${codec}.too_many_headers`);
  if (headers.byteSize > MAX_HEADERS_BYTES) return tooLarge(`${codec}.headers_too_large`);
  if (request.authority === "") return { status: 400, details: "missing_host_header", body: "" };
  const path = toByteString(request.path);
  // One over HTTP/2 with a path is malformed (RFC 9113, section 8.5): Envoy resets the stream.
  if (request.method === "CONNECT" && !http1) return { status: 400, details: "http2.violation.of.messaging.rule", body: "Bad Request" };
  if (request.method === "CONNECT")
    return path.startsWith("/") ? { status: 400, details: "http1.invalid_url", body: "Bad Request" } : undefined;
  if (path === "" || (http1 && !path.startsWith("/") && path !== "*"))
    return { status: 400, details: `${codec}.codec_error`, body: "Bad Request" };
  if (path.includes("#") || normalizePath(path) === undefined) return { status: 400, details: "path_normalization_failed", body: "" };
  if (!path.startsWith("/")) return { status: 404, details: "absolute_path_rejected", body: "" };
  return undefined;
}

function tooLarge(details: string) {
  return { status: 431, details, body: "Request Header Fields Too Large" };
}

function isInvalid(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true;
  }
  return false;
}

/** `ConnectionManagerUtility::mutateRequestHeaders` for a connection from `source` (`ip:port`), `secure` over TLS. */
export function mutateRequestHeaders(headers: HeaderMap, source: string, secure: boolean): void {
  const address = addressOf(source);
  const path = headers.has(":path") ? normalizePath(headers.get(":path") ?? "") : undefined;
  if (path !== undefined) headers.assign(":path", path);
  if (isUpgrade(headers)) {
    if (!headers.has("transfer-encoding") && !headers.has("content-length")) headers.assign("content-length", "0");
  } else {
    headers.remove("connection");
    headers.remove("upgrade");
    const te = headers.get("te");
    if (te !== undefined) {
      if (/(^|,)\s*trailers\s*(,|$)/i.test(te)) headers.assign("te", "trailers");
      else headers.remove("te");
    }
  }
  // Envoy itself tells the client to go on, where `proxy_100_continue` is not set.
  if (headers.get("expect")?.toLowerCase() === "100-continue") headers.remove("expect");
  for (const name of INTERNAL_HEADERS) headers.remove(name);
  if (headers.getAll("referer") !== undefined && !isReferer(headers.getAll("referer") ?? "")) headers.remove("referer");
  const before = headers.get("x-forwarded-for");
  const hop = isLoopback(address) ? localAddress() : address;
  headers.assign("x-forwarded-for", before === undefined || before === "" ? hop : `${before},${hop}`);
  headers.assign("x-forwarded-proto", secure ? "https" : "http");
  headers.assign("x-envoy-external-address", address);
  const scheme = headers.get(":scheme");
  headers.assign(":scheme", scheme === undefined || scheme === "" ? "http" : scheme.toLowerCase());
}

/** `Utility::isValidRefererValue`: an absolute URL without user and fragment, else a relative reference without a fragment. */
function isReferer(value: string): boolean {
  const [, port = "0"] = /^[a-z]+:\/\/[^\s/?#@:]+(?::(\d*))?(?:[/?][!-"$-~]*)?$/i.exec(value) ?? [undefined, "none"];
  if (Number(port) <= 65_535) return true;
  // A colon in the first segment would end a scheme.
  return /^[\w!$&'()*+,;=.~@%?-]*(?:\/[\w!$&'()*+,;=.~@%?:/-]*)?$/.test(value);
}

export function isUpgrade(headers: HeaderMap): boolean {
  return headers.has("upgrade") && /(^|,)\s*upgrade\s*(,|$)/i.test(headers.get("connection") ?? "");
}

function addressOf(source: string): string {
  return source.slice(0, source.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** What Envoy appends for a client on loopback: the machine's first address that is not (`Network::Utility::getLocalAddress`). */
function localAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) if (address.family === "IPv4" && !address.internal) return address.address;
  }
  return "127.0.0.1";
}
