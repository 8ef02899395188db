import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { binaryProvider, type Bootstrap, envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../testing/run.ts";
import { Serving } from "../testing/serving.ts";

const NODE = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";
const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 9080}]}
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-serve-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function directory(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
  return path;
}

test("serves a directory, and ends with exit code 0 when it is asked to", async () => {
  await using serving = await Serving.start("--config", await directory("plain", { "a.yaml": SERVICE }));
  expect(await meshwright(["status", "--admin", serving.admin])).toEqual({ code: 0, output: "no proxy is connected\n", errors: "" });
  expect(await meshwright(["wait", "--admin", serving.admin])).toEqual({
    code: 0,
    output: "every proxy has accepted everything\n",
    errors: "",
  });
  expect(await serving.kill("SIGTERM")).toBe(0);
});

test("an Envoy that connects is shown by status, config and wait", async (context) => {
  await requireTarget(envoyTarget, context);
  const config = await directory("proxied", { "a.yaml": SERVICE });
  await using serving = await Serving.start("--config", config);
  const { output } = await meshwright(["bootstrap", "--proxy", NODE, "--control", serving.xds]);
  const { static_resources: resources, admin: _, ...rest } = JSON.parse(output) as Bootstrap & { readonly admin?: unknown };
  await using _envoy = await binaryProvider.start({ ...rest, static_resources: { ...resources, listeners: [] } });

  expect(await meshwright(["wait", "--admin", serving.admin, "--output", "json"])).toMatchObject({ code: 0 });
  const status = await meshwright(["status", "--admin", serving.admin]);
  expect(status.output).toMatch(new RegExp(`^PROXY +ENVOY .*CLUSTER.*\n${NODE} +1\\.\\d+\\.\\d+ .*SYNCED`));
  const shown = await meshwright(["config", NODE, "--type", "cluster", "--admin", serving.admin]);
  const { cluster } = JSON.parse(shown.output) as { readonly cluster: readonly { readonly name: string }[] };
  expect(cluster.map(({ name }) => name)).toContain("outbound|9080||reviews.default.svc.cluster.local");
  expect(await meshwright(["translate", "-f", config, "--proxy", NODE, "--type", "cluster"])).toMatchObject({
    code: 0,
    output: shown.output,
  });
});

test("wait reads what was written just before", async () => {
  const config = await directory("waiting", { "a.yaml": SERVICE });
  await using serving = await Serving.start("--config", config);
  await writeFile(join(config, "b.yaml"), SERVICE);
  const { code, output } = await meshwright(["wait", "--admin", serving.admin]);
  expect({ code, output: output.replaceAll(folder, "") }).toEqual({
    code: 1,
    output: expect.stringContaining("/waiting/b.yaml:3:12: Service default/reviews is defined at /waiting/a.yaml:3:12 too") as string,
  });
});

test("reads MeshConfig from a file, and from a ConfigMap", async () => {
  const config = await directory("mesh-config", { "a.yaml": SERVICE });
  const file = join(await directory("settings", { "mesh.yaml": "rootNamespace: elsewhere\nacessLogFile: /dev/stdout\n" }), "mesh.yaml");
  const translate = (...more: readonly string[]) => meshwright(["translate", "-f", config, "--proxy", NODE, "--type", "listener", ...more]);
  const wrong = await translate("--mesh-config", file);
  expect(wrong.code).toBe(1);
  expect(wrong.errors).toContain('mesh.yaml:2:1: error MW0003 acessLogFile: unknown field "acessLogFile"; did you mean accessLogFile?');
  await writeFile(file, "accessLogFile: /dev/stdout\n");
  const logged = await translate("--mesh-config", file);
  expect(logged).toMatchObject({ code: 0, output: expect.stringContaining("/dev/stdout") as string });
  await writeFile(
    join(config, "istio.yaml"),
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n    accessLogFile: /dev/stdout\n",
  );
  expect((await translate()).output).toBe(logged.output);
});

test("serves the last good objects after it was killed and the files were broken", async () => {
  const config = await directory("state", { "a.yaml": SERVICE });
  const state = join(folder, "kept");
  {
    await using serving = await Serving.start("--config", config, "--state", state);
    expect(await serving.objects()).toEqual(["reviews"]);
    await serving.kill("SIGTERM");
  }
  await writeFile(join(config, "a.yaml"), "kind: [");
  {
    await using serving = await Serving.start("--config", config, "--state", state);
    expect(await serving.objects()).toEqual(["reviews"]);
    expect(serving.lines).toContainEqual(expect.objectContaining({ level: "error", file: expect.stringContaining("a.yaml") as string }));
    await serving.kill("SIGKILL");
  }
  await rm(join(config, "a.yaml"));
  await using serving = await Serving.start("--config", config, "--state", state);
  expect(await serving.objects()).toEqual([]);
});

describe("what cannot be", () => {
  test.each([
    [["--config", "nowhere"], 1, "nowhere: there is no such file or directory"],
    [["--config", ".", "--xds", "nonsense"], 2, "HOST:PORT"],
    [["--config", ".", "--xds", "0.0.0.0:0"], 2, "off loopback wants TLS"],
    [["--config", ".", "--admin", "0.0.0.0:0"], 2, "--token-file"],
    [["--config", ".", "--token-file", "nowhere"], 1, "--token-file nowhere"],
    [[], 2, "--config"],
  ])("serve %j ends with %i and says why", async (parameters, code, message) => {
    const ended = await meshwright(["serve", ...parameters], { cwd: folder });
    expect(ended.code).toBe(code);
    expect(ended.errors).toContain(message);
  });

  test("a port that is taken is named", async () => {
    const config = await directory("taken", { "a.yaml": SERVICE });
    await using serving = await Serving.start("--config", config);
    const ended = await meshwright(["serve", "--config", config, "--xds", serving.xds, "--admin", "127.0.0.1:0"]);
    expect(ended).toMatchObject({ code: 3, errors: expect.stringContaining(`--xds ${serving.xds}`) as string });
  });

  test.each(["status", "wait", "config x"])("%s says that no service answers", async (command) => {
    const ended = await meshwright([...command.split(" "), "--admin", "http://127.0.0.1:1"]);
    expect(ended).toMatchObject({ code: 3, errors: expect.stringContaining("meshwright serve") as string });
  });
});
