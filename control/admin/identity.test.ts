import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ControlService } from "../control-service.ts";
import type { ControlLog } from "../log.ts";
import { type MeshIdentity, newRequest } from "../identity/index.ts";
import { openIdentity } from "../open-identity.ts";
import { AdminListener } from "./index.ts";

const WRITE = "a-token-that-may-write";
const READ = "a-token-that-may-read";
const NEW = { namespace: "default", serviceAccount: "reviews" };

let folder: string;
let service: ControlService;
let identity: MeshIdentity;
let admin: AdminListener;
let without: AdminListener;
const lines: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-admin-"));
  service = await ControlService.start({ sources: [] });
  const write = (level: string) => (fields: object, message: string) => void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const log: ControlLog = { info: write("info"), warn: write("warn"), error: write("error") };
  identity = await openIdentity({
    directory: folder,
    trustDomains: () => service.mesh.settings,
    metrics: service.metrics.certificates,
    log,
  });
  admin = await AdminListener.start(service, { port: 0, tokens: [WRITE], readTokens: [READ], openReads: true, identity });
  without = await AdminListener.start(service, { port: 0, tokens: [WRITE] });
});
afterAll(async () => {
  await admin[Symbol.asyncDispose]();
  await without[Symbol.asyncDispose]();
  identity[Symbol.dispose]();
  await service[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function ask(
  method: string,
  path: string,
  { token, body, of = admin }: { readonly token?: string; readonly body?: unknown; readonly of?: AdminListener } = {},
) {
  const answer = await fetch(`http://127.0.0.1:${of.port}/api/v1/${path}`, {
    method,
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), "content-type": "application/json" },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, unknown>> };
}

test("a token is made, listed and revoked, and its secret is shown once", async () => {
  const made = await ask("POST", "tokens", { token: WRITE, body: { ...NEW, uses: 2, lifetime: "10m" } });
  expect(made).toMatchObject({ status: 201, body: { ...NEW, uses: 2, used: 0, state: "active", token: expect.stringMatching(/^mwj_/) } });
  const { token: _, ...shown } = made.body;
  expect((await ask("GET", "tokens")).body).toEqual({ tokens: [shown] });
  const id = String(made.body["id"]);
  expect(await ask("DELETE", `tokens/${id}`, { token: WRITE })).toEqual({ status: 200, body: { id, state: "revoked" } });
  expect(await ask("DELETE", "tokens/none", { token: WRITE })).toMatchObject({ status: 404 });
});

describe("what changes something wants the role write, on loopback too", () => {
  const changes = [
    ["POST", "tokens", NEW],
    ["DELETE", "tokens/x", undefined],
    ["POST", "authority/rotation", { step: "prepare" }],
  ] as const;
  test.each(changes)("%s %s", async (method, path, body) => {
    const { rotation } = identity.embedded ?? {};
    expect((await ask(method, path, { body })).status).toBe(401);
    expect((await ask(method, path, { body, token: "wrong" })).status).toBe(401);
    expect((await ask(method, path, { body, token: READ })).status).toBe(403);
    expect(identity.embedded?.rotation).toEqual(rotation);
  });

  test("reading is open, and a wrong token is wrong there, too", async () => {
    expect((await ask("GET", "authority")).status).toBe(200);
    expect((await ask("GET", "authority", { token: READ })).status).toBe(200);
    expect((await ask("GET", "authority", { token: "wrong" })).status).toBe(401);
  });
});

test.each<[unknown, string]>([
  ["nothing", "JSON object"],
  [[], "JSON object"],
  [{}, '"namespace"'],
  [{ ...NEW, uses: "1" }, '"namespace"'],
  [{ ...NEW, lifetime: "long" }, '"lifetime"'],
  [{ ...NEW, namespace: "a b" }, "namespace"],
])("no token is made of %j", async (body, reason) => {
  expect(await ask("POST", "tokens", { token: WRITE, body })).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining(reason) },
  });
});

