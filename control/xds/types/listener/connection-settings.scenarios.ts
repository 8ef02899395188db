import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session, type Settings } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { exchange, freePort, httpRequest } from "../testing/running-proxy.ts";
import { TunedProxy } from "./testing/tuned-proxy.ts";

// MeshConfig's `defaultConfig.connectionSettings`: limits of listeners and of HTTP connections, each field in one Envoy.

const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";
let web: Upstream;
let gateway: TunedProxy;
let port: number;

beforeAll(async () => {
  port = await freePort();
  web = await startUpstream({
    script: ({ path }) => ({ body: path, ...(path.startsWith("/slow") ? { delay: 30_000 } : {}) }),
  });
  gateway = await TunedProxy.start(
    `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web }
spec:
  hosts: [web.test]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${web.port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec: { hosts: ["*"], gateways: [edge], http: [{ route: [{ destination: { host: web.test } }] }] }
`,
    { nodeId: ROUTER },
  );
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
});

const settings = (connectionSettings: object) => gateway.tune({ defaultConfig: { connectionSettings } });
const statusOf = (answer: string) => answer.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length);

/** What comes back on a connection on which `text` is written, until it is closed. */
async function converse(text: string): Promise<{ readonly received: string; readonly socket: Socket }> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  let received = "";
  socket.on("data", (bytes: Buffer) => (received += bytes.toString()));
  socket.write(text);
  await once(socket, "close");
  return { received, socket };
}

/** A connection of HTTP/2, with the settings that Envoy announced. */
async function session(): Promise<ClientHttp2Session & AsyncDisposable & { readonly announced: Settings }> {
  const made = connectHttp2(`http://127.0.0.1:${port}`);
  made.on("error", () => undefined);
  const [announced] = (await once(made, "remoteSettings")) as [Settings];
  return Object.assign(made, {
    announced,
    [Symbol.asyncDispose]: () => {
      made.destroy();
      return Promise.resolve();
    },
  });
}

const OPEN = "GET /open HTTP/1.1\r\nHost: web.test\r\n\r\n";

describe("of a connection", () => {
  test("httpIdleTimeout: it ends after that time without a request", async () => {
    await settings({ httpIdleTimeout: "0.2s" });
    expect((await converse(OPEN)).received).toContain("200 OK");
  });

  test("httpMaxConnectionDuration: its next answer is the last, httpDrainTimeout later than it is told", async () => {
    await settings({ httpMaxConnectionDuration: "0.2s", httpDrainTimeout: "0.3s" });
    await using http2 = await session();
    // Without one the connection would be closed without a word.
    http2.request({ ":path": "/slow", ":authority": "web.test" }).on("error", () => undefined);
    await once(http2, "goaway");
    const first = performance.now();
    await once(http2, "goaway");
    const elapsed = performance.now() - first;
    // The first may be read late on a busy machine; Envoy's own is 5 s.
    expect(elapsed).toBeGreaterThan(100);
    expect(elapsed).toBeLessThan(4_500);
  });
});

describe("of a request", () => {
  test.each<[field: string, setting: object, text: string, status: string]>([
    ["its headers", { httpRequestHeadersTimeout: "0.2s" }, "GET / HTTP/1.1\r\nHost: web.test\r\n", "408"],
    ["all of it", { httpRequestTimeout: "0.2s" }, "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 5\r\n\r\nab", "408"],
    ["its stream, where nothing moves", { httpStreamIdleTimeout: "0.2s" }, httpRequest("web.test", "/slow"), "504"],
    ["its stream", { httpMaxStreamDuration: "0.2s" }, httpRequest("web.test", "/slow"), "504"],
  ])("time for %s: %j", async (_what, setting, text, status) => {
    await settings(setting);
    expect(statusOf((await converse(text)).received)).toBe(status);
  });

  test.each([
    [{}, "200", ["x_a", "1"]],
    [{ httpHeadersWithUnderscoresAction: "HEADERS_WITH_UNDERSCORES_ALLOW" }, "200", ["x_a", "1"]],
    [{ httpHeadersWithUnderscoresAction: "HEADERS_WITH_UNDERSCORES_REJECT_REQUEST" }, "400", undefined],
    [{ httpHeadersWithUnderscoresAction: "HEADERS_WITH_UNDERSCORES_DROP_HEADER" }, "200", undefined],
  ])("headers with underscores: %j", async (setting, status, header) => {
    await settings(setting);
    const before = web.requests.length;
    expect(statusOf(await exchange({ port }, httpRequest("web.test", "/", ["x_a: 1"])))).toBe(status);
    expect(web.requests.length - before).toBe(status === "200" ? 1 : 0);
    if (header !== undefined) expect(web.requests.at(-1)?.headers).toContainEqual(header);
    else if (status === "200") expect(web.requests.at(-1)?.headers.map(([name]) => name)).not.toContain("x_a");
  });

  test.each<[setting: object, path: string, expected: string]>([
    [{}, "/a//b%2Fc", "/a//b%2Fc"],
    [{ httpMergeSlashes: true }, "/a//b%2Fc", "/a/b%2Fc"],
    [{ httpPathWithEscapedSlashesAction: "KEEP_UNCHANGED" }, "/b%2Fc", "/b%2Fc"],
    [{ httpPathWithEscapedSlashesAction: "REJECT_REQUEST" }, "/b%2Fc", "400"],
    [{ httpPathWithEscapedSlashesAction: "UNESCAPE_AND_FORWARD" }, "/b%2Fc", "/b/c"],
    [{ httpPathWithEscapedSlashesAction: "UNESCAPE_AND_REDIRECT" }, "/b%2Fc", "307"],
  ])("slashes in paths: %j makes of %s %s", async (setting, path, expected) => {
    await settings(setting);
    const answer = await exchange({ port }, httpRequest("web.test", path));
    if (expected.startsWith("/")) expect(web.requests.at(-1)?.path).toBe(expected);
    else expect(statusOf(answer)).toBe(expected);
    if (expected === "307") expect(answer).toContain("location: /b/c\r\n");
  });
});

