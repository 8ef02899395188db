import { once } from "node:events";
import { createServer as createHttps } from "node:https";
import { createServer, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { exchange, freePort, httpRequest } from "../testing/running-proxy.ts";
import { type Silence, startSilence } from "../testing/silence.ts";
import { TunedProxy } from "./testing/tuned-proxy.ts";

// What MeshConfig says of a sidecar's connections and requests, each field in one Envoy.

let web: Upstream;
let far: Upstream;
/** Takes connections and says `hello`, or nothing. */
let greeter: Server;
let silent: Server;
/** Has a certificate of an authority that nobody knows. */
let strange: Server;
let silence: Silence;
let sidecar: TunedProxy;

async function listen(greeting: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    if (greeting !== "") socket.write(greeting);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

interface Entry {
  readonly port: number;
  readonly address: string;
  readonly number?: number;
  readonly protocol?: string;
  readonly namespace?: string;
  readonly more?: string;
}

function service(name: string, { port, address, number = 80, protocol = "HTTP", namespace = "default", more }: Entry): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: [${name}.test]
  addresses: [${address}]
  ports: [{ number: ${number}, name: port, protocol: "${protocol}", targetPort: ${port} }]
  ${more ?? "resolution: STATIC\n  endpoints: [{ address: 127.0.0.1 }]"}
`;
}

beforeAll(async () => {
  const failed = new Set<string>();
  web = await startUpstream({
    script: ({ path }) => {
      if (!path.startsWith("/flaky") || failed.has(path)) return { body: "web" };
      failed.add(path);
      return { status: 503 };
    },
  });
  far = await startUpstream({ script: () => ({ body: "far" }) });
  [greeter, silent] = [await listen("hello"), await listen("")];
  const { certificate: cert, key } = identityOf("strange.test");
  strange = createHttps({ cert, key, maxVersion: "TLSv1.2" }, (_, response) => response.end("strange")).listen(0, "127.0.0.1");
  await once(strange, "listening");
  silence = await startSilence();
  const places = `resolution: STATIC
  endpoints:
    - { address: 127.0.0.1, ports: { port: ${web.port} }, locality: here/a }
    - { address: 127.0.0.1, ports: { port: ${far.port} }, locality: there/b }`;
  sidecar = await TunedProxy.start(
    [
      service("web", { port: web.port, address: "10.1.0.1" }),
      service("places", { port: web.port, address: "10.1.0.2", more: places }),
      service("greeter", { port: portOf(greeter), address: "10.1.0.3", number: 7000, protocol: "" }),
      service("silent", { port: portOf(silent), address: "10.1.0.4", number: 81 }),
      service("by-name", { port: web.port, address: "10.1.0.5", more: "resolution: DNS\n  endpoints: [{ address: localhost }]" }),
      service("theirs", { port: web.port, address: "10.1.0.6", namespace: "other" }),
      service("strange", { port: portOf(strange), address: "10.1.0.8" }),
      service("deaf", { port: silence.deaf, address: "10.1.0.9" }),
      service("tls", { port: portOf(silent), address: "10.1.0.7" }),
      `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: theirs, namespace: other }
spec: { hosts: [theirs.test], http: [{ match: [{ uri: { prefix: /direct } }], directResponse: { status: 418 } }, { route: [{ destination: { host: theirs.test } }] }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: theirs, namespace: other }
spec: { host: theirs.test, trafficPolicy: { connectionPool: { http: { h2UpgradePolicy: UPGRADE } } } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: tls }
spec: { host: tls.test, trafficPolicy: { tls: { mode: SIMPLE, insecureSkipVerify: true } } }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: strange }
spec: { host: strange.test, trafficPolicy: { tls: { mode: SIMPLE, sni: strange.test } } }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: root, namespace: config }
spec: { egress: [{ hosts: ["~/*"] }], outboundTrafficPolicy: { mode: REGISTRY_ONLY } }
`,
    ].join(""),
    { locality: { region: "here", zone: "a", subZone: "" } },
  );
});
afterAll(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await Promise.all([web, far].map((upstream) => upstream?.[Symbol.asyncDispose]()));
  await silence?.[Symbol.asyncDispose]();
  for (const server of [greeter, silent, strange]) server?.close();
});

const call = (host: string, path = "/") => sidecar.proxy.redirected("outbound", "10.1.0.1:80", httpRequest(host, path));
const statusOf = (answer: string) => answer.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length);
const protocolSeen = () => web.requests.at(-1)?.protocol;

describe("paths are normalised:", () => {
  test.each([
    ["DEFAULT", "/a//b%2Fc/../d", "/a//d"],
    ["BASE", "/a//b%2Fc/../d", "/a//d"],
    ["MERGE_SLASHES", "/a//b/../d", "/a/d"],
    ["MERGE_SLASHES", "/a%2Fb", "/a%2Fb"],
    ["DECODE_AND_MERGE_SLASHES", "/a%2F/b", "/a/b"],
    ["NONE", "/a/../b", "/a/../b"],
  ])("%s makes of %s %s", async (normalization, path, seen) => {
    await sidecar.tune({ pathNormalization: { normalization } });
    await call("web.test", path);
    expect(web.requests.at(-1)?.path).toBe(seen);
  });
});

describe("connections of the workload:", () => {
  test("outboundTrafficPolicy says what becomes of those to nobody in the mesh", async () => {
    const out = () => sidecar.proxy.redirected("outbound", `127.0.0.1:${web.port}`, httpRequest("any.test"));
    await sidecar.tune({ outboundTrafficPolicy: { mode: "ALLOW_ANY" } });
    expect(await out()).toContain("web");
    await sidecar.tune({ outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } });
    expect(await out()).toBe("reset");
    expect(statusOf(await call("any.test"))).toBe("502");
    await sidecar.tune({});
    expect(await out()).toContain("web");
  });

  test("protocolDetectionTimeout ends the wait for a client that does not speak first", async () => {
    const greeting = (timeout: number) => exchange(sidecar.proxy.connection("outbound", "10.1.0.3:7000"), "", timeout);
    await sidecar.tune({});
    expect(await greeting(500)).toBe("timeout");
    await sidecar.tune({ protocolDetectionTimeout: "0.1s" });
    expect(await greeting(3_000)).toBe("hello");
  });

  test("proxyListenPort and proxyInboundListenPort are where they come, and end where one is meant for the port itself", async () => {
    await sidecar.tune({ proxyListenPort: web.port, proxyInboundListenPort: far.port });
    expect(await sidecar.proxy.redirected("outbound", `127.0.0.1:${web.port}`, httpRequest("any.test"))).toBe("reset");
    expect(await sidecar.proxy.redirected("inbound", `127.0.0.1:${far.port}`, httpRequest("any.test"))).toBe("reset");
    expect(await sidecar.proxy.redirected("outbound", `127.0.0.1:${far.port}`, httpRequest("any.test"))).toContain("far");
    expect(await sidecar.proxy.redirected("inbound", `127.0.0.1:${web.port}`, httpRequest("any.test"))).toContain("web");
  });

  test("inboundTrafficPolicy LOCALHOST goes to the workload at 127.0.0.1", async () => {
    const me = `
