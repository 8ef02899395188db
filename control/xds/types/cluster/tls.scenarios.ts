import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createServer as createHttps } from "node:https";
import { createServer as createTcp, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext, type TLSSocket } from "node:tls";
import { describe, expect, test } from "vitest";
import { identityOf, type TlsIdentity } from "../../../../harness/envoy/chain/certificates.ts";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import type { Secret } from "../../../model/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import { HOST } from "../testing/hosts.ts";
import { rulesOf } from "../testing/rules.ts";
import { Traffic } from "../testing/traffic.ts";
import { endpointOf, objectOf, serviceOf, viewOf, type ViewContent } from "../testing/view.ts";

const CLUSTER = outboundCluster(HOST, 80);
const SERVER = identityOf("reviews.example.com");
const CLIENT = identityOf("spiffe://cluster.local/ns/default/sa/client");

/** A server with a certificate for reviews.example.com that answers with the name that was asked for and the client's name. */
class TlsServer implements AsyncDisposable {
  readonly port: number;
  readonly #close: () => void;

  private constructor(port: number, close: () => void) {
    this.port = port;
    this.#close = close;
  }

  static async start(identity: TlsIdentity = SERVER, requestCert = false): Promise<TlsServer> {
    const names: string[] = [];
    const server = createHttps(
      {
        cert: identity.certificate,
        key: identity.key,
        ca: identity.authority,
        requestCert,
        rejectUnauthorized: requestCert,
        SNICallback: (name, done) => {
          names.push(name);
          done(null, createSecureContext({ cert: identity.certificate, key: identity.key, ca: identity.authority }));
        },
      },
      (request, response) => {
        const peer = (request.socket as TLSSocket).getPeerCertificate().subjectaltname ?? "nobody";
        response.end(`${names.at(-1) ?? "no name"}, ${peer}`);
      },
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TlsServer((server.address() as AddressInfo).port, () => {
      server.closeAllConnections();
      server.close();
    });
  }

  view(tls: object, { service, ...more }: ViewContent & { readonly service?: Parameters<typeof serviceOf>[2] } = {}) {
    return viewOf({
      services: [serviceOf("reviews", { 80: "http" }, service)],
      endpoints: { [HOST]: [endpointOf("127.0.0.1", { "port-80": this.port })] },
      // Each request makes a connection of its own.
      trafficRules: { [HOST]: rulesOf({ host: HOST, trafficPolicy: { tls, connectionPool: { http: { maxRequestsPerConnection: 1 } } } }) },
      ...more,
    });
  }

  async [Symbol.asyncDispose]() {
    this.#close();
  }
}

/** A folder with the PEM files of both sides. */
class Files implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async write(): Promise<Files> {
    const files = new Files(await mkdtemp(join(tmpdir(), "tls-")));
    await writeFile(files.path("ca.pem"), SERVER.authority);
    await writeFile(files.path("cert.pem"), CLIENT.certificate);
    await writeFile(files.path("key.pem"), CLIENT.key);
    return files;
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  async [Symbol.asyncDispose]() {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function secretOf(name: string, parts: Partial<Secret>): Secret {
  const none = { certificate: undefined, privateKey: undefined, caCertificates: undefined, crl: undefined };
  return { name, namespace: "default", ...none, ...parts, object: objectOf("Secret", name) };
}

const GOOD = { status: 200, body: "reviews.example.com, nobody" };

describe("TLS SIMPLE", () => {
  test.for([
    ["the name of `sni`", { sni: "reviews.example.com" }],
    ["a name of `subjectAltNames`", { sni: "reviews.example.com", subjectAltNames: ["ratings.example.com", "reviews.example.com"] }],
  ] as const)("with files: the server is who has a certificate of the authority, and %s", async ([, more], context) => {
    await requireTarget(envoyTarget, context);
    await using files = await Files.write();
    await using server = await TlsServer.start();
    await using traffic = await Traffic.start(server.view({ mode: "SIMPLE", caCertificates: files.path("ca.pem"), ...more }));
    expect(await traffic.get(CLUSTER)).toMatchObject(GOOD);
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test("without `sni` the request's host is asked for, and must be in the certificate", async (context) => {
    await requireTarget(envoyTarget, context);
    await using files = await Files.write();
    await using server = await TlsServer.start();
    await using traffic = await Traffic.start(server.view({ mode: "SIMPLE", caCertificates: files.path("ca.pem") }));
    expect(await traffic.authority(CLUSTER, "reviews.example.com")).toBe("200 reviews.example.com, nobody");
    expect(await traffic.authority(CLUSTER, "ratings.example.com")).toMatch(/^503/);
  });

  test("names of a ServiceEntry hold where the rule has none", async (context) => {
    await requireTarget(envoyTarget, context);
    await using files = await Files.write();
    await using server = await TlsServer.start();
    const tls = { mode: "SIMPLE", caCertificates: files.path("ca.pem"), sni: "reviews.example.com" };
    await using traffic = await Traffic.start(server.view(tls, { service: { subjectAltNames: ["ratings.example.com"] } }));
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 503 });
  });

  test.for([
    ["another name", { subjectAltNames: ["ratings.example.com"] }, "ssl.fail_verify_san"],
    ["the system's authorities, the default", { caCertificates: undefined }, "ssl.fail_verify_error"],
  ] as const)("refuses a server by %s", async ([, more, stat], context) => {
    await requireTarget(envoyTarget, context);
    await using files = await Files.write();
    await using server = await TlsServer.start();
    await using traffic = await Traffic.start(
      server.view({ mode: "SIMPLE", sni: "reviews.example.com", caCertificates: files.path("ca.pem"), ...more }),
    );
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 503 });
    expect(await traffic.stat(CLUSTER, stat)).toBeGreaterThan(0);
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test("insecureSkipVerify takes any server", async (context) => {
    await requireTarget(envoyTarget, context);
    await using server = await TlsServer.start(identityOf("ratings.example.com"));
    await using traffic = await Traffic.start(server.view({ mode: "SIMPLE", sni: "reviews.example.com", insecureSkipVerify: true }));
    expect(await traffic.get(CLUSTER)).toMatchObject(GOOD);
  });

  test("with `credentialName` the authority is that of the secret, or of NAME-cacert", async (context) => {
    await requireTarget(envoyTarget, context);
    await using server = await TlsServer.start();
    const tls = { mode: "SIMPLE", sni: "reviews.example.com", credentialName: "trust" };
    for (const name of ["trust", "trust-cacert"]) {
      await using traffic = await Traffic.start(server.view(tls, { secrets: [secretOf(name, { caCertificates: SERVER.authority })] }));
      expect(await traffic.get(CLUSTER)).toMatchObject(GOOD);
    }
  });

  test("a secret that is missing fails its connections, and works as soon as it is there", async (context) => {
    await requireTarget(envoyTarget, context);
    await using server = await TlsServer.start();
    const tls = { mode: "SIMPLE", sni: "reviews.example.com", credentialName: "trust" };
    await using traffic = await Traffic.start(server.view(tls));
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 503 });
    await traffic.proxy.update({ view: server.view(tls, { secrets: [secretOf("trust", { caCertificates: SERVER.authority })] }) });
    await expect.poll(() => traffic.get(CLUSTER), { timeout: 5_000 }).toMatchObject(GOOD);
  });

  test("is turned off by mode DISABLE", async (context) => {
    await requireTarget(envoyTarget, context);
    await using server = await TlsServer.start();
    await using traffic = await Traffic.start(server.view({ mode: "DISABLE" }));
    expect((await traffic.get(CLUSTER)).status).not.toBe(200);
  });

  test.for([
    ["on", "DISABLE", "SIMPLE", true],
    ["off", "SIMPLE", "DISABLE", false],
  ] as const)("is turned %s for a port by its portLevelSettings", async ([, ofHost, ofPort, works], context) => {
    await requireTarget(envoyTarget, context);
    await using server = await TlsServer.start();
    const tls = (mode: string) => (mode === "DISABLE" ? { mode } : { mode, sni: "reviews.example.com", insecureSkipVerify: true });
    const trafficPolicy = { tls: tls(ofHost), portLevelSettings: [{ port: { number: 80 }, tls: tls(ofPort) }] };
    await using traffic = await Traffic.start(server.view({}, { trafficRules: { [HOST]: rulesOf({ host: HOST, trafficPolicy }) } }));
    expect((await traffic.get(CLUSTER)).status === 200).toBe(works);
  });
});

describe("TLS MUTUAL", () => {
  const SHOWN = { status: 200, body: "reviews.example.com, URI:spiffe://cluster.local/ns/default/sa/client" };

  test("shows the certificate of files", async (context) => {
    await requireTarget(envoyTarget, context);
    await using files = await Files.write();
    await using server = await TlsServer.start(SERVER, true);
    const tls = {
      mode: "MUTUAL",
      clientCertificate: files.path("cert.pem"),
      privateKey: files.path("key.pem"),
      caCertificates: files.path("ca.pem"),
    };
    await using traffic = await Traffic.start(server.view({ ...tls, sni: "reviews.example.com" }));
    expect(await traffic.get(CLUSTER)).toMatchObject(SHOWN);
    expect(traffic.proxy.refusals()).toEqual([]);
  });

  test("shows another certificate when its files are replaced", async (context) => {
    await requireTarget(envoyTarget, context);
    await using files = await Files.write();
    await using server = await TlsServer.start(SERVER, true);
    const tls = {
      mode: "MUTUAL",
      clientCertificate: files.path("cert.pem"),
      privateKey: files.path("key.pem"),
      caCertificates: files.path("ca.pem"),
    };
    await using traffic = await Traffic.start(server.view({ ...tls, sni: "reviews.example.com" }));
    expect(await traffic.get(CLUSTER)).toMatchObject(SHOWN);
    const other = identityOf("spiffe://cluster.local/ns/default/sa/other");
    await writeFile(files.path("new-key.pem"), other.key);
    await writeFile(files.path("new-cert.pem"), other.certificate);
    await rename(files.path("new-key.pem"), files.path("key.pem"));
    await rename(files.path("new-cert.pem"), files.path("cert.pem"));
    await expect.poll(async () => (await traffic.get(CLUSTER)).body, { timeout: 5_000 }).toContain("sa/other");
  });

  test("shows the certificate of a secret, and a new one after a change", async (context) => {
    await requireTarget(envoyTarget, context);
    await using server = await TlsServer.start(SERVER, true);
    const tls = { mode: "MUTUAL", credentialName: "client", sni: "reviews.example.com" };
    const secrets = ({ certificate, key, authority }: TlsIdentity) => ({
      secrets: [secretOf("client", { certificate, privateKey: key, caCertificates: authority })],
    });
    await using traffic = await Traffic.start(server.view(tls, secrets(CLIENT)));
    expect(await traffic.get(CLUSTER)).toMatchObject(SHOWN);
    await traffic.proxy.update({ view: server.view(tls, secrets(identityOf("spiffe://cluster.local/ns/default/sa/other"))) });
    await expect.poll(async () => (await traffic.get(CLUSTER)).body, { timeout: 5_000 }).toContain("sa/other");
  });

  test("fails where the server wants a certificate and SIMPLE shows none", async (context) => {
    await requireTarget(envoyTarget, context);
    await using server = await TlsServer.start(SERVER, true);
    await using traffic = await Traffic.start(server.view({ mode: "SIMPLE", insecureSkipVerify: true }));
    expect(await traffic.get(CLUSTER)).toMatchObject({ status: 503 });
  });
});

describe("proxyProtocol", () => {
  test.for([
    ["V1", /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nGET \/ HTTP\/1\.1/],
    ["V2", /^\r\n\r\n\0\r\nQUIT\n!\x11/],
  ] as const)("%s tells the service who the client is", async ([version, expected], context) => {
    await requireTarget(envoyTarget, context);
    let received = "";
    const server = createTcp((socket) => {
      socket.on("error", () => socket.destroy());
      socket.on("data", (bytes) => {
        received += bytes.toString("latin1");
        socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const view = viewOf({
      services: [serviceOf("reviews", { 80: "http" })],
      endpoints: { [HOST]: [endpointOf("127.0.0.1", { "port-80": (server.address() as AddressInfo).port })] },
      trafficRules: { [HOST]: rulesOf({ host: HOST, trafficPolicy: { proxyProtocol: { version } } }) },
    });
    await using traffic = await Traffic.start(view);
    await traffic.get(CLUSTER);
    server.close();
    expect(received).toMatch(expected);
  });
});
