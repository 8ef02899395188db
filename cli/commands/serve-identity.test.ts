import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Certificate, certificateIdentity, newRequest } from "../../control/identity/index.ts";
import { CertificateClient } from "../../control/identity/testing/certificate-client.ts";
import { selfSigned } from "../../control/xds/transport/testing/certificate.ts";
import { DELTA_ADS, DeltaCall, RawCall } from "../../control/xds/transport/testing/grpc-client.ts";
import { meshwright } from "../testing/run.ts";
import { Serving } from "../testing/serving.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-serve-identity-"));
  await writeFile(join(folder, "mesh.yaml"), "trustDomain: example.org\n");
  await writeFile(
    join(folder, "objects.yaml"),
    "apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\nspec: {ports: [{name: http, port: 9080}]}\n",
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const mesh = () => ["--config", join(folder, "objects.yaml"), "--mesh-config", join(folder, "mesh.yaml")];

test("one token brings a workload its certificate, which leads to the root of the mesh, before and after the service was killed", async () => {
  const state = join(folder, "state");
  const chain: string[] = [];
  for (let start = 0; start < 2; start++) {
    await using serving = await Serving.start(...mesh(), "--state", state, "--certificate-lifetime", "10m");
    const { admin, xds, tokenFile } = serving;
    expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
    const created = await meshwright(["token", "create", "-n", "default", "-s", "reviews", "--admin", admin, "--token-file", tokenFile]);
    const { csr } = await newRequest();
    using client = new CertificateClient(Number(xds.split(":").at(-1)));
    const [leaf = ""] = await client.ask(csr, { bearer: created.output.trim() });
    await expect(client.ask((await newRequest()).csr, { bearer: created.output.trim() })).rejects.toMatchObject({
      details: expect.stringContaining("was good for one use"),
    });
    chain.push(leaf);
    const [certificate] = Certificate.readAll(leaf);
    expect(certificateIdentity(certificate ?? { names: [] })).toEqual({
      trustDomain: "example.org",
      namespace: "default",
      serviceAccount: "reviews",
    });
    expect((certificate?.notAfter ?? 0) - Date.now()).toBeLessThanOrEqual(600_000);
    for (const [index, pem] of chain.entries()) {
      const file = join(folder, `chain-${index}.pem`);
      await writeFile(file, pem);
      expect(await meshwright(["certs", file, "--admin", admin])).toMatchObject({ code: 0 });
    }
    await expect.poll(() => serving.log).toContain('"message":"certificate issued"');
    expect(serving.log).not.toContain(created.output.trim().slice(-43));
  }
});

test("over TLS, who shows no certificate of the mesh gets no configuration, whatever its node says", async () => {
  await using serving = await Serving.start(...mesh(), "--state", join(folder, "anonymous"), "--xds", "0.0.0.0:0");
  const port = Number(serving.xds.split(":").at(-1));
  const foreign = selfSigned("URI:spiffe://example.org/ns/default/sa/default");
  for (const pair of [undefined, foreign]) {
    const [key, certificate] = pair === undefined ? [null, null] : [Buffer.from(pair.key), Buffer.from(pair.certificate)];
    const channel = credentials.createSsl(null, key, certificate, { rejectUnauthorized: false });
    using call = new DeltaCall(port, "sidecar~10.0.0.1~reviews-1.default~default.svc.cluster.local", DELTA_ADS, channel);
    call.request({ typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster" });
    expect(await call.status).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(call.received).toEqual([]);
    using asker = new RawCall(port, "/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus", channel);
    asker.send(new Uint8Array());
    expect(await asker.status).toMatchObject({ code: status.UNAUTHENTICATED });
  }
  expect(await serving.get("/api/v1/status")).toMatchObject({ proxies: [] });
  expect((await serving.line("may not be this proxy"))["reason"]).toContain("no certificate");
});

test.each<[string, (directory: string) => Promise<unknown>, RegExp]>([
  [
    "is damaged",
    async (directory) =>
      writeFile(join(directory, "authority.json"), (await readFile(join(directory, "authority.json"), "utf8")).replace("BEGIN", "BEGUN")),
    /--ca .*authority\.json is damaged.*bring it back from a backup/,
  ],
  ["may be read by others", (directory) => chmod(join(directory, "authority.json"), 0o644), /may be read by others \(mode 644\)/],
])("an authority whose file %s is not served, and no other is made", async (what, damage, errors) => {
  const directory = join(folder, what.replaceAll(" ", "-"));
  await Serving.start(...mesh(), "--ca", directory).then((serving) => serving[Symbol.asyncDispose]());
  await damage(directory);
  const parameters = [
    "serve",
    "--config",
    join(folder, "objects.yaml"),
    "--ca",
    directory,
    "--xds",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
  ];
  expect(await meshwright(parameters)).toMatchObject({ code: 1, errors: expect.stringMatching(errors) });
});

// Below /proc no directory can be made, and Node's own `mkdir` with `recursive` never says so.
test("a directory that cannot be made is told of", { skip: process.platform !== "linux" }, async () => {
  const command = ["serve", "--config", join(folder, "objects.yaml"), "--xds", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  for (const directory of [
    ["--state", "/proc/none"],
    ["--ca", "/proc/none"],
  ])
    expect(await meshwright([...command, ...directory])).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/--ca \/proc\/none.* cannot be made: ENOENT/) as string,
    });
});

test("without a directory there is no authority, which is said", async () => {
  await using serving = await Serving.start(...mesh());
  expect(serving.tokenFile).toBe("");
  expect(serving.log).toContain("--ca DIR or --state DIR brings one");
  expect(await meshwright(["certs", "--admin", serving.admin])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("no certificate authority"),
  });
});

test("a lifetime that is none is refused", async () => {
  const ended = await meshwright([
    "serve",
    "--config",
    join(folder, "objects.yaml"),
    "--certificate-lifetime",
    "long",
    "--xds",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
  ]);
  expect(ended).toMatchObject({ code: 2, errors: expect.stringContaining("write 24h") });
});
