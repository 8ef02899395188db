import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { once } from "node:events";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { WorkloadGroupSpec } from "../../../control/kinds/workload-group/index.ts";
import { watchHealth } from "../../../control/proxy/probe/index.ts";
import { HEALTH_TYPE } from "../../../control/model/index.ts";
import { ReportStream } from "../../../control/proxy/report-stream.ts";
import { meshOfYaml } from "../../../control/xds/types/testing/yaml-view.ts";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { until } from "../until.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";

// WorkloadGroup, field by field: workloads of virtual machines register and say how they are, and a client's Envoy finds them, or does not.

const CLIENT = "sidecar~10.0.0.1~client-1.default~default.svc.cluster.local";
/** An address of this machine at which nobody looks by himself. */
const ELSEWHERE = "127.0.0.2";

let mesh: RunningMesh;
let client: RunningEnvoy;
let one: Upstream;
let two: Upstream;
let folder: string;
const closing: (() => unknown)[] = [];
const streams: ReportStream[] = [];

const object = (kind: string, name: string, spec: object, apiVersion = "networking.istio.io/v1") =>
  stringify({ apiVersion, kind, metadata: { name }, spec });
/** A service of workloads that have its name as label `app`. */
const service = (name: string) => object("Service", name, { selector: { app: name }, ports: [{ name: "http", port: 80 }] }, "v1");
const group = (name: string, app: string, template: object, more: object = {}) =>
  object("WorkloadGroup", name, { metadata: { labels: { app } }, template, ...more });
const apply = (...documents: readonly string[]) => mesh.apply({ "groups.yaml": documents.join("---\n") });

