import { describe, expect, test } from "vitest";
import { scriptedHost } from "./testing/scripted-host.ts";

const CALL = "request_headers: call backend 500 :path /q :method GET :authority b\nrequest_headers: return 1";
const RESUME = "http_call_response: effective\nhttp_call_response: continue 0";

describe("an HTTP callout", () => {
  test("waits for the test's answer, then resumes its stream", async () => {
    const { host, chain, logged } = await scriptedHost(
      `${CALL}\nhttp_call_response: get 6 :status\nhttp_call_response: body 4 0 99\nhttp_call_response: get 7 t\n${RESUME}`,
    );
    host.clusters.set("backend");
    const stream = chain.request({ path: "/" });
    const [call] = host.worker.callouts.pending;
    expect(call?.request.headers).toEqual([
      [":path", "/q"],
      [":method", "GET"],
      [":authority", "b"],
    ]);
    call?.respond({ status: 202, body: "yes", trailers: [["t", "1"]] });
    expect(stream.state).toBe("forwarded");
    expect(logged()).toEqual(["get 6 :status = 0:202", "body 4 0 99 = 0:yes", "get 7 t = 0:1"]);
  });

  test("that times out or is cut off brings a response of Envoy's own", async () => {
    const { host, chain, logged } = await scriptedHost(`${CALL}\nhttp_call_response: get 6 :status\nhttp_call_response: body 4 0 99`);
    host.clusters.set("backend");
    chain.request({ path: "/" });
    host.advance(500);
    expect(logged()).toEqual(["get 6 :status = 0:504", "body 4 0 99 = 0:upstream request timeout"]);
    host.clusters.set("backend", { http: () => ({ reset: true }) });
    chain.request({ path: "/" });
    expect(logged()[0]).toBe("get 6 :status = 0:503");
  });

  test("to an unknown cluster or without :authority is a bad argument, without a host it fails", async () => {
    const { host, chain, logged } = await scriptedHost(`
      request_headers: call nowhere 1 :path / :method GET :authority b
      request_headers: call backend 1 :path / :method GET
      request_headers: call backend 1 :path / :method GET :authority b`);
    host.clusters.set("backend", { health: "no-host" });
    chain.request({ path: "/" });
    expect(logged().map((line) => line.slice(-4))).toEqual(["= 2", "= 2", "= 10"].map((end) => end.padStart(4)));
    expect(host.worker.callouts.pending).toEqual([]);
  });

  test("answers after its stream is gone: the context is unknown", async () => {
    const { host, chain, logged } = await scriptedHost(`${CALL}\nhttp_call_response: effective`);
    host.clusters.set("backend");
    chain.request({ path: "/" }).disconnect();
    host.worker.callouts.pending[0]?.respond({ status: 200 });
    expect(logged()).toEqual(["effective = 2"]);
  });
});

describe("a gRPC call", () => {
  const script = "request_headers: grpc backend svc.S Method ping\ngrpc_receive: body 5 0 99\ngrpc_close: status";

  test("that succeeds brings a message and no close", async () => {
    const { host, chain, logged } = await scriptedHost(script);
    host.clusters.set("backend", {
      grpc: ({ service, method, message }) => ({ message: Buffer.from(`${service}/${method}:${Buffer.from(message).toString()}`) }),
    });
    chain.request({ path: "/" });
    expect(logged()).toEqual(["body 5 0 99 = 0:svc.S/Method:ping"]);
    expect(host.worker.callouts.pendingGrpc).toEqual([]);
  });

  test("that fails brings a close and no message", async () => {
    const { host, chain, logged } = await scriptedHost(script);
    host.clusters.set("backend", { grpc: () => ({ status: 5, statusMessage: "no such thing" }) });
    chain.request({ path: "/" });
    expect(logged()).toEqual(["status = 0:5 no such thing{via_upstream}"]);
  });

  test("without a host returns 10 and still brings a close; an unknown cluster is a parse failure", async () => {
    const { host, chain, logged } = await scriptedHost(script);
    chain.request({ path: "/" });
    host.clusters.set("backend", { health: "no-host" });
    chain.request({ path: "/" });
    expect(logged()).toEqual([
      "grpc backend svc.S Method ping = 4",
      "grpc backend svc.S Method ping = 10",
      "status = 0:14 no healthy upstream{no_healthy_upstream}",
    ]);
  });
});

describe("a gRPC stream", () => {
  const script = `
    request_headers: stream backend svc.S Watch
    request_headers: send 0 hello
    grpc_initial_metadata: get 4 x-i
    grpc_receive: body 5 0 99
    grpc_trailing_metadata: get 5 x-t
    grpc_close: status`;

  test("brings metadata, messages, trailing metadata and a close", async () => {
    const { host, chain, logged } = await scriptedHost(script);
    host.clusters.set("backend");
    chain.request({ path: "/" });
    const [stream] = host.worker.callouts.pendingGrpc;
    expect(stream?.messages.map((message) => Buffer.from(message).toString())).toEqual(["hello"]);
    stream?.sendInitialMetadata([["x-i", "1"]]);
    stream?.sendMessage("one");
    stream?.sendMessage("two");
    stream?.close(0, "", [["x-t", "2"]]);
    expect(logged()).toEqual([
      "get 4 x-i = 0:1",
      "body 5 0 99 = 0:one",
      "body 5 0 99 = 0:two",
      "get 5 x-t = 0:2",
      "status = 0:0 via_upstream",
    ]);
  });

  test("to a cluster without a host runs the metadata callbacks inside the hostcall", async () => {
    const { host, chain, logged } = await scriptedHost(`${script}\ngrpc_initial_metadata: log 2 inside`);
    host.clusters.set("backend", { health: "no-host" });
    chain.request({ path: "/" });
    expect(logged()).toEqual([
      ...["get 4 x-i = 1:", "inside", "get 5 x-t = 1:", "stream backend svc.S Watch = 10"],
      ...["send 0 hello = 2", "status = 0:14 no healthy upstream{no_healthy_upstream}"],
    ]);
  });
});
