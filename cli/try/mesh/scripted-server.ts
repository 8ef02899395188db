import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { METADATA_HEADER, STREAM_HEADER } from "../../../harness/envoy/chain/markers.ts";
import { SERVER_PRINCIPAL, type CalloutAnswer, type ChainSpec, type ExchangeRequest } from "../../../harness/target/index.ts";
import { bytesOf, type RecordedRequest, startUpstream, type Upstream, type UpstreamAnswer } from "../../../harness/upstreams/index.ts";
import { CLUSTER_HEADER } from "./cluster.ts";

/** A request under way. */
export interface Exchange {
  readonly request: ExchangeRequest;
  /** As the server saw it, at the last attempt. */
  seen?: RecordedRequest;
  /** Whether it came through as bytes, unseen by Envoy's HTTP. */
  asBytes: boolean;
}

export type Callouts = NonNullable<ChainSpec["callouts"]>;

const OURS: ReadonlySet<string> = new Set([STREAM_HEADER, CLUSTER_HEADER, METADATA_HEADER]);

/**
 * Starts the one server that is every host of every cluster. It answers a request with what that scripts; what filters ask, with the answers of `callouts` for their cluster, and where there is none with 503, so
 * that nothing is allowed because nobody was there to say no.
 *
 * @param underWay by number
 */
export function startServer(path: string, underWay: ReadonlyMap<number, Exchange>, callouts: Callouts): Promise<Upstream> {
  const { certificate: cert, key } = identityOf(SERVER_PRINCIPAL);
  return startUpstream({ path, tls: { cert, key }, keep: 0, script: (request) => answer(request, underWay, callouts) });
}

function answer(request: RecordedRequest, underWay: ReadonlyMap<number, Exchange>, callouts: Callouts): UpstreamAnswer {
  const value = (name: string) => request.headers.find(([key]) => key.toLowerCase() === name)?.[1];
  const exchange = underWay.get(Number(value(STREAM_HEADER) ?? NaN));
  const cluster = value(CLUSTER_HEADER);
  const plain = { ...request, headers: request.headers.filter(([name]) => !OURS.has(name.toLowerCase())) };
  if (exchange !== undefined) {
    exchange.seen = plain;
    exchange.asBytes = cluster === undefined;
    return exchange.request.response ?? {};
  }
  // A mirrored request is a copy of one that came from a client; its answer is for nobody, but counts for the health of the host.
  if (value("x-forwarded-proto") !== undefined) return {};
  const callout = cluster === undefined ? undefined : callouts[cluster];
  return callout === undefined
    ? { status: 503 }
    : upstreamAnswer(callout({ headers: plain.headers, body: plain.body, trailers: plain.trailers }));
}

function upstreamAnswer(answer: CalloutAnswer): UpstreamAnswer {
  if ("reset" in answer) return { reset: "before-headers" };
  const { body, ...rest } = answer;
  if (body === undefined || typeof body === "string") return { ...rest, ...(body !== undefined && { body }) };
  return { ...rest, body: { base64: bytesOf(body).toString("base64") } };
}