---
apiVersion: v1
kind: Service
metadata: { name: client }
spec: { selector: { app: client }, clusterIP: 10.96.0.9, ports: [{ name: http, port: 80, targetPort: ${web.port} }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: client-1 }
spec: { address: 10.0.0.1, labels: { app: client } }
`;
    // 127.0.0.8 is the workload's only in so far as nobody listens there.
    const inbound = () => sidecar.proxy.redirected("inbound", `127.0.0.8:${web.port}`, httpRequest("client"));
    await sidecar.tune({ inboundTrafficPolicy: { mode: "LOCALHOST" } }, me);
    expect(await inbound()).toContain("web");
    await sidecar.tune({ inboundTrafficPolicy: { mode: "PASSTHROUGH" } }, me);
    expect(statusOf(await inbound())).toBe("503");
  });
});

describe("connections to services:", () => {
  test("connectTimeout is the time in which one comes about, TLS with it", async () => {
    await sidecar.tune({ connectTimeout: "0.1s" });
    expect(statusOf(await call("tls.test"))).toBe("503");
    await sidecar.tune({ connectTimeout: "30s" });
    expect(await exchange(sidecar.proxy.connection("outbound", "10.1.0.1:80"), httpRequest("tls.test"), 1_000)).toBe("timeout");
  });

  test("verifyCertificateAtClient has certificates checked where no authority is named", async () => {
    await sidecar.tune({});
    expect(statusOf(await call("strange.test"))).toBe("503");
    await sidecar.tune({ verifyCertificateAtClient: false });
    expect(await call("strange.test")).toContain("strange");
  });

  test("tlsDefaults hold for TLS to them", async () => {
    const of = async (tlsDefaults: object) => {
      await sidecar.tune({ verifyCertificateAtClient: false, tlsDefaults });
      return statusOf(await call("strange.test"));
    };
    expect(await of({ minProtocolVersion: "TLSV1_3" })).toBe("503");
    expect(await of({ cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256"] })).toBe("503");
    expect(await of({ minProtocolVersion: "TLSV1_2", cipherSuites: ["ECDHE-ECDSA-AES128-GCM-SHA256"], ecdhCurves: ["P-256"] })).toBe("200");
  });

  test("tcpKeepalive has the kernel ask whether the other side is there", async () => {
    const open = async () =>
      Object.values((await sidecar.proxy.envoy.admin.stats("^cluster.outbound.80..deaf.test;?.upstream_cx_active$")).values)[0];
    await sidecar.tune({ tcpKeepalive: { time: "1s", interval: "1s", probes: 1 } });
    expect(await call("deaf.test")).toContain("deaf");
    expect(await open()).toBe(1);
    // By default Linux asks after two hours, every 75 s, and gives up when nobody has answered 9 times.
    await expect.poll(open, { timeout: 8_000 }).toBe(0);
  });

  test.each([
    ["UPGRADE", "h2"],
    ["DO_NOT_UPGRADE", "http/1.1"],
  ])("h2UpgradePolicy %s speaks %s", async (h2UpgradePolicy, protocol) => {
    await sidecar.tune({ h2UpgradePolicy });
    await call("web.test");
    expect(protocolSeen()).toBe(protocol);
  });

  test("dnsRefreshRate is the time until a name is asked for again", async () => {
    const attempts = async () =>
      Object.values((await sidecar.proxy.envoy.admin.stats("^cluster.outbound.80..by-name.test;?.update_attempt$")).values)[0] ?? 0;
    await sidecar.tune({ dnsRefreshRate: "1s" });
    const before = await attempts();
    await expect.poll(attempts, { timeout: 20_000, interval: 100 }).toBeGreaterThan(before + 1);
  });

  test("defaultHttpRetryPolicy holds where no route says", async () => {
    const calls = async (path: string) => {
      const before = web.requests.length;
      return [statusOf(await call("web.test", path)), web.requests.length - before];
    };
    await sidecar.tune({});
    expect(await calls("/flaky-1")).toEqual(["503", 1]);
    await sidecar.tune({ defaultHttpRetryPolicy: { attempts: 1, retryOn: "5xx" } });
    expect(await calls("/flaky-2")).toEqual(["200", 2]);
    await sidecar.tune({ defaultHttpRetryPolicy: { attempts: 0 } });
    expect(await calls("/flaky-3")).toEqual(["503", 1]);
  });

  test.each<[setting: object, answers: readonly string[]]>([
    [{}, ["web"]],
    [{ localityLbSetting: { enabled: true } }, ["web"]],
    [{ localityLbSetting: { enabled: false } }, ["far", "web"]],
    [{ localityLbSetting: { distribute: [{ from: "here/*", to: { "there/*": 100 } }] } }, ["far"]],
    [{ localityLbSetting: { distribute: [{ from: "there/*", to: { "there/*": 100 } }] } }, ["far", "web"]],
  ])("localityLbSetting says where they go: %j", async (setting, expected) => {
    // Without outlier detection Istio orders no localities.
    const rule = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: places }
spec: { host: places.test, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN }, outlierDetection: { consecutive5xxErrors: 5 } } }
`;
    await sidecar.tune(setting, rule);
    const answers = new Set<string>();
    for (let count = 0; count < 12; count++) {
      const answer = await call("places.test");
      answers.add(answer.slice(answer.indexOf("\r\n\r\n") + 4));
    }
    expect([...answers].sort()).toEqual(expected);
  });
});

