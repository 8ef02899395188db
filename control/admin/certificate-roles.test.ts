import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchange, type TlsOptions } from "../../cli/control/exchange.ts";
import { ControlService } from "../control-service.ts";
import { IdentityError } from "../identity/index.ts";
import { selfSigned, unchanging } from "../xds/transport/testing/certificate.ts";
import { CertificateRoles } from "./certificate-roles.ts";
import { AdminListener } from "./index.ts";

const TOKEN = "a-token-that-may-write";
const OWN = selfSigned("IP:127.0.0.1");
const [WRITER, READER, NOBODY, REVOKED, STRANGER] = [selfSigned(), selfSigned(), selfSigned(), selfSigned(), selfSigned()];
const NAMES = new Map([
  [WRITER, "writer"],
  [READER, "reader"],
  [NOBODY, "nobody"],
  [REVOKED, "revoked"],
]);

let service: ControlService;
let admin: AdminListener;

/** Certificates stand for the names above. */
async function namesOf([leaf]: readonly Uint8Array[]): Promise<readonly string[]> {
  const shown = Buffer.from(leaf ?? []).toString("base64");
  const [, name] = [...NAMES].find(([pair]) => pair.certificate.replaceAll(/-----.*|\s/g, "") === shown) ?? [];
  if (name === undefined) throw new IdentityError("certificate-untrusted", "no trusted root has signed it");
  if (name === "revoked") throw new IdentityError("revoked", "it is revoked");
  return [name];
}

beforeAll(async () => {
  service = await ControlService.start({ sources: [] });
  const certificates = new CertificateRoles({ namesOf, write: ["writer"], read: ["reader"] });
  admin = await AdminListener.start(service, { host: "0.0.0.0", port: 0, certificate: unchanging(OWN), certificates, tokens: [TOKEN] });
});
afterAll(async () => {
  await admin[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
});

async function ask(
  path: string,
  as?: typeof OWN,
  { token, method = "GET", ...tls }: TlsOptions & { readonly token?: string; readonly method?: string } = {},
) {
  const url = new URL(`https://127.0.0.1:${admin.port}${path}`);
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const shown = { ca: OWN.certificate, ...(as !== undefined && { cert: as.certificate, key: as.key }), ...tls };
  const { status, text } = await exchange(url, { method, headers, timeout: 10_000, tls: shown }, undefined);
  return { status, text };
}

describe("a certificate opens", () => {
  test.each<[string, typeof OWN | undefined, number, number]>([
    // There is no authority here: who may change something is told so, by 404.
    ["everything to a name with the role write", WRITER, 200, 404],
    ["what changes nothing to a name with the role read", READER, 200, 403],
    ["nothing to a name without a role", NOBODY, 403, 403],
    ["nothing to a name that is revoked", REVOKED, 403, 403],
    ["nothing where nobody has signed it", STRANGER, 401, 401],
    ["nothing where there is none", undefined, 401, 401],
  ])("%s", async (_, as, reading, writing) => {
    expect((await ask("/api/v1/status", as)).status).toBe(reading);
    expect((await ask("/api/v1/tokens", as, { method: "POST" })).status).toBe(writing);
    expect((await ask("/healthz/ready", as)).status).toBe(200);
  });

  test("what the token says, where there is one", async () => {
    expect((await ask("/api/v1/status", STRANGER, { token: TOKEN })).status).toBe(200);
    expect((await ask("/api/v1/tokens", READER, { method: "POST", token: TOKEN })).status).toBe(404);
    expect((await ask("/api/v1/status", WRITER, { token: "wrong" })).status).toBe(401);
  });
});

test("who is refused is told why, and what to do", async () => {
  expect((await ask("/api/v1/status", NOBODY)).text).toContain(
    "nobody has no role here: the service gives one with --admin-write-identity",
  );
  expect((await ask("/api/v1/status", STRANGER)).text).toContain("no trusted root has signed it");
});

test("a certificate is looked at anew at each request", async () => {
  NAMES.set(WRITER, "revoked");
  try {
    expect((await ask("/api/v1/status", WRITER)).status).toBe(403);
  } finally {
    NAMES.set(WRITER, "writer");
  }
});

test("what is no TLS, and one who never begins, leaves others alone", async () => {
  const plain = connect(admin.port, "127.0.0.1").on("error", () => undefined);
  plain.end("GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
  const answered = plain.resume().on("data", (bytes: Buffer) => expect(bytes.toString()).not.toContain("HTTP/1.1 200"));
  const silent = connect(admin.port, "127.0.0.1");
  await once(answered, "close");
  expect((await ask("/api/v1/status", READER)).status).toBe(200);
  silent.destroy();
});

test.each<[string, (port: number) => Socket]>([
  ["says nothing", (port) => connect(port, "127.0.0.1")],
  ["begins TLS and says no more", (port) => writing(connect(port, "127.0.0.1"), Buffer.from("160301020001", "hex"))],
  [
    "sends the head of a request letter by letter",
    (port) => {
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
      writing(socket, Buffer.from("GET / HTTP/1.1\r\n"));
      const timer = setInterval(() => socket.write("x"), 50);
      socket.once("close", () => clearInterval(timer));
      return socket;
    },
  ],
])("a client that %s is cut off, and others are served", async (_, dial) => {
  await using patient = await AdminListener.start(service, { port: 0, certificate: unchanging(OWN), patience: 300 });
  const socket = dial(patient.port);
  socket.on("error", () => undefined).resume();
  await once(socket, "close");
  const url = new URL(`https://127.0.0.1:${patient.port}/healthz/live`);
  expect((await exchange(url, { method: "GET", headers: {}, timeout: 10_000, tls: { ca: OWN.certificate } }, undefined)).status).toBe(200);
});

function writing<S extends Socket>(socket: S, bytes: Buffer): S {
  socket.write(bytes);
  return socket;
}

test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused", async (version) => {
  const old = { minVersion: version, maxVersion: version, ciphers: "DEFAULT:@SECLEVEL=0" };
  const socket = connectTls({ port: admin.port, host: "127.0.0.1", rejectUnauthorized: false, ...old });
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toMatch(/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
});

test("a certificate that is replaced is shown from then on", async () => {
  let pair = OWN;
  let tell = () => undefined as void;
  const certificate = {
    current: () => pair,
    onChange: (listener: () => void) => {
      tell = listener;
      return () => undefined;
    },
  };
  await using other = await AdminListener.start(service, { port: 0, certificate });
  const health = (ca: string) =>
    exchange(
      new URL(`https://127.0.0.1:${other.port}/healthz/live`),
      { method: "GET", headers: {}, timeout: 10_000, tls: { ca } },
      undefined,
    );
  expect((await health(OWN.certificate)).status).toBe(200);
  pair = selfSigned("IP:127.0.0.1");
  tell();
  expect((await health(pair.certificate)).status).toBe(200);
  await expect(health(OWN.certificate)).rejects.toThrow("self-signed");
});
