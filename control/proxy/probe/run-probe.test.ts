import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { once } from "node:events";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { type Probe, workloadGroup } from "../../kinds/workload-group/index.ts";
import { readManifests } from "../../model/manifest/index.ts";
import { Kinds, readObject } from "../../model/objects/index.ts";
import { runProbe, watchHealth } from "./index.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** As users write it, with its defaults. */
function probeOf(probe: object): Probe {
  const group = { apiVersion: "networking.istio.io/v1", kind: "WorkloadGroup", metadata: { name: "a" }, spec: { template: {}, probe } };
  const [manifest] = readManifests("a.yaml", JSON.stringify(group)).manifests;
  const read = manifest === undefined ? undefined : readObject(manifest, new Kinds([workloadGroup])).object;
  const found = (read?.spec as { readonly probe?: Probe } | undefined)?.probe;
  if (found === undefined) throw new Error(JSON.stringify(probe));
  return found;
}

/** What is wrong; undefined where nothing is. */
async function outcome(probe: object, patience = 5_000): Promise<string | undefined> {
  return runProbe(probeOf(probe), AbortSignal.timeout(patience)).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

async function web(listener: RequestListener, tls = false): Promise<number> {
  const { certificate, key } = identityOf("web.test");
  const server = tls ? createHttps({ cert: certificate, key }, listener) : createHttp(listener);
  closing.push(() => (server.closeAllConnections(), server.close()));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

describe("over HTTP", () => {
  test.each([
    [200, undefined],
    [302, undefined],
    [399, undefined],
    [400, "the answer has the status 400"],
    [503, "the answer has the status 503"],
  ])("a status of %i: %s", async (status, problem) => {
    const port = await web((_, response) => response.writeHead(status, { location: "/elsewhere" }).end());
    expect(await outcome({ httpGet: { port } })).toBe(problem);
  });

  test("asks for the path with the headers, repeated ones too", async () => {
    const asked: unknown[] = [];
    const port = await web((request, response) => {
      asked.push([request.url, request.headers.host, request.headersDistinct["x-a"]]);
      response.end();
    });
    const httpHeaders = [
      { name: "X-A", value: "1" },
      { name: "x-a", value: "2" },
      { name: "Host", value: "web.test" },
    ];
    expect(await outcome({ httpGet: { port, path: "ready?all", httpHeaders } })).toBeUndefined();
    expect(asked).toEqual([["/ready?all", "web.test", ["1", "2"]]]);
  });

  test("takes any certificate", async () => {
    const port = await web((_, response) => response.end(), true);
    expect(await outcome({ httpGet: { port, scheme: "HTTPS" } })).toBeUndefined();
  });

  test("ends where no answer comes", async () => {
    const port = await web(() => undefined);
    expect(await outcome({ httpGet: { port } }, 100)).toContain("abort");
  });
});

test("over TCP", async () => {
  const server = createTcp();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  expect(await outcome({ tcpSocket: { port } })).toBeUndefined();
  server.close();
  await once(server, "close");
  expect(await outcome({ tcpSocket: { port } })).toContain("ECONNREFUSED");
});

test("by a program", async () => {
  expect(await outcome({ exec: { command: ["sh", "-c", "exit 0"] } })).toBeUndefined();
  expect(await outcome({ exec: { command: ["sh", "-c", "exit 3"] } })).toBe("sh ended with 3");
  expect(await outcome({ exec: { command: ["/nowhere/program"] } })).toContain("ENOENT");
  expect(await outcome({ exec: { command: ["sleep", "60"] } }, 100)).toContain("abort");
});

test("over gRPC", async () => {
  const asked: string[] = [];
  let status = Buffer.from([0x08, 1]);
  const server = new GrpcServer();
  const bytes = (value: Buffer) => value;
  const method = { path: "/grpc.health.v1.Health/Check", requestStream: false, responseStream: false } as const;
  server.addService(
    { check: { ...method, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes } },
    {
      check: (call: { readonly request: Buffer }, answer: (error: null, status: Buffer) => void) => {
        asked.push(call.request.subarray(2).toString());
        answer(null, status);
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  closing.push(() => server.forceShutdown());
  expect(await outcome({ grpc: { port, service: "my.Service" } })).toBeUndefined();
  status = Buffer.from([0x08, 2]);
  expect(await outcome({ grpc: { port } })).toBe("it is not SERVING");
  expect(asked).toEqual(["my.Service", ""]);
  server.forceShutdown();
  expect(await outcome({ grpc: { port } })).toBeTypeOf("string");
});

test("a watch tells of changes, when there were as many successes or failures in a row as there must be", async () => {
  const statuses = [500, 200, 200, 500, 200, 500, 500, 200, 200];
  let count = 0;
  const port = await web((_, response) => response.writeHead(statuses[count++] ?? 200).end());
  const told: (string | undefined)[] = [];
  const stop = new AbortController();
  // Times in a probe are whole seconds, which a test does not have.
  const probe: Probe = {
    ...probeOf({ httpGet: { port }, successThreshold: 2, failureThreshold: 2 }),
    periodSeconds: 0.01,
    timeoutSeconds: 5,
  };
  const watching = watchHealth({ probe, changed: (problem) => void told.push(problem === undefined ? "healthy" : problem) }, stop.signal);
  await expect.poll(() => count, { timeout: 10_000 }).toBeGreaterThan(statuses.length);
  stop.abort();
  await watching;
  expect(told).toEqual(["healthy", "the answer has the status 500", "healthy"]);
});
