import { createSecureServer, createServer as createHttp2 } from "node:http2";
import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { identityOf } from "../envoy/chain/certificates.ts";
import { startUpstream, type UpstreamOptions } from "../upstreams/index.ts";
import { startLoad, type LoadOptions } from "./index.ts";

async function upstream(options: UpstreamOptions = {}) {
  const server = await startUpstream(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

async function count(options: LoadOptions, requests = 20) {
  const load = startLoad({ connections: 2, ...options });
  await load.until(({ sent }) => sent >= requests);
  const counts = await load.stop();
  expect(counts.sent).toBe(counts.answered + counts.lost + counts.wrong);
  return counts;
}

test("HTTP/2, several requests on a connection at a time", async () => {
  const { port, requests } = await upstream({ script: ({ path }) => ({ body: path, delay: 20 }) });
  const url = `http://127.0.0.1:${port}/a?b`;
  const counts = await count({
    url,
    protocol: "h2",
    streams: 10,
    check: ({ body, headers }) => body === "/a?b" && headers["content-length"] !== "",
  });
  expect(counts).toMatchObject({ lost: 0, wrong: 0, answered: requests.length });
  expect(requests[0]).toMatchObject({ protocol: "h2", authority: `127.0.0.1:${port}` });
});

test("HTTP/2: streams that are reset, half answers, and bodies that are too short are lost", async () => {
  const { port, requests } = await upstream({
    script: ({ path }) => ({
      body: "x",
      ...(path === "/0" ? { reset: "before-headers" } : path === "/1" ? { reset: "after-headers" } : {}),
    }),
  });
  const counts = await count({ url: `http://127.0.0.1:${port}/`, protocol: "h2", request: (index) => ({ path: `/${index % 3}` }) });
  expect(counts.sent).toBe(requests.length);
  expect(counts.answered).toBe(Math.floor(counts.sent / 3));
  for (const reason of Object.keys(counts.reasons))
    expect(reason).toMatch(/^(new|used) connection closed before an answer$|^(no answer|answer cut off): stream reset \([A-Z_]+\)$/);
});

test("HTTP/2: a connection that goes away loses what is on it, is made anew, and GOAWAY loses nothing", async () => {
  let number = 0;
  const server = createHttp2();
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    const { session } = stream;
    if (++number % 5 === 0) session?.socket.destroy();
    else {
      if (number % 3 === 0) session?.goaway(0);
      stream.respond({ ":status": 200 });
      stream.end("fine");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const counts = await count({ url, protocol: "h2", connections: 1 });
  expect(counts).toMatchObject({ sent: number, lost: Math.floor(number / 5), wrong: 0 });
  for (const reason of Object.keys(counts.reasons)) expect(reason).toMatch(/connection (closed|reset)/);
  const before = number;
  const retried = await count({ url, protocol: "h2", connections: 1, retryReused: true });
  expect(retried.sent + retried.retried).toBe(number - before);
});

test("HTTP/2: nobody there, and no answer", async () => {
  const refused = await count({ url: "http://127.0.0.1:1/", protocol: "h2" });
  expect(refused).toMatchObject({ answered: 0, reasons: { "connection refused": refused.sent } });
  const { port } = await upstream({ script: () => new Promise(() => undefined) });
  const silent = await count({ url: `http://127.0.0.1:${port}/`, protocol: "h2", timeout: 100 }, 4);
  expect(silent).toMatchObject({ answered: 0, reasons: { "no answer within 100 ms": silent.sent } });
});

test("TLS with a client's certificate, of HTTP/1.1 and of HTTP/2; a server that is not trusted loses everything", async () => {
  const client = identityOf("spiffe://load");
  const own = identityOf("spiffe://server");
  const seen: (string | undefined)[] = [];
  const options = {
    key: own.key,
    cert: own.certificate,
    ca: client.authority,
    requestCert: true,
    rejectUnauthorized: true,
    allowHTTP1: true,
  };
  const server = createSecureServer(options, (request, response) => {
    seen.push((request.socket as TLSSocket).getPeerCertificate().subjectaltname);
    response.end("fine");
  });
  server.on("sessionError", () => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const tls = { cert: client.certificate, key: client.key, ca: own.authority, checkServerIdentity: () => undefined };
  for (const protocol of ["http/1.1", "h2"] as const) {
    const counts = await count({ url: "https://reviews:9080/", via: { port, tls }, protocol });
    expect(counts).toMatchObject({ answered: seen.splice(0).length, lost: 0, wrong: 0 });
    const refused = await count({ url: `https://127.0.0.1:${port}/`, protocol });
    expect(refused).toMatchObject({ answered: 0, lost: refused.sent });
    expect(Object.keys(refused.reasons)).toEqual([expect.stringMatching(/^no connection: /)]);
  }
  expect(seen).toEqual([]);
});

test("sockets of the file system, bodies, headers, and a preface", async () => {
  const folder = await mkdtemp(join(tmpdir(), "meshwright-load-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "socket");
  const { requests } = await upstream({ path });
  const counts = await count({
    url: "http://reviews:9080/",
    via: { place: () => ({ path }) },
    method: "POST",
    headers: [["x-a", "1"]],
    request: (index) => ({ body: `body ${index}` }),
  });
  expect(counts).toMatchObject({ answered: requests.length, lost: 0 });
  expect(requests[0]).toMatchObject({ method: "POST", authority: "reviews:9080", path: "/", body: Buffer.from("body 0") });
  expect(requests[0]?.headers).toContainEqual(["x-a", "1"]);
  // To this server a preface is not HTTP.
  const broken = await count({ url: "http://reviews:9080/", via: { path, preface: Buffer.from("PROXY UNKNOWN\r\n") } });
  expect(broken.answered).toBe(0);
});
