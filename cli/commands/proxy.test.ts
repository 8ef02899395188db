import { ServerCredentials } from "@grpc/grpc-js";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer as createWeb, request, type Server } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../../control/xds/types/testing/free-port.ts";
import { identityOf } from "../../harness/envoy/chain/certificates.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { type Discovery, oneService, startDiscovery } from "../testing/discovery.ts";
import { isAlive, RunningProxy } from "../testing/running-proxy.ts";
import { meshwright } from "../testing/run.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const ID = "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local";
const PROXY = ["proxy", "--proxy", ID];

let web: Server;
let discovery: Discovery;
let ports: { readonly admin: number; readonly listener: number; readonly status: number; readonly prometheus: number };
const running: RunningProxy[] = [];

/** Answers at once, but `/slow` after a second, and `/slower` after four. */
const DELAYS: Readonly<Record<string, number>> = { "/slow": 1_000, "/slower": 4_000 };
beforeAll(async () => {
  web = createWeb((incoming, response) => void setTimeout(() => response.end("here"), DELAYS[incoming.url ?? ""] ?? 0));
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
});
afterAll(() => void web.close());

beforeEach(async () => {
  const listener = await freePort();
  ports = { admin: await freePort(), listener, status: await freePort(), prometheus: await freePort() };
  discovery = await startDiscovery("127.0.0.1:0", oneService(listener, (web.address() as AddressInfo).port));
});
afterEach(async () => {
  for (const each of running.splice(0)) await each.end("SIGKILL");
  await discovery[Symbol.asyncDispose]();
});

function start(...parameters: string[]): RunningProxy {
  const proxy = new RunningProxy(process.execPath, [MAIN, ...parametersOf(), ...parameters]);
  running.push(proxy);
  return proxy;
}

function parametersOf(): string[] {
  return [
    ...PROXY,
    ...["--control", `127.0.0.1:${discovery.port}`, "--admin", `127.0.0.1:${ports.admin}`],
    ...["--status-port", String(ports.status), "--prometheus-port", String(ports.prometheus), "--concurrency", "1"],
  ];
}

