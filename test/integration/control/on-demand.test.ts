import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../../../control/xds/types/testing/running-proxy.ts";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { Client, getAt } from "./client.ts";
import { Load } from "./load.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";

const SIDECAR = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";
const ROUTER = "router~10.0.0.2~ingress.default~default.svc.cluster.local";
const ON_DEMAND = { MESHWRIGHT_ON_DEMAND: "true" };

const POLICY = `
apiVersion: v1
kind: MeshConfig
metadata: { name: istio, namespace: istio-system }
outboundTrafficPolicy: { mode: REGISTRY_ONLY }
`;

const service = (name: string, port: number) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${name} }
spec: { address: 127.0.0.1, ports: { http: ${port} }, labels: { app: ${name}, version: v1 } }
`;

const rules = (name: string, http: string) => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec: { hosts: [${name}], http: [${http}] }
`;

const toward = (host: string, more = "") => `{ route: [{ destination: { host: ${host} } }], ${more} }`;
const marked = (name: string, mark: string) => rules(name, toward(name, `headers: { request: { set: { x-mark: ${mark} } } }`));

let upstreams: readonly Upstream[];
let mesh: RunningMesh;

const NAMES = ["a", "b", "c"] as const;
const upstreamOf = (name: (typeof NAMES)[number]): Upstream => upstreams[NAMES.indexOf(name)] as Upstream;

beforeEach(async () => {
  upstreams = await Promise.all(
    NAMES.map((name) =>
      startUpstream({
        script: ({ path, headers, body }) => ({
          body: `${name} ${headers.find(([header]) => header === "x-mark")?.[1] ?? ""} ${body.length}`,
          ...(path === "/slow" ? { delay: 6_500 } : {}),
        }),
      }),
    ),
  );
  mesh = await RunningMesh.start({
    "policy.yaml": POLICY,
    ...Object.fromEntries(NAMES.map((name) => [`${name}.yaml`, service(name, upstreamOf(name).port)])),
  });
});
afterEach(async () => {
  await mesh?.[Symbol.asyncDispose]();
  for (const upstream of upstreams) await upstream[Symbol.asyncDispose]();
});

/** Names of route configurations of hosts, and of clusters of services, that an Envoy has. */
async function held({ envoy }: RunningEnvoy): Promise<{ readonly routes: readonly string[]; readonly clusters: readonly string[] }> {
  const { configs } = (await envoy.admin.configDump({ resource: "dynamic_route_configs" })) as {
    readonly configs?: readonly { readonly route_config: { readonly name: string } }[];
  };
  const routes = (configs ?? []).map(({ route_config: { name } }) => name).filter((name) => !name.endsWith("|*"));
  const clusters = (await envoy.admin.clusters()).map(({ name }) => name).filter((name) => name.startsWith("outbound"));
  return { routes: routes.sort(), clusters: clusters.sort() };
}

const holding = (...names: readonly string[]) => ({
  routes: names.map((name) => `9080|${name}.default.svc.cluster.local`),
  clusters: names.map((name) => `outbound|9080||${name}.default.svc.cluster.local`),
});

