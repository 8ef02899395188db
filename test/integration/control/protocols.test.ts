import { connect as connectHttp2, constants, type ClientHttp2Session } from "node:http2";
import { once } from "node:events";
import { createServer as createHttps } from "node:https";
import type { IncomingHttpHeaders, Server } from "node:http";
import { createServer, type AddressInfo, type Server as NetServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { connectTo, getAt, type Place } from "./client.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";

// Every protocol that a mesh carries, as it leaves a workload and as it comes to one.

const identity = identityOf("shelf.example.com");
/** One for each: of several services on one port of a workload the oldest would say what is spoken there. */
let pages: Upstream;
let frames: Upstream;
let calls: Upstream;
let bytes: NetServer;
let secure: Server;
let mesh: RunningMesh;
let client: RunningEnvoy;
let server: RunningEnvoy;

const portOf = (listening: NetServer | Server): number => (listening.address() as AddressInfo).port;

beforeAll(async () => {
  pages = await startUpstream({ script: ({ protocol, path }) => (protocol === "websocket" ? {} : { body: `${protocol} ${path}` }) });
  frames = await startUpstream({ script: ({ protocol, path }) => ({ body: `${protocol} ${path}` }) });
  calls = await startUpstream({ script: () => ({ messages: ["one", "two"] }) });
  bytes = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (data) => socket.end(`got ${data.toString()}`));
  }).listen(0, "127.0.0.1");
  secure = createHttps({ cert: identity.certificate, key: identity.key }, (_, response) => response.end("secret")).listen(0, "127.0.0.1");
  await Promise.all([once(bytes, "listening"), once(secure, "listening")]);
  const entry = (name: string, address: string, number: number, protocol: string, port: number) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.example.com]
  addresses: [${address}]
  location: MESH_INTERNAL
  ports: [{ number: ${number}, name: port, protocol: ${protocol}, targetPort: ${port} }]
  resolution: STATIC
  workloadSelector: { labels: { app: server } }
`;
  const workload = `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: server }
spec: { address: 127.0.0.1, labels: { app: server } }
`;
  const yaml = [
    entry("pages", "10.30.0.1", 80, "HTTP", pages.port),
    entry("frames", "10.30.0.2", 8080, "HTTP2", frames.port),
    entry("calls", "10.30.0.3", 9090, "GRPC", calls.port),
    entry("bytes", "10.30.0.4", 9000, "TCP", portOf(bytes)),
    entry("shelf", "10.30.0.5", 443, "TLS", portOf(secure)),
    workload,
  ].join("");
  mesh = await RunningMesh.start({ "mesh.yaml": yaml });
  client = await mesh.proxy("sidecar~10.0.0.1~client.default~default.svc.cluster.local");
  server = await mesh.proxy("sidecar~127.0.0.1~server.default~default.svc.cluster.local");
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  for (const upstream of [pages, frames, calls]) await upstream?.[Symbol.asyncDispose]();
  bytes?.close();
  secure?.closeAllConnections();
  secure?.close();
});

/** Where each is reached: outside of its host the client's sidecar takes connections to the address of the service, the server's those to its own. */
const SIDES = {
  "from a workload": (address: string) => client.outbound(address),
  "to a workload": (_: string, port: number) => server.inbound(`127.0.0.1:${port}`),
} as const;

interface Http2Answer {
  readonly status: unknown;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

async function overHttp2(place: Place, headers: Readonly<Record<string, string>>, body?: Buffer): Promise<Http2Answer> {
  const session: ClientHttp2Session = connectHttp2("http://mesh", { createConnection: () => connectTo(place) });
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request(headers, { endStream: body === undefined });
      const parts: Buffer[] = [];
      let status: unknown;
      let trailers: IncomingHttpHeaders = {};
      stream.on("response", (fields) => (status = fields[constants.HTTP2_HEADER_STATUS]));
      stream.on("trailers", (fields: IncomingHttpHeaders) => (trailers = fields));
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => resolve({ status, trailers, body: Buffer.concat(parts) }));
      stream.on("error", reject);
      if (body !== undefined) stream.end(body);
    });
  } finally {
    session.destroy();
  }
}

/** gRPC's framing: no compression, and the length. */
const framed = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, 0, text.length]), Buffer.from(text)]);

describe.each(Object.entries(SIDES))("%s", (_, placeOf) => {
  test("HTTP/1.1", async () => {
    expect(await getAt(placeOf("10.30.0.1:80", pages.port), "pages.example.com", "/a")).toMatchObject({
      status: 200,
      body: "http/1.1 /a",
    });
  });

  test("HTTP/2", async () => {
    const answer = await overHttp2(placeOf("10.30.0.2:8080", frames.port), { ":path": "/b", ":authority": "frames.example.com:8080" });
    expect([answer.status, answer.body.toString()]).toEqual([200, "h2 /b"]);
  });

  test("gRPC, with its trailers", async () => {
    const answer = await overHttp2(
      placeOf("10.30.0.3:9090", calls.port),
      {
        ":method": "POST",
        ":path": "/calls.Calls/List",
        ":authority": "calls.example.com:9090",
        "content-type": "application/grpc",
        te: "trailers",
      },
      framed("ask"),
    );
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(Buffer.concat([framed("one"), framed("two")]));
    expect(answer.trailers).toMatchObject({ "grpc-status": "0" });
  });

  test("WebSocket", async () => {
    const place = placeOf("10.30.0.1:80", pages.port);
    const socket = new WebSocket("ws://pages.example.com/talk", { createConnection: () => connectTo(place) });
    await once(socket, "open");
    socket.send("hello");
    const [message] = (await once(socket, "message")) as [Buffer];
    expect(message.toString()).toBe("hello");
    socket.terminate();
  });

  test("TCP", async () => {
    const socket = connectTo(placeOf("10.30.0.4:9000", portOf(bytes)));
    socket.write("bytes");
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toBe("got bytes");
    socket.destroy();
  });

  test("TLS, which nobody opens on the way", async () => {
    const place = placeOf("10.30.0.5:443", portOf(secure));
    const tls = { servername: "shelf.example.com", ca: identity.authority };
    expect(await getAt({ ...place, tls }, "shelf.example.com", "/")).toMatchObject({ status: 200, body: "secret" });
  });
});

test("bytes to a port of which no service speaks", async () => {
  const stranger = await mesh.proxy("sidecar~127.0.0.1~stranger.other~other.svc.cluster.local");
  const socket = connectTo(stranger.inbound(`127.0.0.1:${portOf(bytes)}`));
  // Whether it is HTTP is known after the first line.
  socket.write("\x16 is no method\r\n");
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toContain("is no method");
  socket.destroy();
});