function get(
  port: number,
  path: string,
  method = "GET",
): Promise<{ readonly status: number; readonly body: string; readonly close: boolean }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, agent: false, headers: { connection: "keep-alive" } }, (response) => {
      let body = "";
      response.on("data", (part: Buffer) => (body += part.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, close: response.headers.connection === "close" }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("an Envoy of the mesh", () => {
  test.for([["delta", []] as const, ["the state of the world", ["--state-of-the-world"]] as const])(
    "gets its configuration by %s, and serves",
    async ([way, parameters], context) => {
      await requireTarget(envoyTarget, context);
      const proxy = start(...parameters, "--metadata", '{"LABELS": {"app": "reviews"}}');
      await proxy.line("Envoy serves");
      expect(await get(ports.listener, "/")).toMatchObject({ status: 200, body: "here" });
      expect(discovery.asked[0]).toMatchObject({
        delta: way === "delta",
        id: ID,
        metadata: { NAME: "reviews-v1", LABELS: { app: "reviews" } },
      });
      expect(await proxy.end()).toBe(0);
    },
  );

  test("tells how it is at its own ports, and nothing else there", async (context) => {
    await requireTarget(envoyTarget, context);
    const proxy = start();
    await proxy.line("Envoy serves");
    expect(await get(ports.status, "/healthz/ready")).toMatchObject({ status: 200 });
    const { status, body } = await get(ports.prometheus, "/stats/prometheus?usedonly");
    expect(status).toBe(200);
    expect(body).toContain("envoy_server_live");
    for (const [port, path, method] of [
      [ports.prometheus, "/quitquitquit", "POST"],
      [ports.prometheus, "/stats/prometheus/../../quitquitquit", "GET"],
      [ports.prometheus, "/stats/prometheusx", "GET"],
      [ports.prometheus, "/stats/prometheus", "POST"],
      [ports.status, "/ready", "GET"],
      [ports.status, "/config_dump", "GET"],
    ] as const) {
      expect(await get(port, path, method)).toMatchObject({ status: 404 });
    }
  });

  test("has the modules beside it as files of the digests that it announces", async (context) => {
    await requireTarget(envoyTarget, context);
    const proxy = start();
    await proxy.line("Envoy serves");
    const modules = discovery.asked[0]?.metadata["MESHWRIGHT_MODULES"] as Record<string, { path: string; sha256: string }>;
    expect(modules["mesh"]?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(existsSync(modules["mesh"]?.path ?? "")).toBe(true);
    await proxy.end();
    expect(existsSync(modules["mesh"]?.path ?? "")).toBe(false);
  });

  test("is what MeshConfig and ProxyConfig of the mesh say of it", async (context) => {
    await requireTarget(envoyTarget, context);
    const folder = await mkdtemp(join(tmpdir(), "proxy-settings-"));
    const [admin, status] = [await freePort(), await freePort()];
    await writeFile(
      join(folder, "mesh.yaml"),
      JSON.stringify({
        apiVersion: "v1",
        kind: "MeshConfig",
        metadata: { name: "istio" },
        defaultConfig: {
          concurrency: 3,
          drainDuration: "7s",
          proxyAdminPort: admin,
          statusPort: status,
          fileFlushInterval: "0.5s",
          fileFlushMinSizeKb: 3,
          proxyMetadata: { MESHWRIGHT_TEST: "from the mesh" },
        },
      }),
    );
    const prometheus = ["--prometheus-port", String(ports.prometheus)];
    const parameters = [...PROXY, "-f", folder, "--control", `127.0.0.1:${discovery.port}`, ...prometheus];
    const proxy = new RunningProxy(process.execPath, [MAIN, ...parameters]);
    running.push(proxy);
    const { pid } = await proxy.line("Envoy starts");
    await proxy.line("Envoy serves");
    expect(readFileSync(`/proc/${String(pid)}/environ`, "utf8").split("\0")).toContain("MESHWRIGHT_TEST=from the mesh");
    const info = JSON.parse((await get(admin, "/server_info")).body) as { readonly command_line_options: unknown };
    const expected = { concurrency: 3, drain_time: "7s", file_flush_interval: "0.500s" };
    expect(info.command_line_options).toMatchObject(expected);
    expect(readFileSync(`/proc/${String(pid)}/cmdline`, "utf8").replaceAll("\0", " ")).toContain("--file-flush-min-size-kb 3 ");
    expect((await get(status, "/healthz/ready")).status).toBe(200);
    const zipped = await fetch(`http://127.0.0.1:${ports.prometheus}/stats/prometheus`);
    expect(zipped.headers.get("content-encoding")).toBe("gzip");
    expect(await zipped.text()).toContain("envoy_server_live");
    await rm(folder, { recursive: true });
  });

  test("is what the ProxyConfig says that selects it, before MeshConfig and those of the namespace", async (context) => {
    await requireTarget(envoyTarget, context);
    const folder = await mkdtemp(join(tmpdir(), "proxy-settings-"));
    const defaultConfig = { concurrency: 1, statsCompression: false, proxyMetadata: { MESHWRIGHT_TEST: "mesh", MESHWRIGHT_MESH: "mesh" } };
    const proxyConfig = (name: string, spec: object) => ({
      apiVersion: "networking.istio.io/v1beta1",
      kind: "ProxyConfig",
      metadata: { name },
      spec,
    });
    const objects = [
      { apiVersion: "v1", kind: "MeshConfig", metadata: { name: "istio" }, defaultConfig },
      proxyConfig("all", { environmentVariables: { MESHWRIGHT_TEST: "namespace" } }),
      proxyConfig("own", {
        selector: { matchLabels: { app: "reviews" } },
        concurrency: 3,
        environmentVariables: { MESHWRIGHT_TEST: "own" },
      }),
      proxyConfig("others", {
        selector: { matchLabels: { app: "ratings" } },
        concurrency: 4,
        environmentVariables: { MESHWRIGHT_TEST: "other" },
      }),
    ];
    for (const [index, object] of objects.entries()) await writeFile(join(folder, `${index}.yaml`), JSON.stringify(object));
    const own = ["--admin", `127.0.0.1:${ports.admin}`, "--status-port", "0", "--prometheus-port", String(ports.prometheus)];
    const more = ["--metadata", '{"LABELS": {"app": "reviews"}}', "-f", folder, "--control", `127.0.0.1:${discovery.port}`];
    const proxy = new RunningProxy(process.execPath, [MAIN, ...PROXY, ...own, ...more]);
    running.push(proxy);
    const { pid } = await proxy.line("Envoy starts");
    await proxy.line("Envoy serves");
    const environment = readFileSync(`/proc/${String(pid)}/environ`, "utf8").split("\0");
    expect(environment).toEqual(expect.arrayContaining(["MESHWRIGHT_TEST=own", "MESHWRIGHT_MESH=mesh"]));
    const info = JSON.parse((await get(ports.admin, "/server_info")).body) as { readonly command_line_options: unknown };
    expect(info.command_line_options).toMatchObject({ concurrency: 3 });
    const plain = await fetch(`http://127.0.0.1:${ports.prometheus}/stats/prometheus`);
    expect(plain.headers.get("content-encoding")).toBeNull();
    await plain.text();
    await rm(folder, { recursive: true });
  });

  test("logs one object a line, Envoy's lines among them", async (context) => {
    await requireTarget(envoyTarget, context);
    const proxy = start("--log-level", "info");
    expect(await proxy.line("Envoy serves")).toMatchObject({ level: "info", after: expect.any(Number) as number });
    expect(await proxy.line("starting main dispatch loop")).toMatchObject({ level: "info", scope: "envoy main" });
    await proxy.end();
    for (const line of proxy.lines) expect(line).toMatchObject({ level: expect.any(String) as string, time: expect.any(String) as string });
  });
});

test("access logs reach standard output, also under the name /dev/stdout", async (context) => {
  await requireTarget(envoyTarget, context);
  const proxy = start();
  await proxy.line("Envoy serves");
  await get(ports.listener, "/logged");
  await proxy.end();
  expect(proxy.output).toContain('"GET /logged HTTP/1.1" 200');
});

describe("over TLS", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "meshwright-proxy-tls-"));
    const { certificate, key, authority } = identityOf("spiffe://cluster.local/ns/default/sa/default");
    await Promise.all([
      writeFile(join(folder, "ca.pem"), authority),
      writeFile(join(folder, "own.pem"), certificate),
      writeFile(join(folder, "own.key"), key),
    ]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Asks its clients for a certificate, and has one for `control.example`. */
  async function secured(): Promise<Discovery> {
    const { certificate, key, authority } = identityOf("control.example");
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) };
    const credentials = ServerCredentials.createSsl(Buffer.from(authority), [pair], true);
    await discovery[Symbol.asyncDispose]();
    return startDiscovery("127.0.0.1:0", oneService(ports.listener, (web.address() as AddressInfo).port), credentials);
  }
  const identified = (name: string) => [
    ...["--control-ca", join(folder, "ca.pem"), "--control-cert", join(folder, "own.pem"), "--control-key", join(folder, "own.key")],
    ...["--control-name", name],
  ];

  test("each knows who the other is", async (context) => {
    await requireTarget(envoyTarget, context);
    discovery = await secured();
    const proxy = start(...identified("control.example"));
    await proxy.line("Envoy serves");
    expect(await get(ports.listener, "/")).toMatchObject({ status: 200 });
  });

  test("a control service of another name is none", async (context) => {
    await requireTarget(envoyTarget, context);
    discovery = await secured();
    const proxy = start(...identified("other.example"));
    expect(await proxy.line("the control service is not reached")).toMatchObject({ control: `127.0.0.1:${discovery.port}` });
    expect(proxy.lines.map(({ message }) => message).join("\n")).toContain("CERTIFICATE_VERIFY_FAILED");
    expect(discovery.asked).toEqual([]);
  });
});