/** What stands beside the proxy of a virtual machine; it says that its workload is healthy. */
function register(name: string, metadata: object = {}): ReportStream {
  const stream = new ReportStream({
    typeUrl: HEALTH_TYPE,
    what: "the health of the workload",
    connection: () => ({ source: { host: "127.0.0.1", port: mesh.port }, certificate: undefined }),
    node: { id: `sidecar~127.0.0.1~${name}-1.default~default.svc.cluster.local`, metadata: { AUTO_REGISTER_GROUP: name, ...metadata } },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  streams.push(stream);
  return stream;
}

const status = async (host: string) => (await client.get(`http://${host}/`)).status;
const answers = (host: string, expected: number) =>
  until(
    `${host} answers ${expected}`,
    () => status(host),
    (found) => found === expected,
  );
/** How often each of the two answers. */
async function shares(count = 20): Promise<readonly [one: number, two: number]> {
  const before = [one.requests.length, two.requests.length] as const;
  for (let index = 0; index < count; index++) expect(await status("web")).toBe(200);
  return [one.requests.length - before[0], two.requests.length - before[1]];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "workload-group-"));
  one = await startUpstream({ keep: 10_000 });
  two = await startUpstream({ keep: 10_000 });
  mesh = await RunningMesh.start({ "web.yaml": service("web") });
  client = await mesh.proxy(CLIENT, { NETWORK: "home" }, { region: "r1", zone: "z1", subZone: "" });
});
afterAll(async () => {
  for (const stream of streams) await stream[Symbol.asyncDispose]();
  for (const close of closing) close();
  await mesh?.[Symbol.asyncDispose]();
  for (const upstream of [one, two]) await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe("the template of a group: workloads that register", () => {
  const both = (first: object, second: object) => [
    group("one", "web", { ports: { http: one.port }, ...first }),
    group("two", "web", { ports: { http: two.port }, ...second }),
  ];
  const rule = (trafficPolicy: object, more: object = {}) => object("DestinationRule", "web", { host: "web", trafficPolicy, ...more });
  const simple = { loadBalancer: { simple: "ROUND_ROBIN" } };

  beforeAll(async () => {
    for (const name of ["one", "two"]) register(name).report(undefined);
    await apply(...both({}, {}));
    await answers("web", 200);
  });

  test("are found by the group's own labels, at its ports", async () => {
    await apply(...both({}, {}), rule(simple));
    await expect.poll(async () => (await shares()).every((share) => share > 0), { timeout: 20_000 }).toBe(true);
    await apply(group("one", "other", { ports: { http: one.port } }), both({}, {})[1] ?? "", rule(simple));
    await expect.poll(() => shares(), { timeout: 20_000 }).toEqual([0, 20]);
  });

  test("get as much as their weight says", async () => {
    await apply(...both({ weight: 1 }, { weight: 30 }), rule(simple));
    const share = async () => {
      const [first, second] = await shares(60);
      return second / Math.max(1, first);
    };
    await expect.poll(share, { timeout: 20_000 }).toBeGreaterThan(5);
  });

  test("are of a subset by the template's labels", async () => {
    const subset = { name: "second", labels: { version: "v2" } };
    const route = object("VirtualService", "web", {
      hosts: ["web"],
      http: [{ route: [{ destination: { host: "web", subset: "second" } }] }],
    });
    await apply(...both({ labels: { version: "v1" } }, { labels: { version: "v2" } }), rule(simple, { subsets: [subset] }), route);
    await expect.poll(() => shares(), { timeout: 20_000 }).toEqual([0, 20]);
  });

  test("are where their locality says", async () => {
    const localityLbSetting = { distribute: [{ from: "r1/*", to: { "r2/*": 100 } }] };
    await apply(...both({ locality: "r1/z1" }, { locality: "r2/z2" }), rule({ loadBalancer: { localityLbSetting } }));
    await expect.poll(() => shares(), { timeout: 20_000 }).toEqual([0, 20]);
  });

  test("are in the network that it says", async () => {
    const localityLbSetting = { failoverPriority: ["topology.istio.io/network"] };
    const policy = { loadBalancer: { localityLbSetting }, outlierDetection: {} };
    await apply(...both({ network: "away" }, { network: "home" }), rule(policy));
    await expect.poll(() => shares(), { timeout: 20_000 }).toEqual([0, 20]);
    await apply(...both({ network: "home" }, { network: "away" }), rule(policy));
    await expect.poll(() => shares(), { timeout: 20_000 }).toEqual([20, 0]);
  });

  test("may register under the service account that it says, and no other", async () => {
    register("own", { SERVICE_ACCOUNT: "own" }).report(undefined);
    const of = (serviceAccount: string) => group("own", "own", { ports: { http: one.port }, serviceAccount });
    await apply(service("own"), of("own"));
    await answers("own", 200);
    await apply(service("own"), of("another"));
    await answers("own", 503);
  });

  test("have the group's annotations", async () => {
    register("annotated").report(undefined);
    const of = (annotations: object) =>
      group("annotated", "annotated", { ports: { http: one.port } }, { metadata: { labels: { app: "annotated" }, annotations } });
    await apply(service("annotated"), of({}));
    await answers("annotated", 200);
    await apply(service("annotated"), of({ "meshwright.mesh/healthy": "false" }));
    await answers("annotated", 503);
  });
});

interface Probed {
  readonly name: string;
  readonly probe: object;
  /** Makes the workload healthy, or ill. */
  readonly become?: (healthy: boolean) => unknown;
}

async function listening(server: ReturnType<typeof createTcp>, host = "127.0.0.1"): Promise<number> {
  closing.push(() => server.close());
  await once(server.listen(0, host), "listening");
  return (server.address() as AddressInfo).port;
}

const web = (listener: RequestListener, host?: string) => listening(createHttp(listener), host);

/** Has a group for each, with a service of the same name, and watches their workloads as `meshwright proxy` does. */
async function watching(probes: readonly Probed[]): Promise<AsyncDisposable> {
  const yaml = probes.map(({ name, probe }) =>
    group(name, name, { ports: { http: one.port } }, { probe: { periodSeconds: 1, failureThreshold: 1, ...probe } }),
  );
  await apply(...yaml, ...probes.map(({ name }) => service(name)));
  const groups = meshOfYaml(yaml.join("---\n")).objects("WorkloadGroup");
  const stop = new AbortController();
  const all = groups.map(async ({ metadata, spec }) => {
    const { probe } = spec as WorkloadGroupSpec;
    if (probe === undefined) throw new Error(`${metadata.name} has no probe`);
    const stream = register(metadata.name);
    await watchHealth({ probe, changed: (problem) => stream.report(problem) }, stop.signal);
  });
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(all);
    },
  };
}

