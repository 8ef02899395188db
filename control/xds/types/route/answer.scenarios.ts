import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { ask, type Question } from "../testing/ask.ts";
import { EchoMesh, virtualService } from "../testing/echo-mesh.ts";

/** What a redirect says; a request for it, and where the client is sent. */
type Row = readonly [what: string, redirect: object, question: Question, location: string, status?: number];

const REDIRECTS: readonly Row[] = [
  ["`uri` takes the place of the whole path", { uri: "/new" }, { path: "/old/x" }, "http://HOST/new"],
  ["the query stays", { uri: "/new" }, { path: "/old/x?a=b" }, "http://HOST/new?a=b"],
  ["unless the new path has one", { uri: "/new?c=d" }, { path: "/old/x?a=b" }, "http://HOST/new?c=d"],
  ["what looks like an operator is text", { uri: "%PREFIX()%/new" }, { path: "/old/x" }, "http://HOST/%PREFIX()%/new"],
  ["`prefixRewrite` takes the place of what was matched", { prefixRewrite: "/new" }, { path: "/old/x?a=b" }, "http://HOST/new/x?a=b"],
  ["`authority` takes the place of the host", { authority: "other.test" }, { path: "/old?a" }, "http://other.test/old?a"],
  ["an `authority` may have a port", { authority: "other.test:8080" }, { path: "/old" }, "http://other.test:8080/old"],
  ["the port that the client named stays", { uri: "/new" }, { path: "/old", host: "HOST:8080" }, "http://HOST:8080/new"],
  ["`port` takes its place", { port: 8443 }, { path: "/old", host: "HOST:8080" }, "http://HOST:8443/old"],
  ["`port` stands behind a host without", { port: 8443 }, { path: "/old" }, "http://HOST:8443/old"],
  ["a scheme's own port is not written out", { scheme: "https", port: 443 }, { path: "/old" }, "https://HOST/old"],
  ["nor is 80 for http", { port: 80, authority: "other.test" }, { path: "/old" }, "http://other.test/old"],
  ["80 is, for https", { scheme: "https", port: 80 }, { path: "/old" }, "https://HOST:80/old"],
  ["the request's port is the listener's", { derivePort: "FROM_REQUEST_PORT", scheme: "https" }, { path: "/old" }, "https://HOST:80/old"],
  [
    "and 80 is not written out for http",
    { derivePort: "FROM_REQUEST_PORT", authority: "other.test" },
    { path: "/old" },
    "http://other.test/old",
  ],
  [
    "the protocol's port is none",
    { derivePort: "FROM_PROTOCOL_DEFAULT", authority: "other.test" },
    { path: "/old" },
    "http://other.test/old",
  ],
  ["another scheme drops the port of the old one", { scheme: "https" }, { path: "/old?a", host: "HOST:80" }, "https://HOST/old?a"],
  ["and no other port", { scheme: "https" }, { path: "/old", host: "HOST:8080" }, "https://HOST:8080/old"],
  ["the same scheme", { scheme: "http", uri: "/new" }, { path: "/old" }, "http://HOST/new"],
  ["301 where nobody says", { uri: "/new" }, { path: "/old" }, "http://HOST/new", 301],
  ["301 for a code of 0", { uri: "/new", redirectCode: 0 }, { path: "/old" }, "http://HOST/new", 301],
  ...[301, 302, 303, 307, 308].map((code): Row => [
    `${code}`,
    { uri: "/new", redirectCode: code },
    { path: "/old", method: "POST" },
    "http://HOST/new",
    code,
  ]),
];

const TO_TLS: readonly Row[] = [
  ["the scheme is that of the connection", { uri: "/new" }, {}, "https://HOST/new"],
  ["443 is not written out", { port: 443, authority: "other.test" }, {}, "https://other.test/old"],
  ["443 is, for http", { port: 443, scheme: "http" }, {}, "http://HOST:443/old"],
  ["the request's port is the gateway's", { derivePort: "FROM_REQUEST_PORT" }, {}, "https://HOST:PORT/old"],
  ["the protocol's port is none", { derivePort: "FROM_PROTOCOL_DEFAULT", scheme: "http" }, {}, "http://HOST/old"],
];

const ANSWERS: readonly (readonly [what: string, answer: object, status: number, body: string])[] = [
  ["a status alone", { status: 503 }, 503, ""],
  ["text", { status: 200, body: { string: "all is well\n" } }, 200, "all is well\n"],
  ["text that is empty", { status: 204, body: { string: "" } }, 204, ""],
  ["text of other letters", { status: 418, body: { string: "süß 茶" } }, 418, "süß 茶"],
  ["bytes", { status: 599, body: { bytes: Buffer.from("bytes").toString("base64") } }, 599, "bytes"],
  ["more than the 4 KiB that Envoy allows by itself", { status: 200, body: { string: "x".repeat(100_000) } }, 200, "x".repeat(100_000)],
];

