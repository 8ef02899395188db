import { unframeMessages } from "../../target/body.ts";
import type { CalloutAnswer, CalloutRequest } from "../../target/index.ts";
import { bytesOf, startUpstream, type RecordedRequest, type UpstreamAnswer } from "../../upstreams/index.ts";

type Answers = Readonly<Record<string, (request: CalloutRequest) => CalloutAnswer>>;

/** What Envoy's client adds to a callout on the way. */
const ADDED = new Set(["grpc-timeout", "x-envoy-internal", "x-forwarded-for", "x-envoy-expected-rq-timeout-ms"]);

/** Starts a scripted server for each cluster that filters call out to. */
export async function startCallouts(
  answers: Answers,
  host: { readonly bind: string; readonly reach: string },
  resources: AsyncDisposableStack,
): Promise<ReadonlyMap<string, { readonly host: string; readonly port: number }>> {
  const servers = new Map<string, { host: string; port: number }>();
  for (const [name, answer] of Object.entries(answers)) {
    const script = (request: RecordedRequest): UpstreamAnswer => upstreamAnswer(answer(calloutRequest(request)));
    const server = resources.use(await startUpstream({ host: host.bind, script, keep: 0 }));
    servers.set(name, { host: host.reach, port: server.port });
  }
  return servers;
}

function calloutRequest(request: RecordedRequest): CalloutRequest {
  return {
    headers: [
      [":method", request.method],
      [":path", request.path],
      [":authority", request.authority],
      [":scheme", request.scheme ?? "http"],
      ...request.headers.filter(([name]) => !ADDED.has(name)),
    ],
    body: request.protocol === "grpc" ? unframeMessages(request.body) : request.body,
    trailers: request.trailers,
  };
}

function upstreamAnswer(answer: CalloutAnswer): UpstreamAnswer {
  if ("reset" in answer) return { reset: "before-headers" };
  const { body, ...rest } = answer;
  if (body === undefined || typeof body === "string") return { ...rest, ...(body !== undefined && { body }) };
  return { ...rest, body: { base64: bytesOf(body).toString("base64") } };
}
