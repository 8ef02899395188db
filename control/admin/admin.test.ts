import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchange } from "../../cli/control/exchange.ts";
import { ControlService } from "../control-service.ts";
import type { MeshIdentity } from "../identity/index.ts";
import { openIdentity } from "../open-identity.ts";
import { selfSigned, unchanging } from "../xds/transport/testing/certificate.ts";
import { MemorySource } from "../sources/memory/index.ts";
import { AdminListener } from "./index.ts";

const MESH = `
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: default}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-v1, namespace: default, labels: {app: reviews}}
spec: {serviceAccountName: reviews, containers: [{name: app, image: reviews}]}
status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Secret
metadata: {name: shop, namespace: default}
type: Opaque
data: {secret: ${Buffer.from("the secret").toString("base64")}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside}
spec: {hosts: [outside.example.com], port: 80}
`;

let service: ControlService;
let source: MemorySource;
let admin: AdminListener;
let closed: AdminListener;
let identity: MeshIdentity;
let folder: string;

beforeAll(async () => {
  source = new MemorySource({ "mesh.yaml": MESH });
  service = await ControlService.start({ sources: [source] });
  folder = await mkdtemp(join(tmpdir(), "meshwright-admin-"));
  identity = await openIdentity({ directory: folder, trustDomains: () => service.mesh.settings, metrics: service.metrics.certificates });
  admin = await AdminListener.start(service, { port: 0, identity });
  closed = await AdminListener.start(service, { port: 0, tokens: ["a-token-of-many-letters"] });
});

afterAll(async () => {
  await admin[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  identity[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

const ask = (path: string, init?: RequestInit, listener = admin) => fetch(`http://127.0.0.1:${listener.port}${path}`, init);
const json = async (path: string, init?: RequestInit): Promise<unknown> => (await ask(path, init)).json();

test("says that it lives and is ready, to everyone", async () => {
  for (const path of ["/healthz/ready", "/healthz/live"]) expect((await ask(path, {}, closed)).status).toBe(200);
});

test("shows objects as istiod does, but no secret", async () => {
  const objects = (await json("/debug/configz")) as readonly { readonly kind: string }[];
  expect(objects.map(({ kind }) => kind).sort()).toEqual(["Pod", "Service"]);
  expect(JSON.stringify(objects)).not.toContain(Buffer.from("the secret").toString("base64"));
});

test("shows the endpoints of every port", async () => {
  expect(await json("/debug/endpointz")).toMatchObject([
    { svc: "reviews.default.svc.cluster.local:http", ep: [{ address: "10.0.0.1", port: 9080, serviceAccount: "reviews" }] },
  ]);
});

test("shows no proxy where none is connected", async () => {
  expect(await json("/debug/syncz")).toEqual([]);
  expect(await json("/debug/adsz")).toEqual({ totalClients: 0, clients: [] });
  expect(await json("/api/v1/status")).toEqual({
    proxies: [],
    admission: { mode: "warn", refused: [] },
    health: { on: false, out: [] },
  });
});

test("tells what is wrong with the objects, and where", async () => {
  const { problems } = (await json("/api/v1/problems")) as { readonly problems: readonly { readonly level: string }[] };
  expect(problems.filter(({ level }) => level === "error")).toContainEqual(
    expect.objectContaining({ file: "mesh.yaml", line: 22, path: "spec.port", message: 'unknown field "port"; did you mean ports?' }),
  );
});

test("waits for nobody, and says which objects are wrong", async () => {
  const result = await json("/api/v1/wait?timeout=1s", { method: "POST" });
  expect(result).toMatchObject({ converged: true, waiting: [], refused: [] });
  expect((result as { readonly errors: readonly string[] }).errors[0]).toContain("mesh.yaml:22:");
});

test("has metrics that Prometheus reads, by istiod's names where the meaning is the same", async () => {
  const answer = await ask("/metrics");
  expect(answer.headers.get("content-type")).toContain("text/plain");
  const text = await answer.text();
  expect(text).toMatch(/^pilot_services 1$/m);
  expect(text).toMatch(/^meshwright_objects\{kind="Pod"\} 1$/m);
  expect(text).toMatch(/^meshwright_problems\{level="error"\} [1-9]/m);
});

test("describes every path of the API that it has", async () => {
  const { paths } = (await json("/api/v1/openapi.json")) as { readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) {
      const answer = await ask(path.replace("{id}", "nobody").replace("{kind}/{namespace}/{name}", "Service/default/reviews"), {
        method: method.toUpperCase(),
      });
      expect([path, answer.status === 404 ? await answer.text() : "there"]).toEqual([
        path,
        path.includes("/proxies/{id}") ? expect.stringContaining("not connected") : "there",
      ]);
    }
  }
});

test.each([
  ["/nowhere", 404, "/nowhere"],
  ["/api/v1/proxies/nobody/config", 404, "nobody is not connected"],
  ["/api/v1/proxies/nobody/config?type=thing", 400, "listener"],
])("answers %s with %i and says why", async (path, status, reason) => {
  const answer = await ask(path);
  expect(answer.status).toBe(status);
  expect(((await answer.json()) as { readonly error: string }).error).toContain(reason);
});

test.each([
  ["127.0.0.1:15014", 200],
  ["localhost", 200],
  ["[::1]:15014", 200],
  ["evil.example:15014", 401],
  ["localhost.evil.example", 401],
])("a browser that was told %s is here: %i", async (host, status) => {
  const url = new URL(`http://127.0.0.1:${admin.port}/api/v1/status`);
  const request = { method: "GET", headers: { host }, timeout: 10_000, tls: {} };
  expect((await exchange(url, request, undefined)).status).toBe(status);
});

test("takes no timeout that is none", async () => {
  for (const timeout of ["soon", "-1s", "1000h"])
    expect((await ask(`/api/v1/wait?timeout=${timeout}`, { method: "POST" })).status).toBe(400);
});

describe("with a token", () => {
  test.each([[undefined], ["Bearer wrong"], ["Basic YTpi"], ["Bearer "], ["a-token-of-many-letters"]])(
    "refuses %s",
    async (authorization) => {
      const answer = await ask("/api/v1/status", authorization === undefined ? {} : { headers: { authorization } }, closed);
      expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    },
  );

  test("opens to who has it", async () => {
    expect((await ask("/api/v1/status", { headers: { authorization: "Bearer a-token-of-many-letters" } }, closed)).status).toBe(200);
  });

  test("does not listen for strangers without one, nor in plain text", async () => {
    const certificate = unchanging(selfSigned());
    await expect(AdminListener.start(service, { host: "0.0.0.0", port: 0, certificate })).rejects.toThrow("--token-file");
    await expect(AdminListener.start(service, { host: "0.0.0.0", port: 0, tokens: ["a-token-of-many-letters"] })).rejects.toThrow(
      "--admin-cert",
    );
  });
});