test("serves while the control service is away, and comes back to it within seconds", async (context) => {
  await requireTarget(envoyTarget, context);
  const proxy = start();
  await proxy.line("Envoy serves");
  const { port } = discovery;
  await discovery[Symbol.asyncDispose]();
  await sleep(3000);
  expect(await get(ports.listener, "/")).toMatchObject({ status: 200 });
  expect(await get(ports.status, "/healthz/ready")).toMatchObject({ status: 200 });
  discovery = await startDiscovery(`127.0.0.1:${port}`, oneService(ports.listener, (web.address() as AddressInfo).port));
  // Envoy's own limit would be 30 s.
  await expect.poll(() => discovery.asked, { timeout: 8000 }).toMatchObject([{ delta: true, id: ID }]);
});

test("--stats chooses what is counted, by the names of clusters", async (context) => {
  await requireTarget(envoyTarget, context);
  const metrics = async (...parameters: string[]) => {
    const proxy = start(...parameters);
    await proxy.line("Envoy serves");
    await get(ports.listener, "/");
    const { body } = await get(ports.prometheus, "/stats/prometheus");
    await proxy.end();
    return body;
  };
  const requests = 'envoy_cluster_upstream_rq_total{cluster_name="upstream"} 1';
  expect(await metrics("--stats", "all")).toContain(requests);
  const few = await metrics();
  expect(few).not.toContain(requests);
  expect(few).toContain('envoy_cluster_upstream_cx_total{cluster_name="xds-grpc"} 1');
  expect(few).toContain("envoy_control_plane_connected_state{} 1");
});

