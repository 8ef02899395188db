import { afterAll, beforeAll, expect, test } from "vitest";
import { ControlService } from "../../control/control-service.ts";
import { ExitCode } from "../cli-error.ts";
import { AdminWithAuthority } from "../testing/identity.ts";
import { adminTls } from "./admin-tls.ts";
import type { AdminTlsOptions } from "./admin-tls-options.ts";

const CI = "spiffe://cluster.local/ns/operations/sa/ci";
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

let service: ControlService;
let mesh: AdminWithAuthority;
beforeAll(async () => {
  service = await ControlService.start({ sources: [] });
  mesh = await AdminWithAuthority.start();
});
afterAll(async () => {
  await mesh[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
});

const { Usage, Input } = ExitCode;

test.each<[AdminTlsOptions, boolean, number, RegExp]>([
  [{ adminCert: "x.pem" }, true, Usage, /--admin-cert and --admin-key belong together/],
  [{ adminCert: "none.pem", adminKey: "none.key" }, true, Input, /none\.pem: ENOENT/],
  [{ adminClientCa: "x.pem" }, true, Usage, /nobody has a role/],
  [{ adminReadIdentity: [CI] }, false, Usage, /nobody issues them/],
  [{ adminReadIdentity: ["alice"] }, true, Usage, /alice: is no SPIFFE id/],
  [{ adminWriteIdentity: ["spiffe://Cluster.local/x"] }, true, Usage, /spiffe:\/\/Cluster\.local\/x: /],
  [{ adminClientCa: "none.pem", adminReadIdentity: ["alice"] }, true, Input, /--admin-client-ca none\.pem: ENOENT/],
])("%j is refused (authority: %j), with what to do", async (options, withAuthority, exitCode, message) => {
  const started = adminTls(options, true, withAuthority ? mesh.identity : undefined, service, SILENT);
  await expect(started).rejects.toMatchObject({ exitCode, message: expect.stringMatching(message) as string });
});

test("on loopback there is no TLS of itself, and there is where a certificate is to be shown", async () => {
  using none = await adminTls({}, true, mesh.identity, service, SILENT);
  using named = await adminTls({ adminReadIdentity: [CI] }, true, mesh.identity, service, SILENT);
  using open = await adminTls({}, false, mesh.identity, service, SILENT);
  expect([none, named, open].map(({ certificate, certificates }) => [certificate !== undefined, certificates !== undefined])).toEqual([
    [false, false],
    [true, true],
    [true, false],
  ]);
});
