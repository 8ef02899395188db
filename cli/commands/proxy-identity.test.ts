import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ProxyStatus } from "../../control/admin/proxy-status.ts";
import { newRequest } from "../../control/identity/index.ts";
import { CertificateClient } from "../../control/identity/testing/certificate-client.ts";
import { freePort } from "../../control/xds/types/testing/free-port.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../testing/run.ts";
import { RunningProxy } from "../testing/running-proxy.ts";
import { Serving } from "../testing/serving.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const ID = "sidecar~127.0.0.2~reviews-v1.default~default.svc.cluster.local";
const REVIEWS = { SERVICE_ACCOUNT: "reviews", INTERCEPTION_MODE: "NONE" };

let folder: string;
const running: Array<() => Promise<unknown>> = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-proxy-identity-"));
  await writeFile(
    join(folder, "objects.yaml"),
    "apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\nspec: {ports: [{name: http, port: 9080}]}\n",
  );
});
afterEach(async () => {
  for (const end of running.splice(0)) await end();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A control service with an authority; what proxies need is in files. */
async function mesh(name: string, ...more: readonly string[]) {
  const directory = join(folder, name);
  const serving = await Serving.start("--config", join(folder, "objects.yaml"), "--state", directory, ...more);
  const { admin, tokenFile } = serving;
  const roots = `${directory}-roots.pem`;
  await writeFile(roots, (await meshwright(["certs", "--pem", "--admin", admin])).output);
  const token = async (...options: readonly string[]) => {
    const { output } = await meshwright(["token", "create", "-n", "default", ...options, "--admin", admin, "--token-file", tokenFile]);
    const file = `${directory}-${String(Math.random()).slice(2)}.token`;
    await writeFile(file, output, { mode: 0o600 });
    return file;
  };
  const status = async () => (await serving.get<{ readonly proxies: readonly ProxyStatus[] }>("/api/v1/status")).proxies;
  return { serving, roots, token, status, tokenFile };
}

async function start(xds: string, ...more: readonly string[]): Promise<RunningProxy> {
  const proxy = new RunningProxy(process.execPath, [MAIN, ...(await parametersOf(xds)), ...more]);
  running.push(() => proxy.end("SIGKILL"));
  return proxy;
}

async function parametersOf(xds: string): Promise<readonly string[]> {
  const own = ["--admin", `127.0.0.1:${await freePort()}`, "--status-port", "0", "--prometheus-port", "0", "--concurrency", "1"];
  return ["proxy", "--proxy", ID, "--control", xds, "--metadata", JSON.stringify(REVIEWS), ...own];
}

/** The port at which a service listens that takes certificates, whatever address it names. */
function local(xds: string): string {
  return `127.0.0.1:${xds.split(":").at(-1) ?? ""}`;
}

test("one command and one token: a proxy has an identity, over TLS, and status shows it", async (context) => {
  await requireTarget(envoyTarget, context);
  const { serving, roots, token, status } = await mesh("first", "--xds", "0.0.0.0:0", "--certificate-lifetime", "10m");
  await using _serving = serving;
  const proxy = await start(local(serving.xds), "--control-ca", roots, "--token-file", await token("-s", "reviews"));
  await proxy.line("Envoy serves");
  await expect
    .poll(status, { timeout: 20_000 })
    .toMatchObject([{ id: ID, identity: { name: "spiffe://cluster.local/ns/default/sa/reviews" } }]);
  const text = await meshwright(["status", "--admin", serving.admin]);
  expect(text.output).toMatch(/IDENTITY +UNTIL/);
  expect(text.output).toContain("spiffe://cluster.local/ns/default/sa/reviews");
});

test("who comes in plain text to an address that is open to others gets nothing", async (context) => {
  await requireTarget(envoyTarget, context);
  const { serving, status } = await mesh("plain", "--xds", "0.0.0.0:0");
  await using _serving = serving;
  const proxy = await start(local(serving.xds));
  await proxy.line("Envoy starts");
  const { csr } = await newRequest();
  using client = new CertificateClient(Number(serving.xds.split(":").at(-1)));
  await expect(client.ask(csr, { bearer: "mwj_none" })).rejects.toMatchObject({ code: 14 });
  expect(await status()).toEqual([]);
});

test("a proxy that claims to be another workload gets no configuration, and the log says why", async (context) => {
  await requireTarget(envoyTarget, context);
  const { serving, roots, token, status } = await mesh("forged");
  await using _serving = serving;
  const bootstrap = await meshwright([
    ...["bootstrap", "--proxy", ID, "--control", serving.xds, "--metadata", JSON.stringify({ ...REVIEWS, SERVICE_ACCOUNT: "ratings" })],
    ...["--control-ca", roots, "--control-cert", join(folder, "reviews.pem"), "--control-key", join(folder, "reviews.key")],
    ...["--control-name", "spiffe://cluster.local/ns/istio-system/sa/istiod"],
    ...["--admin", `127.0.0.1:${await freePort()}`, "--status-port", "0", "--prometheus-port", "0"],
  ]);
  expect(bootstrap).toMatchObject({ code: 0 });
  const { key, csr } = await newRequest();
  using client = new CertificateClient(Number(serving.xds.split(":").at(-1)));
  const bearer = (await readFile(await token("-s", "reviews"), "utf8")).trim();
  const [leaf = ""] = await client.ask(csr, { bearer });
  await writeFile(join(folder, "reviews.pem"), leaf);
  await writeFile(join(folder, "reviews.key"), key, { mode: 0o600 });
  await writeFile(join(folder, "envoy.json"), bootstrap.output);
  const envoy = new RunningProxy(process.execPath, [MAIN, "envoy", "run", join(folder, "envoy.json")]);
  running.push(() => envoy.end());
  const said = () => serving.log;
  await expect
    .poll(said, { timeout: 20_000 })
    .toContain("the certificate is for default/reviews, and the node says that it is default/ratings");
  expect(await status()).toEqual([]);
});

test("an identity that is revoked loses its stream at once, and the proxy is told why", async (context) => {
  await requireTarget(envoyTarget, context);
  const { serving, roots, token, status, tokenFile } = await mesh("revoked");
  await using _serving = serving;
  const proxy = await start(serving.xds, "--control-ca", roots, "--token-file", await token("-s", "reviews"));
  await proxy.line("Envoy serves");
  await expect.poll(async () => (await status()).length, { timeout: 20_000 }).toBe(1);
  const revoked = await meshwright([
    ...["certs", "revoke", "spiffe://cluster.local/ns/default/sa/reviews"],
    ...["--admin", serving.admin, "--token-file", tokenFile],
  ]);
  expect(revoked).toMatchObject({ code: 0 });
  await expect.poll(status, { timeout: 20_000 }).toEqual([]);
  // What the service writes comes by a pipe, and so later than its answers.
  await expect.poll(() => serving.log, { timeout: 20_000 }).toContain("the identity of default/reviews is revoked");
});

test("a certificate that expires takes its stream with it, and the next one brings it back", async (context) => {
  await requireTarget(envoyTarget, context);
  const { serving, roots, token, status } = await mesh("short", "--certificate-lifetime", "8s");
  await using _serving = serving;
  const proxy = await start(serving.xds, "--control-ca", roots, "--token-file", await token("-s", "reviews"));
  await proxy.line("this proxy has a certificate", 2);
  await expect.poll(() => serving.log, { timeout: 20_000 }).toContain("the client's certificate has expired");
  await expect.poll(async () => (await status()).length, { timeout: 20_000 }).toBe(1);
});

test("a new root reaches the proxy at once, and the rotation goes on when it has", async (context) => {
  await requireTarget(envoyTarget, context);
  const { serving, roots, token, tokenFile } = await mesh("rotated");
  await using _serving = serving;
  const proxy = await start(serving.xds, "--control-ca", roots, "--token-file", await token("-s", "reviews"));
  await proxy.line("this proxy trusts the roots of the mesh");
  const rotate = (...step: readonly string[]) =>
    meshwright(["certs", "rotate", ...step, "--admin", serving.admin, "--token-file", tokenFile]);
  // Frozen, it cannot say that it trusts another root.
  proxy.signal("SIGSTOP");
  expect(await rotate("prepare")).toMatchObject({ code: 0 });
  expect(await rotate("switch", "--timeout", "100ms")).toMatchObject({ code: 1, errors: expect.stringContaining(ID) });
  expect((await meshwright(["certs", "--admin", serving.admin])).output).toContain(`without these roots, as far as is known:\n  ${ID}\n`);
  proxy.signal("SIGCONT");
  expect(await rotate("switch")).toMatchObject({ code: 0, errors: "" });
  expect(await rotate("retire")).toMatchObject({ code: 1, errors: expect.stringContaining("certificates of the old root are good until") });
  expect((await meshwright(["certs", "--admin", serving.admin])).output).toMatch(/ signing [^]* former /);
});

test("a token that is good no more ends the command, with the reason", async (context) => {
  await requireTarget(envoyTarget, context);
  const { serving, roots, token } = await mesh("spent");
  await using _serving = serving;
  const file = await token("-s", "ratings");
  const parameters = [...(await parametersOf(serving.xds)), "--control-ca", roots];
  const refused = await meshwright([...parameters, "--token-file", file]);
  expect(refused).toMatchObject({
    code: 1,
    errors: expect.stringContaining("it is for default/ratings, and this proxy is default/reviews"),
  });
  await writeFile(file, "mwj_0123456789abcdef_0123456789abcdef0123456789abcdef");
  expect(await meshwright([...parameters, "--token-file", file])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("the control service gives no certificate"),
  });
  expect(await meshwright([...parameters, "--token-file", join(folder, "none")])).toMatchObject({
    code: 1,
    errors: expect.stringContaining("none"),
  });
});
