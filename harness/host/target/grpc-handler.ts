import type { CalloutAnswer, ChainSpec } from "../../target/index.ts";
import type { GrpcAnswer, GrpcHandler } from "../clusters.ts";

const UNKNOWN = 2;
const INTERNAL = 13;
const UNAVAILABLE = 14;

/** gRPC statuses of HTTP statuses that are not 200 (`doc/http-grpc-status-mapping.md` of gRPC), as Envoy's client has them. */
const STATUS_OF: Readonly<Record<number, number>> = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 };

/** Lets the script of a cluster's HTTP answers answer unary gRPC calls too, as the scripted server behind an Envoy does. */
export function grpcHandler(answer: NonNullable<ChainSpec["callouts"]>[string]): GrpcHandler {
  return ({ service, method, authority, message }) =>
    grpcAnswer(
      answer({
        headers: [
          [":method", "POST"],
          [":path", `/${service}/${method}`],
          [":authority", authority],
          [":scheme", "http"],
          ["te", "trailers"],
          ["content-type", "application/grpc"],
        ],
        body: message,
        trailers: [],
      }),
    );
}

function grpcAnswer(answer: CalloutAnswer): GrpcAnswer {
  if ("reset" in answer)
    return {
      status: UNAVAILABLE,
      statusMessage: "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
      details: "upstream_reset_before_response_started{connection_termination}",
    };
  const { delay = 0 } = answer;
  const given = [...(answer.trailers ?? []), ...(answer.headers ?? [])].find(([name]) => name === "grpc-status")?.[1];
  const message = [...(answer.trailers ?? []), ...(answer.headers ?? [])].find(([name]) => name === "grpc-message")?.[1];
  const status = given !== undefined ? Number(given) : answer.status === 200 ? 0 : (STATUS_OF[answer.status] ?? UNKNOWN);
  // A call that ends well without a message has failed.
  if (status === 0 && (answer.body === undefined || answer.body === "")) return { status: INTERNAL, delay };
  const named = ({ 0: name }: readonly [string, string]) => name === "grpc-status" || name === "grpc-message";
  return {
    status,
    delay,
    ...(message !== undefined && { statusMessage: message }),
    ...(answer.body !== undefined && answer.body !== "" && { message: Buffer.from(answer.body) }),
    headers: [[":status", String(answer.status)], ...(answer.headers ?? []), ["x-envoy-upstream-service-time", String(delay)]],
    trailers: (answer.trailers ?? []).filter((trailer) => !named(trailer)),
  };
}
