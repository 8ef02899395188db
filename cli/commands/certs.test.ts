import { once } from "node:events";
import { createServer } from "node:http";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Authority, EmbeddedSigner, newRequest } from "../../control/identity/index.ts";
import { AdminWithAuthority } from "../testing/identity.ts";
import { meshwright } from "../testing/run.ts";

const REVIEWS = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };
const URI = "spiffe://cluster.local/ns/default/sa/reviews";
let admin: AdminWithAuthority;
let tokenFile: string;

beforeAll(async () => {
  admin = await AdminWithAuthority.start();
  tokenFile = join(admin.folder, "token");
  await writeFile(tokenFile, admin.token);
});
afterAll(() => admin[Symbol.asyncDispose]());

const chainOf = async (authority = admin.identity.authority, lifetime = 0) =>
  (await authority.sign((await newRequest()).csr, REVIEWS, lifetime)).chain;

async function file(name: string, content: string): Promise<string> {
  const path = join(admin.folder, name);
  await writeFile(path, content);
  return path;
}

test("the authority and its roots", async () => {
  const { code, output } = await meshwright(["certs", "--admin", admin.url]);
  expect(code).toBe(0);
  expect(output).toMatch(
    /^FROM .*EXPIRES\nauthority +signing +O=cluster\.local, CN=Meshwright root [0-9a-f]{8} +P-256 +[0-9a-f]{12} +in 36\d\dd\n$/,
  );
  expect(await meshwright(["certs", "--pem", "--admin", admin.url])).toEqual({
    code: 0,
    output: admin.identity.authority.roots(),
    errors: "",
  });
});

test("a chain in a file, checked against the authority's roots, and against others", async () => {
  const path = await file("chain.pem", await chainOf());
  const good = await meshwright(["certs", path, "--admin", admin.url, "--output", "json"]);
  expect(good.code).toBe(0);
  expect(JSON.parse(good.output)).toMatchObject({
    good: true,
    certificates: [{ use: "leaf", identity: URI, names: [`URI:${URI}`], key: "P-256", problems: [] }],
  });
  const other = await EmbeddedSigner.open(join(admin.folder, "other"), { name: "other" });
  const roots = await file("other.pem", other.roots().join(""));
  const bad = await meshwright(["certs", path, "--roots", roots]);
  expect(bad).toMatchObject({
    code: 1,
    output: expect.stringMatching(/chain\.pem, certificate 0: untrusted: no trusted root has signed it/),
  });
});

test("a certificate that has expired", async () => {
  let now = Date.now() - 7_200_000;
  const signer = await EmbeddedSigner.open(join(admin.folder, "past"), { name: "past", clock: () => now });
  const path = await file("expired.pem", await chainOf(new Authority({ signer, clock: () => now }), 3_600_000));
  now = Date.now();
  const roots = await file("past.pem", signer.roots().join(""));
  expect(await meshwright(["certs", path, "--roots", roots])).toMatchObject({
    code: 1,
    output: expect.stringMatching(/ +60m ago\n[^]*certificate 0: expired: it expired at/),
  });
});

test.each<[string, string, number, RegExp]>([
  ["no certificate", "nothing", 1, /wrong\.pem: there is no certificate/],
  ["a broken certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 1, /wrong\.pem: no certificate can be read/],
])("a file with %s", async (_, content, code, errors) => {
  expect(await meshwright(["certs", await file("wrong.pem", content), "--admin", admin.url])).toMatchObject({
    code,
    errors: expect.stringMatching(errors),
  });
});

test("what a proxy has, as its Envoy shows it", async () => {
  const base64 = (pem: string) => Buffer.from(pem).toString("base64");
  const dump = {
    configs: [
      {
        "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
        dynamic_active_secrets: [
          {
            name: "default",
            secret: {
              name: "default",
              tls_certificate: {
                certificate_chain: { inline_bytes: base64(await chainOf()) },
                private_key: { inline_bytes: "W3JlZGFjdGVkXQ==" },
              },
            },
          },
          {
            name: "ROOTCA",
            secret: { name: "ROOTCA", validation_context: { trusted_ca: { inline_bytes: base64(admin.identity.authority.roots()) } } },
          },
        ],
      },
    ],
  };
  const server = createServer((_, response) => response.end(JSON.stringify(dump))).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { code, output } = await meshwright(["certs", "--envoy", `127.0.0.1:${(server.address() as AddressInfo).port}`]);
  expect({ code, output }).toEqual({
    code: 0,
    output: expect.stringMatching(new RegExp(`default +leaf +URI:${URI} [^]*\ntrusted +root +O=cluster.local`)),
  });
});

test("the root goes through its rotation, step by step", async () => {
  const rotate = (...step: readonly string[]) => meshwright(["certs", "rotate", ...step, "--admin", admin.url, "--token-file", tokenFile]);
  expect(await rotate("sideways")).toMatchObject({ code: 2, errors: expect.stringContaining("there is no step sideways") });
  expect(await rotate("switch")).toMatchObject({ code: 1, errors: expect.stringContaining("in the phase prepared; this is stable") });
  expect(await meshwright(["certs", "rotate", "prepare", "--admin", admin.url])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("bearer token"),
  });
  expect(await rotate("prepare")).toMatchObject({ code: 0, output: expect.stringContaining("a new root is prepared") });
  expect((await meshwright(["certs", "--admin", admin.url])).output).toMatch(/ signing [^]* prepared [^]*rotate switch/);
  expect(await rotate("switch")).toMatchObject({ code: 0, output: expect.stringContaining("can be retired from") });
  expect(await rotate("retire")).toMatchObject({ code: 1, errors: expect.stringContaining("or by force now") });
  expect(await rotate("retire", "--force")).toMatchObject({ code: 0, output: "one root is trusted\n" });
});

test("an identity is revoked, listed and restored", async () => {
  const asWriter = ["--admin", admin.url, "--token-file", tokenFile];
  expect(await meshwright(["certs", "revoked", "--admin", admin.url])).toMatchObject({ code: 0, output: "nothing is revoked\n" });
  expect(await meshwright(["certs", "revoke", "nobody", ...asWriter])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("SPIFFE id"),
  });
  expect(await meshwright(["certs", "revoke", URI, "0A", ...asWriter])).toMatchObject({
    code: 0,
    output: `${URI} is revoked\n0A is revoked\n`,
  });
  expect((await meshwright(["certs", "revoked", "--admin", admin.url])).output).toMatch(
    new RegExp(`^REVOKED +SINCE\na +\\d{4}-[^]*\n${URI} `),
  );
  expect(await meshwright(["certs", "revoke", "--restore", URI, ...asWriter])).toMatchObject({ code: 0, output: `${URI} is restored\n` });
});

test("nobody answers", async () => {
  expect(await meshwright(["certs", "--admin", "http://127.0.0.1:1"])).toMatchObject({ code: 3 });
  expect(await meshwright(["certs", "--envoy", "http://127.0.0.1:1"])).toMatchObject({
    code: 3,
    errors: expect.stringContaining("no Envoy answers"),
  });
});