test("a body that is too large is not read", async () => {
  expect((await ask("POST", "tokens", { token: WRITE, body: { ...NEW, more: "x".repeat(100_000) } })).status).toBe(413);
});

test("the root goes through its rotation; a step out of turn is refused", async () => {
  const rotate = (body: object) => ask("POST", "authority/rotation", { token: WRITE, body });
  expect(await rotate({ step: "retire" })).toMatchObject({ status: 409 });
  expect(await rotate({ step: "prepare" })).toMatchObject({ status: 200, body: { phase: "prepared" } });
  expect((await ask("GET", "authority")).body).toMatchObject({
    kind: "embedded",
    phase: "prepared",
    roots: [{ use: "signing" }, { use: "prepared" }],
  });
  expect(await rotate({ step: "switch" })).toMatchObject({ status: 200, body: { phase: "switched" } });
  expect(await rotate({ step: "retire", force: true })).toMatchObject({ status: 200, body: { phase: "stable" } });
});

test("an identity is revoked and restored", async () => {
  const subject = "spiffe://cluster.local/ns/default/sa/reviews";
  expect(await ask("POST", "revocations", { body: { subject } })).toMatchObject({ status: 401 });
  expect(await ask("POST", "revocations", { token: WRITE, body: { subject: "nobody" } })).toMatchObject({ status: 400 });
  expect(await ask("POST", "revocations", { token: WRITE, body: { subject } })).toMatchObject({ status: 201, body: { subject } });
  expect((await ask("GET", "revocations")).body).toMatchObject({ revocations: [{ subject }] });
  expect(await ask("POST", "revocations/restore", { token: WRITE, body: { subject } })).toMatchObject({ status: 200 });
  expect(await ask("POST", "revocations/restore", { token: WRITE, body: { subject } })).toMatchObject({ status: 400 });
});

test("without an authority there is nothing to ask for, and how to have one is said", async () => {
  for (const [method, path] of [
    ["GET", "authority"],
    ["GET", "tokens"],
    ["POST", "tokens"],
  ] as const)
    expect(await ask(method, path, { token: WRITE, of: without, ...(method === "POST" && { body: NEW }) })).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining("--ca DIR") },
    });
});

test("certificates and refusals are in the log and in the metrics, without secrets", async () => {
  const { token } = identity.tokens.create(NEW);
  const { csr } = await newRequest();
  const from = { csr, lifetime: 0, chain: [], source: "10.0.0.1:4711" };
  await identity.certificates.create({ ...from, authorization: [`Bearer ${token}`] });
  lines.length = 0;
  await identity.certificates.create({ ...from, authorization: [`Bearer ${token}`] });
  expect(lines).toEqual([
    expect.stringMatching(
      /^info certificate issued .*"serviceAccount":"reviews","method":"join-token","evidence":"token [0-9a-f]{16}","serialNumber":"[0-9a-f]+"/,
    ),
  ]);
  for (let i = 0; i < 50; i++) await identity.certificates.create({ ...from, authorization: [`Bearer ${token}x`] }).catch(() => undefined);
  const refusals = lines.filter((line) => line.startsWith("warn certificate refused"));
  expect(refusals[0]).toMatch(/"code":"token-unknown","method":"join-token","source":"10\.0\.0\.1:4711"/);
  expect(refusals.length, "not a line for each").toBeLessThanOrEqual(42);
  expect(lines.join("\n")).not.toContain(token.slice(-43));
  const metrics = await service.metrics.scrape();
  expect(metrics).toMatch(/^citadel_server_success_cert_issuance_count\{method="join-token"\} 2$/m);
  expect(metrics).toMatch(/^citadel_server_authentication_failure_count 50$/m);
  expect(metrics).toMatch(/^meshwright_certificate_refusals_total\{reason="token-unknown",method="join-token"\} 50$/m);
  expect(metrics).toMatch(/^citadel_server_root_cert_expiry_timestamp \d{10}$/m);
});
