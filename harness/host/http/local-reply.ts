import { ByteBuffer } from "../byte-buffer.ts";
import type { LocalResponse } from "../context.ts";
import { HeaderMap } from "../header-map.ts";

/** The headers and the body of an answer that no upstream gave, as `Http::Utility::prepareLocalReply` makes them. */
export function localReply(
  response: LocalResponse,
  request: HeaderMap | undefined,
): { readonly headers: HeaderMap; readonly body: ByteBuffer | undefined } {
  const headers = new HeaderMap("response");
  headers.add(":status", String(response.status));
  for (const [name, value] of response.headers) headers.add(name, value);

  if (request !== undefined && isGrpcRequest(request)) {
    headers.assign(":status", "200");
    headers.assign("content-type", "application/grpc");
    if ((headers.get("grpc-status") ?? "") === "")
      headers.assign("grpc-status", String(response.grpcStatus ?? toGrpcStatus(response.status)));
    if (response.body.length > 0 && (headers.get("grpc-message") ?? "") === "")
      headers.assign("grpc-message", percentEncode(response.body));
    headers.remove("content-length");
    return { headers, body: undefined };
  }

  if (response.body.length === 0) {
    headers.remove("content-length");
    headers.remove("content-type");
    return { headers, body: undefined };
  }
  headers.assign("content-length", String(response.body.length));
  if (!headers.has("content-type")) headers.add("content-type", "text/plain");
  return { headers, body: request?.get(":method") === "HEAD" ? undefined : ByteBuffer.of(response.body) };
}

/** `Grpc::Common::isGrpcRequestHeaders`. */
export function isGrpcRequest(headers: HeaderMap): boolean {
  if (headers.get(":path") === undefined) return false;
  const type = headers.get("content-type") ?? "";
  return type.startsWith("application/grpc") && (type.length === 16 || type[16] === "+");
}

/** `Grpc::Utility::httpToGrpcStatus`: 429 becomes UNAVAILABLE, so a filter that limits passes 8 itself. */
export function toGrpcStatus(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** Percent-encoding of the gRPC protocol for `grpc-message`: everything but printable ASCII, and `%`. */
function percentEncode(body: Uint8Array): string {
  let text = "";
  for (const byte of body) {
    text +=
      byte < 0x20 || byte >= 0x7f || byte === 0x25 ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}` : String.fromCharCode(byte);
  }
  return text;
}
