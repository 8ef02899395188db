import {
  DEFAULT_AUTHORITY,
  DEFAULT_METHOD,
  GRPC_REQUEST_HEADERS,
  reportedHeaders,
  schemeOf,
  SHORTEST_DELAY,
  type ExchangeRequest,
  type ExchangeResult,
  type HeaderList,
  type Protocol,
} from "../../target/index.ts";
import { frameMessage, toBody, unframeMessages } from "../../target/body.ts";
import { bytesOf, headerOf, type RecordedRequest } from "../../upstreams/index.ts";
import type { ClientRequest, ClientResponse } from "../client/message.ts";
import type { StreamRecord } from "./attribution.ts";
import { luaExpression, METADATA_HEADER } from "./markers.ts";

/** `%RESPONSE_CODE_DETAILS%` of what the upstream answered. */
const VIA_UPSTREAM = "via_upstream";

/**
 * What the client sends for a request.
 *
 * @param giveUp when the client gives up, where the request says so and not the client alone can know it
 */
export function clientRequest(request: ExchangeRequest, giveUp?: Promise<void>): ClientRequest {
  const { protocol, chunks, body, metadata, trailers = [] } = request;
  const headers: Array<readonly [string, string]> = [...(request.headers ?? [])];
  if (protocol === "grpc") headers.push(...GRPC_REQUEST_HEADERS.filter(([name]) => headerOf(headers, name) === undefined));
  if (metadata !== undefined) headers.push([METADATA_HEADER, luaExpression(metadata)]);
  const bytes = protocol === "grpc" ? Buffer.from(frameMessage(bytesOf(body))) : bytesOf(body);
  const pieces = (chunks === undefined ? [bytes] : chunks.map(bytesOf)).filter((piece) => piece.length > 0);
  return {
    method: request.method ?? (protocol === "grpc" ? "POST" : DEFAULT_METHOD),
    scheme: schemeOf(request),
    authority: request.authority ?? DEFAULT_AUTHORITY,
    path: request.path,
    headers,
    pieces,
    streamed: chunks !== undefined || trailers.length > 0,
    trailers,
    endless: request.reset === "in-request",
    ...(giveUp !== undefined && { giveUp }),
  };
}

/** What is reported of an exchange: by the client, the upstream, and Envoy's log. */
export function exchangeResult(
  request: ExchangeRequest,
  response: ClientResponse | undefined,
  seen: RecordedRequest | undefined,
  record: StreamRecord | undefined,
): ExchangeResult {
  const protocol = request.protocol ?? "http/1.1";
  // After an upgrade Envoy's details say how the tunnel was closed, which is not part of the exchange.
  const details = response?.status === 101 ? VIA_UPSTREAM : textOf(record?.fields["details"]);
  const route = textOf(record?.fields["route"]);
  const cluster = textOf(record?.fields["cluster"]);
  const delay = record?.held ?? 0;
  const sent = contentOf(seen?.body ?? Buffer.alloc(0), protocol);
  return {
    ...(request.id !== undefined && { id: request.id }),
    outcome: response === undefined ? "reset" : details === VIA_UPSTREAM ? "forward" : "respond",
    status: response?.status ?? 0,
    details,
    ...(seen !== undefined && {
      request: {
        method: seen.method,
        authority: seen.authority,
        path: seen.path,
        headers: reportedHeaders(seen.headers),
        // Of an empty gRPC message only the frame came, which is no content.
        ...(sent.length > 0 && { body: toBody(sent) }),
        ...trailersOf(seen.trailers),
      },
    }),
    ...(response !== undefined && {
      response: {
        status: response.status,
        headers: reportedHeaders(response.headers),
        body: toBody(contentOf(response.body, protocol)),
        ...trailersOf(response.trailers),
      },
    }),
    ...(route !== "" && { route }),
    ...(cluster !== "" && { cluster }),
    ...(delay >= SHORTEST_DELAY && { delay }),
    decisions: record?.decisions ?? [],
  };
}

function trailersOf(trailers: HeaderList): { readonly trailers?: HeaderList } {
  return trailers.length === 0 ? {} : { trailers: reportedHeaders(trailers) };
}

/** A gRPC body without its framing; as it is where it is none. */
function contentOf(body: Buffer, protocol: Protocol): Uint8Array {
  return protocol === "grpc" ? unframeMessages(body) : body;
}

/** Absent fields of a JSON access log are null. */
function textOf(field: unknown): string {
  return typeof field === "string" && field !== "-" ? field : "";
}