describe("the probe of a group", () => {
  test("says of each workload in its own way when it gets requests, and when no more", async () => {
    const healthy = new Map<string, boolean>();
    const { certificate, key } = identityOf("web.test");
    const is =
      (name: string): RequestListener =>
      (request, response) => {
        const good = healthy.get(name) === true && request.url === "/ready" && request.headers["x-probe"] === "it";
        response.writeHead(good ? 200 : 503).end();
      };
    const httpHeaders = [{ name: "X-Probe", value: "it" }];
    const http = { path: "/ready", httpHeaders };
    const secure = createHttps({ cert: certificate, key }, is("https"));
    const tcp = createTcp((socket) => socket.destroy());
    const tcpPort = await listening(tcp, ELSEWHERE);
    const file = join(folder, "healthy");
    const grpc = new GrpcServer();
    closing.push(() => grpc.forceShutdown());
    const bytes = (value: Buffer) => value;
    const method = { path: "/grpc.health.v1.Health/Check", requestStream: false, responseStream: false } as const;
    grpc.addService(
      { check: { ...method, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes } },
      {
        check: ({ request }: { readonly request: Buffer }, answer: (error: null, status: Buffer) => void) => {
          const isGood = healthy.get("grpc") === true && request.subarray(2).toString() === "my.Service";
          answer(null, Buffer.from([0x08, isGood ? 1 : 2]));
        },
      },
    );
    const grpcPort = await new Promise<number>((resolve, reject) =>
      grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error))),
    );
    const set = (name: string) => (value: boolean) => healthy.set(name, value);
    const probes: readonly Required<Probed>[] = [
      { name: "http", probe: { httpGet: { ...http, port: await web(is("http")) } }, become: set("http") },
      { name: "host", probe: { httpGet: { ...http, host: ELSEWHERE, port: await web(is("host"), ELSEWHERE) } }, become: set("host") },
      { name: "https", probe: { httpGet: { ...http, scheme: "HTTPS", port: await listening(secure) } }, become: set("https") },
      {
        name: "tcp",
        probe: { tcpSocket: { host: ELSEWHERE, port: tcpPort } },
        become: (value) => (value ? tcp.listen(tcpPort, ELSEWHERE) : tcp.close()),
      },
      {
        name: "exec",
        probe: { exec: { command: ["test", "-e", file] } },
        become: (value) => (value ? writeFile(file, "") : rm(file, { force: true })),
      },
      { name: "grpc", probe: { grpc: { port: grpcPort, service: "my.Service" } }, become: set("grpc") },
    ];
    tcp.close();
    await using _ = await watching(probes);
    await Promise.all(
      probes.map(async ({ name, become }) => {
        await answers(name, 503);
        for (const healthy of [true, false, true]) {
          await become(healthy);
          await answers(name, healthy ? 200 : 503);
        }
      }),
    );
  });

  test("begins, repeats and waits for answers as it says, and believes what it has seen as often as it says", async () => {
    /** When a server was asked, in milliseconds. */
    const asked = new Map<string, number[]>();
    const server = async (name: string, statuses: readonly number[] = [], delay = 0) => {
      asked.set(name, []);
      const port = await web((_, response) => {
        const times = asked.get(name) ?? [];
        times.push(performance.now());
        setTimeout(() => response.writeHead(statuses[times.length - 1] ?? statuses.at(-1) ?? 200).end(), delay).unref();
      });
      return { httpGet: { port } };
    };
    const probes: readonly Probed[] = [
      { name: "later", probe: { ...(await server("later")), initialDelaySeconds: 2 } },
      { name: "seldom", probe: { ...(await server("seldom")), periodSeconds: 3 } },
      { name: "slow", probe: { ...(await server("slow", [], 1_500)), timeoutSeconds: 60 } },
      { name: "too-slow", probe: await server("too-slow", [], 20_000) },
      { name: "sure", probe: { ...(await server("sure", [200, 500, 200, 200])), successThreshold: 2 } },
      { name: "patient", probe: { ...(await server("patient", [200, 500, 200, 500, 500])), failureThreshold: 2 } },
    ];
    const began = performance.now();
    await using _ = await watching(probes);
    const timesOf = (name: string) => asked.get(name) ?? [];
    /** How often it had been asked when the client's Envoy was told. */
    const timesUntil = async (name: string, expected: number) => {
      await answers(name, expected);
      return timesOf(name).length;
    };
    const patient = async () => {
      await answers("patient", 200);
      return timesUntil("patient", 503);
    };
    const [sure, lost] = await Promise.all([
      timesUntil("sure", 200),
      patient(),
      answers("slow", 200),
      answers("later", 200),
      until(
        "all were asked twice",
        async () => [timesOf("seldom").length, timesOf("too-slow").length],
        (counts) => counts.every((count) => count >= 2),
      ),
    ]);
    expect(sure).toBeGreaterThanOrEqual(4);
    expect(lost).toBeGreaterThanOrEqual(5);
    expect(await status("too-slow")).toBe(503);
    expect((timesOf("later")[0] ?? 0) - began).toBeGreaterThan(1_900);
    const [first = 0, second = 0] = timesOf("seldom");
    // The first may come late on a busy machine; the others are asked once a second.
    expect(second - first).toBeGreaterThan(2_000);
  });
});