describe("objects that do not say who sees them:", () => {
  test("defaultServiceExportTo", async () => {
    await sidecar.tune({ defaultServiceExportTo: ["*"], outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } });
    expect(statusOf(await call("theirs.test"))).toBe("200");
    const own = { defaultServiceExportTo: ["."], defaultVirtualServiceExportTo: ["."] };
    await sidecar.tune({ ...own, outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } });
    expect(statusOf(await call("theirs.test"))).toBe("502");
  });

  test("defaultVirtualServiceExportTo", async () => {
    await sidecar.tune({});
    expect(statusOf(await call("theirs.test", "/direct"))).toBe("418");
    await sidecar.tune({ defaultVirtualServiceExportTo: ["."] });
    expect(statusOf(await call("theirs.test", "/direct"))).toBe("200");
  });

  test("defaultDestinationRuleExportTo", async () => {
    await sidecar.tune({});
    await call("theirs.test");
    expect(protocolSeen()).toBe("h2");
    await sidecar.tune({ defaultDestinationRuleExportTo: ["."] });
    await call("theirs.test");
    expect(protocolSeen()).toBe("http/1.1");
  });

  test("rootNamespace is the one whose objects hold for all", async () => {
    await sidecar.tune({});
    expect(statusOf(await call("web.test"))).toBe("200");
    await sidecar.tune({ rootNamespace: "config" });
    expect(statusOf(await call("web.test"))).toBe("");
  });
});

