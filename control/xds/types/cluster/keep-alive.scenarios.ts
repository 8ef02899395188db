import { once } from "node:events";
import { createServer as createHttp2 } from "node:http2";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";
import { describe, expect, test } from "vitest";
import { envoyTarget } from "../../../../harness/envoy/index.ts";
import { requireTarget } from "../../../../harness/scenario/require-target.ts";
import type { ProxyView } from "../../../model/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import { HOST } from "../testing/hosts.ts";
import { rulesOf } from "../testing/rules.ts";
import { Traffic } from "../testing/traffic.ts";
import { endpointOf, serviceOf, viewOf } from "../testing/view.ts";

const CLUSTER = outboundCluster(HOST, 80);

/** RFC 9113, 4.1 and 6.5: a SETTINGS frame that says nothing, and one that acknowledges. */
const SETTINGS = Buffer.from("000000040000000000" + "000000040100000000", "hex");

function viewTo(port: number, http2KeepAlive: object): ProxyView {
  const trafficPolicy = { connectionPool: { http: { h2UpgradePolicy: "UPGRADE", http2KeepAlive } } };
  return viewOf({
    services: [serviceOf("reviews", { 80: "http" })],
    endpoints: { [HOST]: [endpointOf("127.0.0.1", { "port-80": port })] },
    trafficRules: { [HOST]: rulesOf({ host: HOST, trafficPolicy }) },
  });
}

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe("http2KeepAlive", () => {
  test("interval: a connection that is there is asked again and again", async (context) => {
    await requireTarget(envoyTarget, context);
    let pings = 0;
    const server = createHttp2((_request, response) => void response.end("here"));
    server.on("session", (session) => session.on("ping", () => void pings++));
    const port = await listening(server);
    await using traffic = await Traffic.start(viewTo(port, { interval: "100ms", timeout: "20s" }));
    expect((await traffic.get(CLUSTER)).body).toBe("here");
    await expect.poll(() => pings, { timeout: 10_000 }).toBeGreaterThan(3);
    expect(await traffic.stat(CLUSTER, "upstream_cx_total")).toBe(1);
    server.close();
  });

  test("timeout: one that does not answer that long is closed, and what waits on it fails", async (context) => {
    await requireTarget(envoyTarget, context);
    const server = createTcp((socket) => void socket.on("error", () => socket.destroy()).once("data", () => socket.write(SETTINGS)));
    await using traffic = await Traffic.start(viewTo(await listening(server), { interval: "100ms", timeout: "300ms" }));
    expect((await traffic.get(CLUSTER)).status).toBe(503);
    expect(await traffic.stat(CLUSTER, "http2.keepalive_timeout")).toBe(1);
    server.close();
  });
});
