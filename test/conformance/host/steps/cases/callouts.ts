import type { Case } from "../step.ts";
import { OK } from "./common.ts";

const RESULTS =
  "http_call_response: get 6 :status;http_call_response: get 6 x-c;http_call_response: body 4 0 999;http_call_response: get 7 x-t;http_call_response: status";
const call = (path: string, cluster = "callout", timeout = 1_000) => `call ${cluster} ${timeout} :path ${path} :method GET :authority a`;
const RESUME = "http_call_response: continue 0";
const GRPC_RESULTS =
  "grpc_initial_metadata: get 4 content-type;grpc_receive: body 5 0 99;grpc_trailing_metadata: get 5 grpc-status;grpc_close: status";

/** A request that waits for what its callout brings. */
function callout(title: string, lines: string, wait = 0): Case {
  return {
    title,
    play: async ({ request, pass, together }) => {
      let stream: Awaited<ReturnType<typeof request>> | undefined;
      await together(async () => {
        stream = await request(`request_headers: return 1;${lines}`);
        if (wait > 0) await pass(wait);
      });
      await stream?.answer(OK, true);
    },
  };
}

/** Calls to other services, how they end, and how they fail. */
export const callouts: readonly Case[] = [
  ...["/ok", "/no-body", "/trailers", "/error"].map((path) =>
    callout(`HTTP: ${path.slice(1)}`, `request_headers: ${call(path)};${RESULTS};${RESUME}`),
  ),
  callout("HTTP: a connection that ends", `request_headers: ${call("/reset")};${RESULTS};${RESUME}`),
  callout("HTTP: a timeout", `request_headers: ${call("/slow", "callout", 50)};${RESULTS};${RESUME}`, 200),
  callout("HTTP: an unknown cluster", `request_headers: ${call("/ok", "nope")};request_headers: return 0`),
  callout("HTTP: a cluster without hosts", `request_headers: ${call("/ok", "no-hosts")};${RESULTS};request_headers: return 0`),
  callout("HTTP: a port at which nobody listens", `request_headers: ${call("/ok", "refused")};${RESULTS};${RESUME}`),
  callout("HTTP: a circuit breaker that is open", `request_headers: ${call("/ok", "breaker")};${RESULTS};request_headers: return 0`),
  callout("HTTP: without :method", "request_headers: call callout 1000 :path / :authority a;request_headers: return 0"),
  callout(
    "HTTP: several at a time",
    `request_headers: ${call("/ok")};request_headers: ${call("/error")};${RESULTS};http_call_response#1: return 0;${RESUME}`,
  ),
  callout(
    "HTTP: one after the other",
    `request_headers: ${call("/ok")};http_call_response#1: ${call("/trailers")};${RESULTS};http_call_response: continue 0`,
  ),
  callout(
    "HTTP: a local response to its answer",
    `request_headers: ${call("/error")};http_call_response: respond 503 said+no no 4294967295`,
  ),
  callout("gRPC: a message", `request_headers: grpc callout s grpc asked;${GRPC_RESULTS};grpc_receive: continue 0`),
  callout("gRPC: denied", `request_headers: grpc callout s denied asked;${GRPC_RESULTS};grpc_close: continue 0`),
  callout("gRPC: a connection that ends", `request_headers: grpc callout s reset asked;${GRPC_RESULTS};grpc_close: continue 0`),
  callout("gRPC: denied with a message", `request_headers: grpc callout s denied-message asked;${GRPC_RESULTS};grpc_close: continue 0`),
  callout("gRPC: no gRPC answer", `request_headers: grpc callout s error asked;${GRPC_RESULTS};grpc_close: continue 0`),
  callout("gRPC: an unknown cluster", `request_headers: grpc nope s grpc asked;${GRPC_RESULTS};request_headers: return 0`),
  callout("gRPC: a cluster without hosts", `request_headers: grpc no-hosts s grpc asked;${GRPC_RESULTS};request_headers: return 0`),
  callout(
    "gRPC: cancelled",
    `request_headers: grpc callout s grpc asked;request_headers: grpccancel;${GRPC_RESULTS};request_headers: return 0`,
    50,
  ),
  callout(
    "gRPC stream: a message and the end",
    `request_headers: stream callout s grpc;request_headers: send 1 asked;${GRPC_RESULTS};grpc_close: continue 0`,
  ),
  callout(
    "gRPC stream: denied",
    `request_headers: stream callout s denied;request_headers: send 1 asked;${GRPC_RESULTS};grpc_close: continue 0`,
  ),
  callout("gRPC stream: a cluster without hosts", `request_headers: stream no-hosts s grpc;${GRPC_RESULTS};request_headers: return 0`),
  callout(
    "gRPC stream: closed by the filter",
    `request_headers: stream callout s grpc;request_headers: grpcclose;${GRPC_RESULTS};grpc_close: continue 0`,
  ),
  {
    title: "an answer that comes when the client has left",
    play: async ({ request, together, pass }) => {
      const stream = await request(`request_headers: ${call("/slow", "callout", 500)};request_headers: return 1;${RESULTS}`);
      await together(async () => {
        await stream.leave();
        await pass(700);
      });
    },
  },
];
