import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { newRequest } from "../../control/identity/index.ts";
import { CertificateClient } from "../../control/identity/testing/certificate-client.ts";
import { TestAuthority } from "../../control/xds/types/testing/authority.ts";
import { meshwright } from "../testing/run.ts";
import { Serving } from "../testing/serving.ts";

// Each starts several processes, which takes seconds where the machine has more to do.
vi.setConfig({ testTimeout: 300_000 });

const CI = "spiffe://cluster.local/ns/operations/sa/ci";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-admin-tls-"));
  await writeFile(
    join(folder, "mesh.yaml"),
    "apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\nspec: {ports: [{name: http, port: 9080}]}\n",
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

/** `HOST:PORT` of which the service listens on all addresses, on this machine. */
const local = (address: string) => `127.0.0.1:${address.split(":").at(-1) ?? ""}`;

test("off loopback: TLS of the mesh's own authority, and roles by certificates of the mesh and of the operators' authority", async () => {
  const operators = await TestAuthority.create("Operators");
  const state = join(folder, "state");
  await using serving = await Serving.start(
    ...["--config", join(folder, "mesh.yaml"), "--state", state, "--admin", "0.0.0.0:0"],
    ...["--admin-client-ca", await file("operators.pem", operators.certificate)],
    ...["--admin-write-identity", CI, "--admin-read-identity", "test"],
  );
  expect(serving.admin).toMatch(/^https:/);
  const admin = [
    "--admin",
    `https://${local(serving.admin)}`,
    "--admin-ca",
    await file("roots.pem", rootsIn(await readFile(join(state, "ca/authority.json"), "utf8"))),
  ];

  // The token of whoever may read the authority's directory brings the first certificate.
  const created = await meshwright([
    "token",
    "create",
    "-n",
    "operations",
    "-s",
    "ci",
    ...admin,
    "--token-file",
    join(state, "ca/admin-token"),
  ]);
  expect(created).toMatchObject({ code: 0 });
  const { key, csr } = await newRequest();
  using client = new CertificateClient(Number(serving.xds.split(":").at(-1)));
  const chain = await client.ask(csr, { bearer: created.output.trim() });
  const ci = ["--client-cert", await file("ci.pem", chain.slice(0, -1).join("")), "--client-key", await file("ci.key", key)];
  expect(await meshwright(["token", "create", "-n", "default", "-s", "reviews", ...admin, ...ci])).toMatchObject({ code: 0 });

  // Its common name is "test".
  const reader = await operators.issue("reader.example.com");
  const test = ["--client-cert", await file("test.pem", reader.certificate), "--client-key", await file("test.key", reader.key)];
  expect(await meshwright(["status", ...admin, ...test])).toMatchObject({ code: 0 });
  expect(await meshwright(["token", "create", "-n", "default", "-s", "reviews", ...admin, ...test])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("wants one with the role write") as string,
  });

  expect(await meshwright(["status", ...admin])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("a bearer token is wanted") as string,
  });
  expect(await meshwright(["certs", "revoke", CI, ...admin, ...ci])).toMatchObject({ code: 0 });
  expect(await meshwright(["status", ...admin, ...ci])).toMatchObject({ code: 1, errors: expect.stringContaining("revoked") as string });

  // Who is asked is looked at, too.
  const stranger = await file("stranger.pem", operators.certificate);
  expect(await meshwright(["status", "--admin", `https://${local(serving.admin)}`, "--admin-ca", stranger])).toMatchObject({ code: 3 });
});

test("a certificate of its own, and the host that it is for", async () => {
  const authority = await TestAuthority.create();
  const own = await authority.issue("localhost");
  const pair = ["--admin-cert", await file("own.pem", own.certificate), "--admin-key", await file("own.key", own.key)];
  await using serving = await Serving.start("--config", join(folder, "mesh.yaml"), ...pair);
  const port = serving.admin.split(":").at(-1) ?? "";
  const roots = ["--admin-ca", await file("authority.pem", authority.certificate)];
  expect(await meshwright(["status", "--admin", `https://localhost:${port}`, ...roots])).toMatchObject({ code: 0 });
  expect(await meshwright(["status", "--admin", `https://127.0.0.1:${port}`, ...roots])).toMatchObject({
    code: 3,
    errors: expect.stringContaining("127.0.0.1") as string,
  });
});

test("off loopback in plain text is refused, with what to do", async () => {
  const token = await file("admin.token", "a-token-of-many-letters");
  const addresses = ["--xds", "127.0.0.1:0", "--admin", "0.0.0.0:0"];
  expect(await meshwright(["serve", "--config", join(folder, "mesh.yaml"), ...addresses, "--token-file", token])).toMatchObject({
    code: 2,
    errors: expect.stringMatching(/off loopback.* wants TLS: give it --admin-cert and --admin-key, or the mesh an authority/) as string,
  });
});

test.each<[readonly string[], RegExp]>([
  [["--client-cert", "x.pem"], /--client-cert and --client-key belong together/],
  [["--admin", "http://127.0.0.1:1", "--admin-ca", "x.pem"], /certificates are shown over TLS/],
  [["--admin", "http://admin.example:15014", "--token-file", "x"], /not sent to admin\.example in plain text/],
  [["--admin", "ftp://127.0.0.1"], /is no URL/],
])("status %j is refused before anything is sent", async (options, errors) => {
  expect(await meshwright(["status", ...options])).toMatchObject({ code: 2, errors: expect.stringMatching(errors) as string });
});

/** PEM: the certificates in the authority's state. */
function rootsIn(state: string): string {
  return Array.from(state.matchAll(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\\n/g), ([pem]) =>
    pem.replaceAll("\\n", "\n"),
  ).join("");
}
