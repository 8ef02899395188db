import { expect } from "vitest";
import type { ExchangeRequest } from "../target/index.ts";
import { scenario } from "../vitest.ts";

const chain = { filters: [] };
const protocols: ReadonlyArray<NonNullable<ExchangeRequest["protocol"]>> = ["http/1.1", "h2", "grpc"];

for (const protocol of protocols) {
  scenario(`a reset before the headers over ${protocol} is answered by Envoy`, { chain }, async (run) => {
    const result = await run.send({ path: "/", protocol, body: "ping", response: { reset: "before-headers" } });
    // gRPC's own status says it (grpc-status 14); the HTTP status is always 200.
    expect(result).toRespond(protocol === "grpc" ? 200 : 503, "upstream_reset_before_response_started{connection_termination}");
  });
}

// HTTP/1.1 alone: Envoy 1.36 names a reset stream of HTTP/2 otherwise than later ones (remote_reset).
scenario("a reset after the headers reaches the client", { chain }, async (run) => {
  const result = await run.send({ path: "/", body: "ping", response: { status: 201, body: "begun", reset: "after-headers" } });
  expect(result).toMatchObject({ outcome: "reset", status: 0, details: "upstream_reset_after_response_started{protocol_error}" });
});

scenario("an empty gRPC message is no body", { chain }, async (run) => {
  const result = await run.send({ path: "/s/m", protocol: "grpc", body: "" });
  expect(result).toForward();
  expect(result.request).not.toHaveProperty("body");
});

scenario("what comes with another content type is no gRPC, for Envoy and for who serves it", { chain }, async (run) => {
  const request: ExchangeRequest = { path: "/s/m", protocol: "grpc", headers: [["content-type", "text/plain"]], body: "ping" };
  const served = await run.send({ ...request, response: { body: "pong" } });
  expect(served).toForward();
  expect(served.response).toMatchObject({ status: 200, body: "pong" });
  expect(served.response).not.toHaveProperty("trailers");
  const refused = await run.send({ ...request, response: { reset: "before-headers" } });
  expect(refused.response).toMatchObject({ status: 503, body: expect.stringContaining("upstream connect error") as string });
});

scenario("what comes over HTTP/2 with gRPC's content type is gRPC", { chain }, async (run) => {
  const result = await run.send({ path: "/s/m", protocol: "h2", method: "POST", headers: [["content-type", "application/grpc"]] });
  expect(result.response).toMatchObject({ headers: expect.arrayContaining([["content-type", "application/grpc"]]) as unknown });
  expect(result.response?.trailers).toContainEqual(["grpc-status", "0"]);
});
