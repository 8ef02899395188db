import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { meshwright } from "../testing/run.ts";

const BOOTSTRAP = ["bootstrap", "--proxy", "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local", "--control", "127.0.0.1:15010"];

interface Printed {
  readonly node: { readonly metadata: Record<string, unknown>; readonly locality?: unknown };
  readonly admin: unknown;
}

test("JSON and YAML say the same", async () => {
  const parameters = [...BOOTSTRAP, "--locality", "eu/eu-1", "--admin", "127.0.0.1:15001", "--metadata", '{"LABELS": {"app": "reviews"}}'];
  const [json, yaml] = await Promise.all([meshwright(parameters), meshwright([...parameters, "--output", "yaml"])]);
  expect(json).toMatchObject({ code: 0, errors: "" });
  const printed = JSON.parse(json.output) as Printed;
  expect(parse(yaml.output)).toEqual(printed);
  expect(printed.node.locality).toEqual({ region: "eu", zone: "eu-1", sub_zone: "" });
  expect(printed.admin).toEqual({ address: { socket_address: { address: "127.0.0.1", port_value: 15_001 } } });
  expect(printed.node.metadata).not.toHaveProperty("MESHWRIGHT_MODULES");
});

test("--modules announces what stands on this machine, by its digest", async () => {
  const { output } = await meshwright([...BOOTSTRAP, "--modules"]);
  const modules = (JSON.parse(output) as Printed).node.metadata["MESHWRIGHT_MODULES"] as Record<string, { path: string; sha256: string }>;
  const mesh = modules["mesh"];
  expect(mesh?.sha256).toBe(
    createHash("sha256")
      .update(readFileSync(mesh?.path ?? ""))
      .digest("hex"),
  );
});

test("--on-demand is said in the metadata, and not together with --state-of-the-world", async () => {
  const { output } = await meshwright([...BOOTSTRAP, "--on-demand", "--metadata", '{"NAME": "a"}']);
  expect((JSON.parse(output) as Printed).node.metadata).toMatchObject({ NAME: "a", MESHWRIGHT_ON_DEMAND: "true" });
  expect(await meshwright([...BOOTSTRAP, "--on-demand", "--state-of-the-world"])).toMatchObject({ code: 2 });
});

describe("what the objects of the mesh say of a proxy", () => {
  const MESH = `
apiVersion: v1
kind: MeshConfig
metadata: { name: istio }
defaultConfig:
  concurrency: 1
  proxyAdminPort: 15100
  statusPort: 15121
  meshId: shop
  statsdUdpAddress: 127.0.0.1:8125
  proxyMetadata: { ISTIO_META_NETWORK: home, A: mesh }
---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: { name: reviews, namespace: default }
spec: { selector: { matchLabels: { app: reviews } }, concurrency: 3, environmentVariables: { A: reviews } }
`;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "bootstrap-"));
    await writeFile(join(folder, "mesh.yaml"), MESH);
    await writeFile(join(folder, "settings.txt"), "defaultConfig: { meshId: other }\n");
    await mkdir(join(folder, "broken"));
    await writeFile(join(folder, "broken/mesh.yaml"), `${MESH}---\nkind: [`);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("holds, and what is given beside them goes before", async () => {
    const metadata = { LABELS: { app: "reviews" }, PROXY_CONFIG: { statusPort: 15_122 } };
    const more = ["-f", join(folder, "mesh.yaml"), "--metadata", JSON.stringify(metadata), "--admin", "127.0.0.1:1"];
    const { code, output, errors } = await meshwright([...BOOTSTRAP, ...more]);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    const { node, admin, stats_sinks: sinks } = JSON.parse(output) as Printed & { readonly stats_sinks: unknown };
    expect(node.metadata).toMatchObject({
      MESH_ID: "shop",
      NETWORK: "home",
      ENVOY_STATUS_PORT: 15_122,
      PROXY_CONFIG: {
        concurrency: 3,
        statusPort: 15_122,
        proxyAdminPort: 15_100,
        proxyMetadata: { A: "reviews", ISTIO_META_NETWORK: "home" },
      },
    });
    expect(admin).toEqual({ address: { socket_address: { address: "127.0.0.1", port_value: 1 } } });
    expect(sinks).toHaveLength(1);
  });

  test("is also read of a MeshConfig by itself", async () => {
    const { output } = await meshwright([...BOOTSTRAP, "--mesh-config", join(folder, "settings.txt")]);
    expect((JSON.parse(output) as Printed).node.metadata).toMatchObject({ MESH_ID: "other" });
  });

  test("counts beside objects with errors, which are told: exit code 1", async () => {
    const { code, output, errors } = await meshwright([...BOOTSTRAP, "-f", join(folder, "broken")]);
    expect(code).toBe(1);
    expect(errors).toMatch(/mesh\.yaml:\d+:\d+: error/);
    expect((JSON.parse(output) as Printed).node.metadata).toMatchObject({ MESH_ID: "shop" });
  });

  test("cannot be read where there is nothing", async () => {
    const { code, errors } = await meshwright([...BOOTSTRAP, "-f", join(folder, "nowhere")]);
    expect({ code, errors }).toEqual({ code: 1, errors: expect.stringContaining("there is no such file or directory") as string });
  });
});

test("everything that is wrong with the node is told: exit code 1", async () => {
  const { code, errors } = await meshwright(["bootstrap", "--proxy", "reviews", "--control", "a:1", "--metadata", '{"labels": {}}']);
  expect(code).toBe(1);
  expect(errors).toContain("metadata labels: did you mean LABELS?\n");
  expect(errors).toContain('node id "reviews" is none of Istio\'s');
});

test.each([
  [["--control", "15010"], "expected HOST:PORT"],
  [["--metadata", "{"], "no JSON"],
  [["--metadata", "[]"], "expected an object"],
  [["--locality", "a/b/c/d"], "expected REGION, REGION/ZONE or REGION/ZONE/SUBZONE"],
  [["--status-port", "70000"], "expected a port"],
  [["--max-heap", "0"], "expected a whole number above 0"],
  [["--control-cert", "own.pem"], "--control-cert and --control-key belong together"],
  [["--control-name", "control"], "needs --control-ca"],
])("%j is a usage error", async (parameters, text) => {
  const { code, errors } = await meshwright([...BOOTSTRAP, ...parameters]);
  expect(errors).toContain(text);
  expect(code).toBe(2);
});