describe("of HTTP/2", () => {
  test.each<[field: string, setting: object, name: keyof Settings, value: number]>([
    ["streams of a connection", { httpMaxConcurrentStreams: 7 }, "maxConcurrentStreams", 7],
    ["bytes of a stream", { http2InitialStreamWindowSize: 70_000 }, "initialWindowSize", 70_000],
  ])("%s: %j", async (_what, setting, name, value) => {
    await settings(setting);
    await using http2 = await session();
    expect(http2.announced[name]).toBe(value);
  });

  test("bytes of a connection", async () => {
    await settings({ http2InitialConnectionWindowSize: 80_000 });
    await using http2 = await session();
    await expect.poll(() => http2.state.remoteWindowSize).toBe(80_000);
  });
});

describe("of a listener", () => {
  async function bufferLimit(): Promise<unknown> {
    const dump = JSON.parse(await gateway.proxy.envoy.admin.text("GET", "/config_dump?resource=dynamic_listeners")) as {
      readonly configs: readonly { readonly active_state: { readonly listener: Readonly<Record<string, unknown>> } }[];
    };
    return dump.configs[0]?.active_state.listener["per_connection_buffer_limit_bytes"];
  }

  test("bytes that a connection may hold back", async () => {
    await settings({});
    expect(await bufferLimit()).toBeUndefined();
    await settings({ listenerPerConnectionBufferLimitBytes: 4096 });
    expect(await bufferLimit()).toBe(4096);
  });

  test("bytes that a connection to a service may hold back", async () => {
    const limit = async () => {
      const dump = JSON.parse(await gateway.proxy.envoy.admin.text("GET", "/config_dump?resource=dynamic_active_clusters")) as {
        readonly configs: readonly { readonly cluster: Readonly<Record<string, unknown>> }[];
      };
      const found = dump.configs.find(({ cluster }) => cluster["name"] === "outbound|80||web.test");
      return found?.cluster["per_connection_buffer_limit_bytes"];
    };
    await settings({});
    expect(await limit()).toBeUndefined();
    await settings({ clusterPerConnectionBufferLimitBytes: 8192 });
    expect(await limit()).toBe(8192);
    await settings({ profile: "EDGE" });
    expect(await limit()).toBe(32_768);
  });

  test("the profile EDGE is what Envoy advises, and single fields go before it", async () => {
    await settings({ profile: "EDGE", httpMaxConcurrentStreams: 8 });
    expect(await bufferLimit()).toBe(32_768);
    await using http2 = await session();
    expect(http2.announced).toMatchObject({ maxConcurrentStreams: 8, initialWindowSize: 65_536 });
    expect(statusOf(await exchange({ port }, httpRequest("web.test", "/", ["x_a: 1"])))).toBe("400");
    expect(statusOf(await exchange({ port }, httpRequest("web.test", "/a%2Fb")))).toBe("307");
    await exchange({ port }, httpRequest("web.test", "/a//b"));
    expect(web.requests.at(-1)?.path).toBe("/a/b");
    await settings({ profile: "SIDECAR" });
    expect(statusOf(await exchange({ port }, httpRequest("web.test", "/", ["x_a: 1"])))).toBe("200");
  });
});
