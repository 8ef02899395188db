import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
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