describe("SIGTERM", () => {
  test("lets a request that is under way end, asks its client to leave, and takes no new ones after", async (context) => {
    await requireTarget(envoyTarget, context);
    const proxy = start("--drain-time", "10s");
    await proxy.line("Envoy serves");
    const slow = get(ports.listener, "/slow");
    await sleep(300);
    proxy.signal("SIGTERM");
    await proxy.line("draining");
    await expect.poll(() => get(ports.status, "/healthz/ready").then(({ status }) => status)).toBe(503);
    expect(await slow).toEqual({ status: 200, body: "here", close: true });
    const started = performance.now();
    expect(await proxy.end()).toBe(0);
    // It waits for clients, not for the time.
    expect(performance.now() - started).toBeLessThan(8000);
    await expect(get(ports.listener, "/")).rejects.toThrow("ECONNREFUSED");
  });

  test("waits no longer than it was told, and a second one not at all", async (context) => {
    await requireTarget(envoyTarget, context);
    for (const second of [false, true]) {
      const proxy = start("--drain-time", second ? "30s" : "500ms");
      await proxy.line("Envoy serves");
      const idle = request({ host: "127.0.0.1", port: ports.listener, path: "/slow", agent: false });
      idle.on("error", () => undefined);
      idle.end();
      await sleep(200);
      const started = performance.now();
      proxy.signal("SIGTERM");
      await proxy.line("draining");
      if (second) proxy.signal("SIGTERM");
      await proxy.end();
      expect(performance.now() - started).toBeLessThan(10_000);
      idle.destroy();
    }
  });
});

test("terminationDrainDuration of the mesh is how long SIGTERM waits for a request", async (context) => {
  await requireTarget(envoyTarget, context);
  const folder = await mkdtemp(join(tmpdir(), "proxy-settings-"));
  // Without it 5 seconds; the request takes four.
  const mesh = { apiVersion: "v1", kind: "MeshConfig", metadata: { name: "istio" }, defaultConfig: { terminationDrainDuration: "0.001s" } };
  await writeFile(join(folder, "mesh.yaml"), JSON.stringify(mesh));
  const proxy = start("-f", folder);
  await proxy.line("Envoy serves");
  const answer = get(ports.listener, "/slower").then(
    () => "answered",
    () => "cut off",
  );
  await sleep(200);
  await proxy.end();
  expect(await answer).toBe("cut off");
  await rm(folder, { recursive: true });
});

describe("an Envoy that ends", () => {
  test("by a crash is started again", async (context) => {
    await requireTarget(envoyTarget, context);
    const proxy = start();
    const { pid } = await proxy.line("Envoy starts");
    await proxy.line("Envoy serves");
    process.kill(Number(pid), "SIGSEGV");
    expect(await proxy.line("it is started again")).toMatchObject({
      level: "error",
      exit: "SIGSEGV",
      restartIn: expect.any(Number) as number,
    });
    expect((await proxy.line("Envoy starts", 2))["pid"]).not.toBe(pid);
    await proxy.line("Envoy serves", 2);
    expect(await get(ports.listener, "/")).toMatchObject({ status: 200 });
    expect(await proxy.end()).toBe(0);
  });

  test("because it was told to through its admin interface ends the proxy", async (context) => {
    await requireTarget(envoyTarget, context);
    const proxy = start();
    await proxy.line("Envoy serves");
    await get(ports.admin, "/quitquitquit", "POST");
    expect(await proxy.end("SIGWINCH")).toBe(0);
  });

  // Of its admin interface, before that listens; of others, afterwards.
  test.for([
    ["admin", "--admin 127.0.0.1:"] as const,
    ["status", "--status-port "] as const,
    ["prometheus", "--prometheus-port "] as const,
  ])("before it served, as its port is taken, ends the proxy: %s", async ([which, option], context) => {
    await requireTarget(envoyTarget, context);
    const taken = createServer().listen(ports[which], "127.0.0.1");
    await once(taken, "listening");
    const proxy = start();
    await proxy.line("another program listens there");
    expect(await proxy.end("SIGWINCH")).toBe(3);
    const said = proxy.lines.map(({ message }) => message).join("\n");
    expect(said).toContain("Address already in use");
    expect(said).toContain(`${option}${ports[which]}: another program listens there; end it, or choose another`);
    taken.close();
  });

  test("before it served, for another reason, ends the proxy with exit code 1 and Envoy's own words", async (context) => {
    await requireTarget(envoyTarget, context);
    const proxy = start("--", "--service-zone");
    await proxy.line("the reason stands above");
    expect(await proxy.end("SIGWINCH")).toBe(1);
    expect(proxy.lines.map(({ message }) => message).join("\n")).toContain("--service-zone");
  });
});