const onHost = (what: string, host: string) => what.replaceAll("HOST", host);

describe("a route that answers by itself", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    const match = [{ uri: { prefix: "/old" } }];
    const redirects = REDIRECTS.map(([, redirect], index) =>
      virtualService(`redirect-${index}`, [`redirect-${index}.test`], [{ match, redirect }]),
    );
    const answers = ANSWERS.map(([, directResponse], index) =>
      virtualService(`answer-${index}`, [`answer-${index}.test`], [{ directResponse }]),
    );
    const more = [
      virtualService(
        "headers",
        ["headers.test"],
        [{ directResponse: { status: 200 }, headers: { response: { set: { "x-by": "route" }, add: { "x-for": "%REQ(x-me)%" } } } }],
      ),
      virtualService(
        "exact",
        ["exact.test"],
        [
          { match: [{ uri: { exact: "/old" } }], redirect: { prefixRewrite: "/new" } },
          { match: [{ uri: { regex: "/r/.*" } }], redirect: { prefixRewrite: "/new" } },
        ],
      ),
    ];
    mesh = await EchoMesh.start({ objects: [...redirects, ...answers, ...more] });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each(REDIRECTS.map((row, index) => [row[0], index] as const))("redirects: %s", async (_what, index) => {
    const [, , question, location, status = 301] = REDIRECTS[index] as Row;
    const host = `redirect-${index}.test`;
    const told = await mesh.ask(host, { ...question, host: onHost(question.host ?? "HOST", host) });
    expect([told.status, told.headers["location"], told.body]).toEqual([status, onHost(location, host), ""]);
  });

  test("redirects: what is matched as a whole, or by a regular expression, is replaced as a whole", async () => {
    expect((await mesh.ask("exact.test", { path: "/old?a" })).headers["location"]).toBe("http://exact.test/new?a");
    expect((await mesh.ask("exact.test", { path: "/r/x" })).headers["location"]).toBe("http://exact.test/new");
  });

  test.each(ANSWERS.map((row, index) => [row[0], index] as const))("says %s", async (_what, index) => {
    const [, , status, body] = ANSWERS[index] ?? [];
    const told = await mesh.ask(`answer-${index}.test`);
    expect([told.status, told.body]).toEqual([status, body]);
    expect(mesh.upstream("reviews-v1").requests).toEqual([]);
  });

  test("with headers of its own", async () => {
    const told = await mesh.ask("headers.test", { headers: [["x-me", "me"]] });
    expect([told.headers["x-by"], told.headers["x-for"]]).toEqual(["route", "me"]);
  });
});

describe("a redirect behind TLS", () => {
  let mesh: EchoMesh;
  const { certificate, key, authority } = identityOf("*.tls.test");

  beforeAll(async () => {
    const match = [{ uri: { prefix: "/old" } }];
    mesh = await EchoMesh.start({
      nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local",
      metadata: { LABELS: { app: "ingress" } },
      objects: (port) => [
        {
          apiVersion: "v1",
          kind: "Secret",
          metadata: { name: "tls" },
          type: "kubernetes.io/tls",
          stringData: { "tls.crt": certificate, "tls.key": key },
        },
        {
          apiVersion: "networking.istio.io/v1",
          kind: "Gateway",
          metadata: { name: "edge" },
          spec: {
            selector: { app: "ingress" },
            servers: [
              {
                port: { number: port, name: "https", protocol: "HTTPS" },
                hosts: ["*.tls.test"],
                tls: { mode: "SIMPLE", credentialName: "tls" },
              },
            ],
          },
        },
        ...TO_TLS.map(([, redirect], index) =>
          virtualService(`tls-${index}`, [`host-${index}.tls.test`], [{ match, redirect }], { gateways: ["edge"] }),
        ),
      ],
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each(TO_TLS.map((row, index) => [row[0], index] as const))("%s", async (_what, index) => {
    const [, , question, location] = TO_TLS[index] as Row;
    const host = `host-${index}.tls.test`;
    const told = await ask({ port: mesh.port, tls: { servername: host, ca: authority } }, { path: "/old", host, ...question });
    expect(told.headers["location"]).toBe(onHost(location, host).replace("PORT", String(mesh.port)));
  });
});
