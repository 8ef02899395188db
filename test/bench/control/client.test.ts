import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { XdsServer } from "../../../control/xds/server/index.ts";
import {
  CLUSTER,
  ENDPOINT,
  LISTENER,
  MapSnapshot,
  ROUTE,
  SCOPE,
  textResource,
  TYPES,
} from "../../../control/xds/server/testing/snapshot.ts";
import { XdsListener } from "../../../control/xds/transport/index.ts";
import { BenchClient, requestsFor } from "./client.ts";

const EVERY_TYPE = [CLUSTER, ENDPOINT, LISTENER, SCOPE, ROUTE];

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

/** An xDS server with so many resources of every type. */
async function serve(count: number) {
  const resources = (typeUrl: string) => Array.from({ length: count }, (_, index) => textResource(`${index}`, typeUrl.repeat(10)));
  const server: XdsServer = new XdsServer({ types: TYPES, onConnect: ({ peer }) => ({ id: peer, group }) });
  const group = server.group(new MapSnapshot("1", Object.fromEntries(EVERY_TYPE.map((typeUrl) => [typeUrl, resources(typeUrl)]))));
  const listener = await XdsListener.start(server, { port: 0 });
  opened.push(() => listener[Symbol.asyncDispose]());
  return { server, port: listener.port };
}

/** A client, and the types of the answers that it got until there was one of each. */
function connect(port: number, ...requests: Parameters<typeof requestsFor>) {
  const answers: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  const client = new BenchClient(port, requestsFor(...requests), {
    answered: (typeUrl) => void (answers.push(typeUrl) === EVERY_TYPE.length && resolve(answers.toSorted())),
    lost: (reason) => reject(new Error(reason)),
  });
  opened.push(() => client[Symbol.dispose]());
  return { client, everything: promise };
}

// What comes beyond the window costs a client the connection: FLOW_CONTROL_ERROR (RFC 9113, section 6.9.1).
test("a client that has more to say than the server's window holds waits until the server reads", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const names = Array.from({ length: 4000 }, (_, index) => `outbound|80||service-${index}.default.svc.cluster.local`);
  const { everything } = connect(port, "node", { [CLUSTER]: names });
  const [stream] = (await once(server, "stream")) as [ServerHttp2Stream];
  await vi.waitUntil(() => stream.state.localWindowSize === 0);
  let read = 0;
  stream.on("data", (bytes: Buffer) => (read += bytes.length));
  await vi.waitUntil(() => read > names.join("").length);
  stream.session?.destroy();
  await expect(everything).rejects.toThrow(/the server (ended|closed) the connection/);
});

test.each(["delta", "sotw"] as const)("a client reads responses of any size, and counts their bytes (%s)", async (variant) => {
  const { port } = await serve(500);
  const names = Array.from({ length: 500 }, (_, index) => String(index));
  const { client, everything } = connect(port, "node", { [ENDPOINT]: names, [ROUTE]: names }, variant);
  expect(await everything).toEqual(EVERY_TYPE.toSorted());
  expect(client.received).toBeGreaterThan(500 * EVERY_TYPE.join("").length * 10);
});

test("a client tells when its call ends", async () => {
  const { server, port } = await serve(1);
  const { everything } = connect(port, "node", {});
  server.end();
  await expect(everything).rejects.toThrow(/the server /);
});