test("killed, it leaves neither Envoy nor files behind", async (context) => {
  await requireTarget(envoyTarget, context);
  const proxy = start();
  const { pid } = await proxy.line("Envoy starts");
  await proxy.line("Envoy serves");
  const [folder] = readFileSync(`/proc/${String(pid)}/cmdline`, "utf8").match(/\/[^\0]*meshwright-proxy-[^/]+/) ?? [];
  expect(existsSync(folder ?? "")).toBe(true);
  await proxy.end("SIGKILL");
  await expect.poll(() => isAlive(pid)).toBe(false);
  await expect.poll(() => existsSync(folder ?? "")).toBe(false);
  await expect(get(ports.listener, "/")).rejects.toThrow("ECONNREFUSED");
});

describe("--dry-run", () => {
  const DRY = [...PROXY, "--control", "127.0.0.1:15010", "--dry-run"];

  test("prints the bootstrap and the rules, and starts nothing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "proxy-dry-run-"));
    const { code, output, errors } = await meshwright([...DRY, "--capture", "--exclude-outbound-ports", "5432"], {
      env: { TMPDIR: folder },
    });
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).toContain(`id: ${ID}`);
    expect(output).toContain("tcp dport 5432 return");
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test("shows what Istio's annotations say, and options over them", async () => {
    const ANNOTATIONS = { "traffic.sidecar.istio.io/excludeOutboundPorts": "5432", "traffic.sidecar.istio.io/includeInboundPorts": "80" };
    const metadata = ["--metadata", JSON.stringify({ ANNOTATIONS })];
    const { output } = await meshwright([...DRY, "--capture", ...metadata, "--include-inbound-ports", "81", "--capture-tool", "iptables"]);
    expect(output).toContain("-A MESHWRIGHT_OUTPUT -p tcp --dport 5432 -j RETURN");
    expect(output).toContain("-A MESHWRIGHT_INBOUND -p tcp --dport 81 -j REDIRECT --to-ports 15006");
    expect(output).not.toContain("--dport 80 ");
  });
});

describe("what cannot be run", () => {
  const CONTROL = ["--control", "127.0.0.1:15010"];
  test.each<[readonly string[], number, string]>([
    [["proxy", ...CONTROL], 2, "required option '--proxy <node-id>' not specified"],
    [PROXY, 2, "required option '--control <host:port>' not specified"],
    [["proxy", "--proxy", "reviews", ...CONTROL], 1, "is none of Istio's"],
    [[...PROXY, ...CONTROL, "--exclude-outbound-ports", "80"], 2, "--exclude-outbound-ports says what to capture, and needs --capture"],
    [[...PROXY, ...CONTROL, "--capture", "--exclude-outbound-ports", "http"], 1, "excludeOutboundPorts: http is no port"],
    [[...PROXY, ...CONTROL, "--capture", "--capture-user", "no-such-user"], 2, "no user of that name"],
    [[...PROXY, ...CONTROL, "--capture", "--capture-user", "1337"], 1, "cannot be told apart"],
    [[...PROXY, ...CONTROL, "--capture", "--ip-families", "ipv5"], 2, "expected ipv4, ipv6"],
    [[...PROXY, ...CONTROL, "--capture", "--metadata", '{"INTERCEPTION_MODE": "NONE"}'], 1, "INTERCEPTION_MODE is NONE"],
    [["proxy", "--proxy", "router~10.0.0.1~a.b~c", ...CONTROL, "--capture"], 1, "--capture is for sidecars"],
    [[...PROXY, ...CONTROL, "--drain-time", "soon"], 2, "expected a time, such as 5s"],
    [[...PROXY, ...CONTROL, "--module", "none.wasm"], 1, "none.wasm: cannot read the module: there is no such file"],
  ])("%j: exit code %i, %s", async (parameters, code, text) => {
    const ended = await meshwright(parameters);
    expect(ended.errors).toContain(text);
    expect(ended.code).toBe(code);
  });

  test("no Envoy: exit code 3", async () => {
    const ended = await meshwright([...PROXY, ...CONTROL], { env: { ENVOY_BIN: "/nowhere/envoy" } });
    expect(ended.errors).toContain("ENVOY_BIN");
    expect(ended.code).toBe(3);
  });
});