test("tlsDefaults hold for gateways' servers that do not say", async () => {
  const port = await freePort();
  const { certificate, key, authority } = identityOf("edge.test");
  const secret = { "tls.crt": certificate, "tls.key": key };
  await using gateway = await TunedProxy.start(
    `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  servers:
    - { port: { number: ${port}, name: https, protocol: HTTPS }, hosts: [edge.test], tls: { mode: SIMPLE, credentialName: edge } }
    - { port: { number: ${port}, name: own, protocol: HTTPS }, hosts: [own.test], tls: { mode: SIMPLE, credentialName: edge, minProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES128-GCM-SHA256], ecdhCurves: [X25519] } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec: { hosts: ["*"], gateways: [edge], http: [{ directResponse: { status: 200 } }] }
---
${JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "edge" }, stringData: secret })}
`,
    { nodeId: "router~10.0.0.2~ingress-1.default~default.svc.cluster.local" },
  );
  const ask = async (servername: string, more: object) => {
    const tls = { servername, ca: authority, checkServerIdentity: () => undefined, ...more };
    return statusOf(await exchange({ port, tls }, httpRequest(servername)));
  };
  const cipher = { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" };
  expect(await ask("edge.test", cipher)).toBe("200");
  await gateway.tune({ tlsDefaults: { minProtocolVersion: "TLSV1_3" } });
  expect(await ask("edge.test", { maxVersion: "TLSv1.2" })).toBe("");
  expect(await ask("edge.test", {})).toBe("200");
  expect(await ask("own.test", cipher)).toBe("200");
  await gateway.tune({ tlsDefaults: { cipherSuites: ["ECDHE-ECDSA-AES256-GCM-SHA384"], ecdhCurves: ["P-384"] } });
  expect(await ask("edge.test", cipher)).toBe("");
  expect(await ask("edge.test", { ecdhCurve: "X25519" })).toBe("");
  expect(await ask("edge.test", { maxVersion: "TLSv1.2", ecdhCurve: "P-384:P-256" })).toBe("200");
  expect(await ask("own.test", { ...cipher, ecdhCurve: "X25519:P-256" })).toBe("200");
});
