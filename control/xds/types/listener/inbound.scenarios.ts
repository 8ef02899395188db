import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identityOf } from "../../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../../harness/upstreams/index.ts";
import { XDS_TYPES } from "../index.ts";
import { exchange, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";

describe("connections to a workload", () => {
  let app: Upstream;
  let proxy: RunningProxy;
  let folder: string;
  let bound: number;

  beforeAll(async () => {
    app = await startUpstream({ script: ({ path }) => ({ body: `app ${path}` }) });
    bound = await freePort();
    folder = await mkdtemp(join(tmpdir(), "inbound-"));
    const { certificate, key, authority } = identityOf("app.test");
    await writeFile(join(folder, "tls.crt"), certificate);
    await writeFile(join(folder, "tls.key"), key);
    await writeFile(join(folder, "ca.crt"), authority);
    const view = viewOfYaml(`
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec:
  ingress:
    - { port: { number: 9080, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:${app.port}" }
    - { port: { number: 9081, protocol: TCP, name: tcp }, defaultEndpoint: "127.0.0.1:${app.port}" }
    - { port: { number: 9082, name: auto }, defaultEndpoint: "127.0.0.1:${app.port}" }
    - port: { number: 9443, protocol: HTTPS, name: https }
      defaultEndpoint: "127.0.0.1:${app.port}"
      tls: { mode: MUTUAL, serverCertificate: ${folder}/tls.crt, privateKey: ${folder}/tls.key, caCertificates: ${folder}/ca.crt }
    - { port: { number: ${bound}, protocol: HTTP, name: bound }, bind: 127.0.0.1, captureMode: NONE, defaultEndpoint: "127.0.0.1:${app.port}" }
`);
    proxy = await RunningProxy.start({ view, types: XDS_TYPES });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("have listeners that Envoy takes", () => {
    expect(proxy.refusals()).toEqual([]);
  });

  test.each([
    [9080, "HTTP", "istio-envoy"],
    [9082, "HTTP that is found out", "istio-envoy"],
  ])("on port %i are %s", async (port, _what, server) => {
    const answer = await proxy.redirected("inbound", `10.0.0.1:${port}`, httpRequest("app.test", "/a"));
    expect(answer).toContain("app /a");
    expect(answer).toContain(`server: ${server}`);
  });

  test("are bytes where the port says so", async () => {
    const answer = await proxy.redirected("inbound", "10.0.0.1:9081", httpRequest("app.test", "/b"));
    expect(answer).toContain("app /b");
    expect(answer).not.toContain("istio-envoy");
  });

  test("end TLS of a Sidecar's own, for clients with a certificate", async () => {
    const { certificate, key, authority } = identityOf("friend.test");
    const tls = { servername: "app.test", ca: authority };
    expect(await proxy.redirected("inbound", "10.0.0.1:9443", httpRequest("app.test"), tls)).toBe("reset");
    const answer = await proxy.redirected("inbound", "10.0.0.1:9443", httpRequest("app.test", "/c"), { ...tls, cert: certificate, key });
    expect(answer).toContain("app /c");
  });

  test("need no redirection to a port that the proxy has itself", async () => {
    expect(await exchange({ port: bound }, httpRequest("app.test", "/d"))).toContain("app /d");
  });

  test("go to the port that they were meant for where nobody speaks of it", async () => {
    const answer = await proxy.redirected("inbound", `127.0.0.1:${app.port}`, httpRequest("app.test", "/e"));
    expect(answer).toContain("app /e");
  });

  test("to the redirecting port itself end there", async () => {
    expect(await proxy.redirected("inbound", "10.0.0.1:15006", httpRequest("app.test"))).toBe("reset");
    expect(await proxy.redirected("outbound", "10.0.0.1:15001", httpRequest("app.test"))).toBe("reset");
  });
});
