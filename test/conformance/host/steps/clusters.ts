import type { CalloutAnswer, CalloutRequest } from "../../../../harness/target/index.ts";

/** Milliseconds that a slow answer takes: longer than the timeout of any callout in a case. */
const SLOW = 2_000;

/** What the cluster `callout` answers, by path. */
export function calloutAnswer({ headers, body }: CalloutRequest): CalloutAnswer {
  const path = headers.find(([name]) => name === ":path")?.[1] ?? "";
  const given = Buffer.from(body).toString("latin1");
  if (path.endsWith("reset")) return { reset: true };
  if (path.endsWith("slow")) return { status: 200, body: "late", delay: SLOW };
  if (path.endsWith("no-body")) return { status: 204, headers: [["x-no", "body"]] };
  if (path.endsWith("trailers")) return { status: 200, body: "b", trailers: [["x-t", "1"]] };
  if (path.endsWith("error")) return { status: 500, headers: [["x-e", "1"]], body: "broken" };
  const denial: CalloutAnswer = {
    status: 200,
    headers: [["content-type", "application/grpc"]],
    trailers: [
      ["grpc-status", "7"],
      ["grpc-message", "why"],
    ],
  };
  if (path.endsWith("denied-message")) return denial;
  if (path.endsWith("denied")) return { status: 200, headers: [["content-type", "application/grpc"]], trailers: [["grpc-status", "7"]] };
  const grpc: CalloutAnswer = {
    status: 200,
    headers: [["content-type", "application/grpc"]],
    body: `got ${given}`,
    trailers: [["grpc-status", "0"]],
  };
  return path.endsWith("grpc") ? grpc : { status: 200, headers: [["x-c", "1"]], body: `answered ${given}` };
}