describe("a proxy on demand", () => {
  let client: RunningEnvoy;
  beforeEach(async () => {
    client = await mesh.proxy(SIDECAR, ON_DEMAND);
  });
  const bodyOf = async (host: string, path = "/") => {
    const { status, body } = await client.get(`http://${host}:9080${path}`);
    return status === 200 ? body : String(status);
  };

  test("holds what it uses, however that is written", async () => {
    expect(await held(client)).toEqual(holding());
    expect(await bodyOf("a")).toBe("a  0");
    expect(await held(client)).toEqual(holding("a"));
    expect(await bodyOf("B.Default.svc.cluster.local.")).toBe("b  0");
    expect(await bodyOf("unknown")).toBe("502");
    expect(await held(client)).toEqual(holding("a", "b"));
    expect(upstreamOf("a").requests.length, "the service was asked once").toBe(1);
  });

  test("is sent what it uses when that changes, and nothing else", async () => {
    await bodyOf("a");
    const before = await mesh.sent();
    await mesh.apply({ "rules.yaml": marked("b", "unused"), "c.yaml": service("c", upstreamOf("b").port) });
    expect(await mesh.sent()).toEqual(before);
    expect(await bodyOf("c"), "as it is now").toBe("b  0");
    await mesh.apply({ "rules.yaml": marked("a", "first") });
    expect(await bodyOf("a")).toBe("a first 0");
    await mesh.apply({ "rules.yaml": rules("a", toward("b")) });
    expect(await bodyOf("a"), "whose cluster is fetched").toBe("b  0");
    await mesh.apply({ "a.yaml": undefined, "rules.yaml": "" });
    expect(await bodyOf("a")).toBe("502");
    await mesh.apply({ "a.yaml": service("a", upstreamOf("c").port) });
    expect(await bodyOf("a")).toBe("c  0");
  });

  test("loses no request while traffic moves to what it does not have yet", async () => {
    await using load = new Load(client.outbound("240.240.0.1:9080"), ["a:9080"]);
    for (const to of ["b", "a", "c", "b"]) {
      await mesh.apply({ "rules.yaml": rules("a", toward(to)) });
      expect(await bodyOf("a")).toBe(`${to}  0`);
    }
    expect(load.lost).toEqual([]);
  });

  test("goes on without the control service: what it has serves, unknown hosts are answered at once, the rest in bounded time", async () => {
    await mesh.apply({
      "rules.yaml": rules(
        "b",
        `{ match: [{ uri: { prefix: /no } }], route: [{ destination: { host: b, subset: none } }] }, ${toward("b")}`,
      ),
    });
    expect([await bodyOf("a"), await bodyOf("b")]).toEqual(["a  0", "b  0"]);
    await mesh.stopControl();
    const begin = performance.now();
    expect([await bodyOf("a"), await bodyOf("b"), await bodyOf("unknown"), await bodyOf("b", "/no")]).toEqual([
      "a  0",
      "b  0",
      "502",
      "503",
    ]);
    const known = performance.now();
    expect(known - begin, "nobody waits").toBeLessThan(4_000);
    expect(await Promise.all([bodyOf("c"), bodyOf("C"), bodyOf("c.default")])).toEqual(["504", "504", "504"]);
    expect(performance.now() - known).toBeLessThan(15_000);
    mesh.edit({ "rules.yaml": marked("a", "later") });
    await mesh.startControl();
    await mesh.connected(SIDECAR);
    await expect.poll(() => bodyOf("a"), { timeout: 20_000 }).toBe("a later 0");
    expect([await bodyOf("b"), await bodyOf("c")]).toEqual(["b  0", "c  0"]);
    expect(await held(client)).toEqual(holding("a", "b", "c"));
  });

  test("waits no longer for a control service that takes connections and says nothing", async () => {
    expect(await bodyOf("a")).toBe("a  0");
    const clusters = await client.envoy.admin.clusters();
    const [host] = clusters.find(({ name }) => name === "xds-grpc")?.hosts ?? [];
    await mesh.stopControl();
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket.on("error", () => socket.destroy()))).listen(
      Number(host?.address.split(":").at(-1)),
      "127.0.0.1",
    );
    await once(silent, "connection");
    expect([await bodyOf("a"), await bodyOf("unknown"), await bodyOf("b")]).toEqual(["a  0", "502", "504"]);
    for (const socket of sockets) socket.destroy();
    silent.close();
    await once(silent, "close");
    await mesh.startControl();
    await mesh.connected(SIDECAR);
    await expect.poll(() => bodyOf("b"), { timeout: 20_000 }).toBe("b  0");
  }, 60_000);

  test("serves many first requests at once", async () => {
    using connections = new Client(client.outbound("240.240.0.1:9080"), 20);
    const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => connections.get(`${NAMES[index % 3] ?? ""}:9080`, "/")));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(NAMES.map((name) => `200 ${name}  0`)));
    expect(await held(client)).toEqual(holding(...NAMES));
  });

  test("lets streams stand still for longer than a request waits for its routes", async () => {
    expect(await Promise.all([bodyOf("a", "/slow"), bodyOf("b", "/slow")])).toEqual(["a  0", "b  0"]);
  }, 30_000);

  test("holds bodies back until it knows where they go", async () => {
    using connections = new Client(client.outbound("240.240.0.1:9080"), 3);
    const sizes = [1, 60_000, 3_000_000];
    const bodies = await Promise.all(sizes.map((size, index) => connections.post(`${NAMES[index] ?? ""}:9080`, "/", Buffer.alloc(size))));
    expect(bodies.map(({ body }) => body)).toEqual(NAMES.map((name, index) => `${name}  ${sizes[index] ?? 0}`));
  });

  test("has what requests are mirrored to from the start, and every destination of a weighted route when it is chosen", async () => {
    await mesh.apply({ "rules.yaml": rules("a", toward("a", "mirror: { host: c }")) });
    expect((await held(client)).clusters).toEqual(holding("c").clusters);
    expect(await bodyOf("a")).toBe("a  0");
    await expect.poll(() => upstreamOf("c").requests.length).toBe(1);
    const share = (host: string) => `{ destination: { host: ${host} }, weight: 1 }`;
    await mesh.apply({ "rules.yaml": rules("a", `{ route: [${share("a")}, ${share("b")}] }`) });
    const answers = new Set<string>();
    while (answers.size < 2) answers.add(await bodyOf("a"));
    expect([...answers].sort()).toEqual(["a  0", "b  0"]);
  });

  test("connects to services of bytes when someone does", async () => {
    const server = createServer((socket) => socket.on("error", () => socket.destroy()).end("bytes")).listen(0, "127.0.0.1");
    await once(server, "listening");
    await mesh.apply({
      "bytes.yaml": `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: bytes }
spec:
  hosts: [bytes.test]
  addresses: [10.1.0.1]
  ports: [{ number: 7000, name: tcp, protocol: TCP, targetPort: ${(server.address() as AddressInfo).port} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`,
    });
    expect((await held(client)).clusters).toEqual([]);
    expect(await client.redirected("outbound", "10.1.0.1:7000", "x")).toBe("bytes");
    expect((await held(client)).clusters).toEqual(["outbound|7000||bytes.test"]);
    server.close();
  });
});

test("a gateway holds what it uses, and asks services once", async () => {
  const port = await freePort();
  await mesh.apply({
    "gateway.yaml": `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { app: ingress }, servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, bind: 127.0.0.1, hosts: ["*"] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge }
spec: { hosts: [a.test, b.test], gateways: [edge], http: [${toward("a")}] }
`,
  });
  const gateway = await mesh.proxy(ROUTER, { ...ON_DEMAND, LABELS: { app: "ingress" } });
  expect(await held(gateway)).toEqual(holding());
  const answer = await getAt({ port }, "B.test", "/");
  expect(answer.body).toBe("a  0");
  expect(await held(gateway)).toEqual({ routes: [`http.${port}.127.0.0.1|b.test`], clusters: holding("a").clusters });
  const forwarded = upstreamOf("a").requests.flatMap(({ headers }) => headers.filter(([name]) => name === "x-forwarded-for"));
  expect(forwarded.map(([, addresses]) => addresses.split(",").length)).toEqual([1]);
  expect((await getAt({ port }, "unknown.test", "/")).status).toBe(404);
});
