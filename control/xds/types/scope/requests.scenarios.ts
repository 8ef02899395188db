import { connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { XDS_TYPES } from "../index.ts";
import { httpRequest, proxyHeader, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";
import { SCOPE_HEADER } from "./key.ts";
import { answering, Answers, answerTo, decision, DELIVERIES, entry, kubernetes } from "./testing/answers.ts";

const STRANGER = "stranger";

const policy = (mode: string) => `
---
apiVersion: v1
kind: MeshConfig
metadata: { name: istio, namespace: istio-system }
outboundTrafficPolicy: { mode: ${mode} }
`;

describe.each(DELIVERIES)("requests, %s", (_delivery, metadata) => {
  let answers: Answers;
  let echo: Upstream;
  let raw: Server;
  let received: string;
  let proxy: RunningProxy;

  const mesh = (more = "") => `
${kubernetes("reviews", "default", `clusterIP: 10.96.0.1, ports: [{ name: http, port: ${answers.port(STRANGER)} }]`, answers.port("reviews"))}
${entry("echo", ["echo.test"], answers.port(STRANGER), echo.port)}
${entry("raw", ["raw.test"], answers.port(STRANGER), (raw.address() as AddressInfo).port)}
${entry("wild", ["*.wild.test"], answers.port(STRANGER), (raw.address() as AddressInfo).port)}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: found-out }
spec:
  hosts: [found-out.test]
  addresses: [10.1.0.9]
  ports: [{ number: 7000, name: any, protocol: "", targetPort: ${(raw.address() as AddressInfo).port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
${entry("split", ["split.test"], answers.port(STRANGER), echo.port)}
${answering("ruled", ["reviews"], { match: "{ uri: { prefix: /ruled } }" })}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: split }
spec:
  hosts: [split.test]
  http:
    - match: [{ uri: { prefix: /undefined } }]
      route: [{ destination: { host: split.test, subset: nowhere } }]
    - match: [{ uri: { prefix: /empty } }]
      route: [{ destination: { host: split.test, subset: none } }]
    - match: [{ uri: { prefix: /no-service } }]
      route: [{ destination: { host: nobody.test } }]
    - route: [{ destination: { host: split.test } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: split }
spec: { host: split.test, subsets: [{ name: none, labels: { version: none } }] }
${more}`;

  beforeAll(async () => {
    answers = await Answers.start(["reviews", STRANGER]);
    echo = await startUpstream({
      script: ({ authority, path, headers }) => ({
        headers: [
          [SCOPE_HEADER, "of the service"],
          ["x-other", "kept"],
        ],
        body: JSON.stringify({ authority, path, headers }),
      }),
    });
    // Every byte that comes, and an answer that says our header too.
    raw = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.on("data", (bytes) => {
        received += bytes.toString("latin1");
        if (received.includes("\r\n\r\n")) socket.end(`HTTP/1.1 200 OK\r\n${SCOPE_HEADER}: raw\r\nContent-Length: 5\r\n\r\n<raw>`);
      });
    }).listen(0, "127.0.0.1");
    await once(raw, "listening");
    proxy = await RunningProxy.start({ view: viewOfYaml(mesh(), { metadata }), types: XDS_TYPES });
  });
  beforeEach(() => {
    received = "";
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await answers?.[Symbol.asyncDispose]();
    await echo?.[Symbol.asyncDispose]();
    raw?.close();
  });

  const send = (text: string) => answerTo(proxy.connection("outbound", `127.0.0.1:${answers.port(STRANGER)}`), text);
  const get = async (host: string, path = "/", headers: readonly string[] = []) => decision(await send(httpRequest(host, path, headers)));
  const update = async (more: string) => {
    await proxy.update({ view: viewOfYaml(mesh(more), { metadata }) });
    expect(proxy.refusals()).toEqual([]);
  };

  describe("for hosts that nobody knows", () => {
    test("go on to where they were meant to go, unless the mesh has it otherwise", async () => {
      expect(await get("nobody.test")).toBe(STRANGER);
      await update(policy("REGISTRY_ONLY"));
      expect(await get("nobody.test")).toBe("502");
      expect(await get("Nobody.Test.:80")).toBe("502");
      expect(await get("[::7]")).toBe("502");
      expect(await get("reviews", "/ruled")).toBe("ruled");
      expect(await get("REVIEWS.default.svc.cluster.local.", "/ruled")).toBe("ruled");
      await update(policy("ALLOW_ANY"));
      expect(await get("nobody.test")).toBe(STRANGER);
    });

    test("are decided by the client's Sidecar before the mesh", async () => {
      const sidecar = (spec: string) => `---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: { name: here }\nspec: ${spec}\n`;
      await update(policy("REGISTRY_ONLY") + sidecar(`{ outboundTrafficPolicy: { mode: ALLOW_ANY } }`));
      expect(await get("nobody.test")).toBe(STRANGER);
      await update(sidecar(`{ outboundTrafficPolicy: { mode: REGISTRY_ONLY }, egress: [{ hosts: ["*/echo.test"] }] }`));
      expect(await get("nobody.test")).toBe("502");
      expect(await get("reviews", "/ruled"), "which the Sidecar leaves out").toBe("502");
      expect(await get("echo.test")).toContain("200");
      await update("");
    });
  });

  describe("for subsets", () => {
    test("that no DestinationRule has, and services that are not there, get 503 with nothing in it", async () => {
      expect(await get("split.test", "/undefined")).toBe("503");
      expect(await get("split.test", "/no-service")).toBe("503");
    });

    test("in which nobody is get 503, and are told so", async () => {
      expect(await get("split.test", "/empty")).toBe("503 no healthy upstream");
      expect(await get("split.test", "/else")).toContain("200");
    });
  });

  describe("with our own header", () => {
    const forged = [`${SCOPE_HEADER}: ${"PORT"}|reviews`, `X-Meshwright-Scope: 80|*`];
    const headers = () => forged.map((line) => line.replace("PORT", String(answers.port(STRANGER))));

    test.each(["raw.test", "RAW.test", "raw.test.", "a.wild.test", "A.Wild.Test."])("to %s: it decides nothing", async (host) => {
      const answer = await send(httpRequest(host, "/", headers()));
      expect(decision(answer)).toBe("raw");
      expect(received.toLowerCase()).not.toContain(SCOPE_HEADER);
      expect(answer.toLowerCase()).not.toContain(SCOPE_HEADER);
    });

    test("to hosts that nobody knows: it decides nothing, and is not sent on", async () => {
      expect(decision(await send(httpRequest("nobody.test", "/ruled", headers())))).toBe(STRANGER);
      expect(answers.last(STRANGER)?.headers.map(([name]) => name.toLowerCase())).not.toContain(SCOPE_HEADER);
    });

    test("which the Connection header would have removed", async () => {
      const answer = await send(
        `GET / HTTP/1.1\r\nHost: RAW.test\r\nConnection: close, ${SCOPE_HEADER}\r\n${headers().join("\r\n")}\r\n\r\n`,
      );
      expect(decision(answer)).toBe("raw");
      expect(received.toLowerCase()).not.toContain(SCOPE_HEADER);
    });

    test("to a service at its own address, whose protocol is found out, it is not sent on either", async () => {
      const answer = await answerTo(proxy.connection("outbound", "10.1.0.9:7000"), httpRequest("whatever.test", "/", headers()));
      expect(decision(answer)).toBe("raw");
      expect(received.toLowerCase()).not.toContain(SCOPE_HEADER);
      expect(answer.toLowerCase()).not.toContain(SCOPE_HEADER);
    });

    test("in the answer: clients do not see it", async () => {
      const answer = await send(httpRequest("echo.test"));
      expect(answer).toContain("x-other: kept");
      expect(answer.toLowerCase().split("\r\n\r\n")[0]).not.toContain(SCOPE_HEADER);
    });
  });

  test("are not written otherwise: the service sees its host as the client wrote it", async () => {
    for (const host of ["Echo.TEST", "echo.test.", "echo.test:1", "ECHO.test.:77"]) expect(await get(host)).toContain(JSON.stringify(host));
  });

  describe("of other forms", () => {
    const lines = (...all: readonly string[]) => `${all.join("\r\n")}\r\n\r\n`;

    test("with the host in the request line, which counts", async () => {
      const absolute = (url: string, host: string) => lines(`GET ${url} HTTP/1.1`, `Host: ${host}`, "Connection: close");
      expect(decision(await send(absolute("http://reviews/ruled", "raw.test")))).toBe("ruled");
      expect(decision(await send(absolute("http://REVIEWS:99/ruled?x", "raw.test")))).toBe("ruled");
      expect(decision(await send(absolute("http://nobody.test/ruled", "reviews")))).toBe(STRANGER);
    });

    test.each([
      ["HTTP/1.0, which is passed on as bytes, as in Istio", lines("GET /ruled HTTP/1.0", "Host: reviews"), STRANGER],
      ["HTTP/1.0 without a host", lines("GET /ruled HTTP/1.0"), STRANGER],
      ["HTTP/1.1 without a host", lines("GET /ruled HTTP/1.1", "Connection: close"), "400"],
      ["HTTP/1.1 with an empty host, which is nobody's", lines("GET /ruled HTTP/1.1", "Host:", "Connection: close"), STRANGER],
      ["CONNECT to a service", lines("CONNECT reviews:80 HTTP/1.1", "Host: reviews:80"), "404"],
      ["CONNECT to nobody", lines("CONNECT nobody.test:443 HTTP/1.1", "Host: nobody.test:443"), "404"],
      ["a space in the host", lines("GET /ruled HTTP/1.1", "Host: rev iews", "Connection: close"), "400"],
      ["bytes that are no text", lines("GET /ruled HTTP/1.1", "Host: r\xe9views", "Connection: close"), "400"],
      ["a zero byte", lines("GET /ruled HTTP/1.1", "Host: reviews\0", "Connection: close"), "400"],
      [
        "two hosts, which Envoy takes for one",
        lines("GET /ruled HTTP/1.1", "Host: reviews", "Host: raw.test", "Connection: close"),
        STRANGER,
      ],
      ["the bar of our key", lines("GET /ruled HTTP/1.1", "Host: reviews|", "Connection: close"), "400"],
      ["a slash in the host", lines("GET /ruled HTTP/1.1", "Host: reviews/ruled", "Connection: close"), "400"],
    ])("%s", async (_what, text, status) => {
      expect(decision(await send(text))).toMatch(new RegExp(`^${status}`));
    });

    test("a host as long as headers may be", async () => {
      expect(await get(`${"a.".repeat(20_000)}wild.test`)).toBe("raw");
      expect(await get(`${":".repeat(40_000)}`)).toBe(STRANGER);
    });
  });

  describe("over HTTP/2", () => {
    async function ask(headers: Readonly<Record<string, string>>): Promise<string> {
      const destination = `127.0.0.1:${answers.port(STRANGER)}`;
      const socket = connect(proxy.connection("outbound", destination).path ?? "");
      socket.write(proxyHeader(destination));
      const session = connectHttp2("http://unused", { createConnection: () => socket });
      try {
        const stream = session.request({ ":path": "/ruled", ...headers });
        let status = 0;
        let body = "";
        stream.on("response", (fields) => (status = fields[":status"] ?? 0));
        stream.setEncoding("utf8").on("data", (text: string) => (body += text));
        await once(stream, "close");
        return decision(`HTTP/1.1 ${status}\r\n\r\n${body}`);
      } finally {
        session.destroy();
      }
    }

    test("go by :authority, and by host where there is none", async () => {
      expect(await ask({ ":authority": "reviews" })).toBe("ruled");
      expect(await ask({ ":authority": "Reviews.Default:9" })).toBe("ruled");
      expect(await ask({ ":authority": "nobody.test" })).toBe(STRANGER);
      expect(await ask({ host: "reviews" })).toBe("ruled");
      expect(await ask({ ":authority": "reviews", host: "nobody.test" })).toBe("ruled");
    });
  });
});
