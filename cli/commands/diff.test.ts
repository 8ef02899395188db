import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterSchema } from "../../control/envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { DeltaDiscoveryRequestSchema } from "../../control/envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { typeUrl } from "../../control/envoy-api/index.ts";
import { RawCall } from "../../control/xds/transport/testing/grpc-client.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import type { DiffReport } from "../diff/report.ts";
import { meshwright } from "../testing/run.ts";
import { Serving } from "../testing/serving.ts";

const example = fileURLToPath(new URL("../../docs/examples", import.meta.url));
const PAGE = "sidecar~10.0.0.9~productpage-v1.default~default.svc.cluster.local";
const REVIEWS = [
  "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local",
  "sidecar~10.0.0.2~reviews-v2.default~default.svc.cluster.local",
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-diff-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const diff = (...parameters: readonly string[]) => meshwright(["diff", ...parameters]);
const before = join(example, "mesh");
const after = join(example, "mesh.next");

async function report(...parameters: readonly string[]): Promise<DiffReport> {
  const { output, errors } = await diff(...parameters, "--output", "json");
  expect(errors).toBe("");
  return JSON.parse(output) as DiffReport;
}

describe("against files", () => {
  test("what differs, for whom, and in how many bytes", async () => {
    const { objects, problems, proxies, groups, notes } = await report("-f", after, "--against", before);
    expect(objects).toEqual([
      expect.objectContaining({
        change: "changed",
        kind: "VirtualService",
        namespace: "default",
        name: "reviews",
        file: join(after, "reviews.yaml"),
      }),
    ]);
    expect({ problems, notes }).toEqual({ problems: { new: [], gone: [] }, notes: [] });
    expect(groups).toMatchObject([
      { proxies: REVIEWS, resources: [{ change: "changed", type: "route", name: "9080|reviews.default.svc.cluster.local" }] },
    ]);
    const [group] = groups;
    expect(proxies).toEqual({ total: 2, changed: 2, bytes: 2 * (group?.bytes ?? 0) });
    expect(group?.bytes).toBeGreaterThan(group?.resources[0]?.bytes ?? Infinity);
  });

  test("as text, with exit code 1; where nothing differs, 0", async () => {
    const { code, output } = await diff("-f", after, "--against", before, "--proxy", PAGE);
    expect(code).toBe(1);
    expect(output).toMatch(
      /^objects:\n {2}changed {2}VirtualService default\/reviews .*\n\nproxies: 1 of 1 get something else, [\d,]+ bytes in all\n\n1 proxy, /,
    );
    expect(await diff("-f", before, "--against", before)).toEqual({ code: 0, output: "nothing differs\n", errors: "" });
  });

  test("problems that come, with their places", async () => {
    const broken = join(folder, "broken");
    await cp(before, broken, { recursive: true });
    const file = join(broken, "reviews.yaml");
    await writeFile(file, (await readFile(file, "utf8")).replace("weight: 90", "weight: lots"));
    const { problems, groups } = await report("-f", broken, "--against", before);
    expect(problems.new).toEqual([expect.objectContaining({ file, level: "error", path: "spec.http[0].route[0].weight" })]);
    expect(groups).toEqual([]);
  });

  test.each([
    ["a folder that is not there", 1, ["-f", "/nowhere", "--against", before], "there is no such file or directory"],
    ["no folder", 2, ["--against", before], "--file"],
    ["two ways at once", 2, ["-f", after, "--against", before, "--apply"], "--apply"],
    ["a MeshConfig of nobody", 2, ["-f", after, "--against-mesh-config", "a.yaml"], "--against"],
    ["requests without a proxy", 2, ["-f", after, "--against", before, "--requests", "a.log"], "--proxy"],
    ["a direction without requests", 2, ["-f", after, "--against", before, "--direction", "inbound"], "--requests"],
    [
      "a header that is none",
      2,
      ["-f", after, "--against", before, "--proxy", PAGE, "--requests", "a.log", "--log-header", "x"],
      "FIELD=HEADER",
    ],
    ["a proxy that is none", 2, ["-f", after, "--against", before, "--proxy", "me"], "node id"],
    ["no service", 3, ["-f", after, "--admin", "http://127.0.0.1:1"], "meshwright serve"],
  ] as const)("%s: exit code %d", async (_, code, parameters, message) => {
    const ended = await diff(...parameters);
    expect(ended).toMatchObject({ code, output: "", errors: expect.stringContaining(message) as string });
  });
});

describe("against a service that runs", () => {
  let serving: Serving;
  beforeAll(async () => {
    serving = await Serving.start("--config", before);
  });
  afterAll(() => serving?.[Symbol.asyncDispose]());

  test("the same files do not differ; others do, for a proxy that is named", async () => {
    expect(await diff("-f", before, "--admin", serving.admin)).toMatchObject({ code: 0, output: "nothing differs\n" });
    const { objects, proxies, groups } = await report("-f", after, "--admin", serving.admin, "--proxy", PAGE);
    expect(objects).toHaveLength(1);
    expect(proxies).toMatchObject({ total: 1, changed: 1 });
    expect(groups.map(({ resources }) => resources.map(({ type }) => type))).toEqual([["route"]]);
  });

  test("proxies are those that are connected, as they tell of themselves", async () => {
    using call = new RawCall(Number(serving.xds.split(":").at(-1)));
    const node = { id: REVIEWS[0] ?? "", metadata: { LABELS: { app: "reviews" } } };
    const clusters = create(DeltaDiscoveryRequestSchema, { node, typeUrl: typeUrl(ClusterSchema) });
    call.send(toBinary(DeltaDiscoveryRequestSchema, clusters));
    await call.next();
    const { proxies, groups } = await report("-f", after, "--admin", serving.admin);
    expect(proxies).toMatchObject({ total: 1, changed: 1 });
    expect(groups.map((group) => group.proxies)).toEqual([[node.id]]);
  });

  test("what is applied comes beside what there is, and nothing is applied", async () => {
    const payments = join(example, "payments.yaml");
    const { objects } = await report("-f", payments, "--apply", "--admin", serving.admin);
    expect(objects).toEqual([expect.objectContaining({ change: "added", kind: "ServiceEntry", name: "payments" })]);
    const { objects: all } = await report("-f", payments, "--admin", serving.admin);
    expect(all.filter(({ change }) => change === "removed")).toHaveLength(5);
    expect(await serving.objects()).not.toContain("payments");
  });
});

describe("recorded requests", () => {
  const requests = (file: string) => diff("-f", after, "--against", before, "--proxy", PAGE, "--requests", file, "--output", "json");

  test("an access log with lines that are none", async (context) => {
    await requireTarget(envoyTarget, context);
    const file = join(folder, "access.log");
    const log = await readFile(join(example, "access.jsonl"), "utf8");
    await writeFile(
      file,
      `${log}not JSON\n{"method": 1, "path": "/", "start_time": ""}\n{"pth": "/"}\n${"x".repeat(2 ** 20 + 1)}\n${JSON.stringify({ path: "/", time: "2026-01-31T12:00:00Z" })}\n`,
    );
    const { output, code, errors } = await requests(file);
    expect({ code, errors }).toEqual({ code: 1, errors: "" });
    const { requests: found } = JSON.parse(output) as DiffReport;
    expect(found).toMatchObject({
      total: 4,
      distinct: 4,
      changed: 3,
      skipped: { "no HTTP": 1 },
      broken: { count: 3, first: [{ line: 5 }, { line: 7 }, { line: 8, error: "longer than 1048576 bytes" }] },
      failed: { count: 1, first: [{ line: 9, error: expect.stringContaining("time:") as string }] },
    });
    expect(found?.groups.map(({ aspect, count }) => [aspect, count])).toEqual([
      ["routed", 2],
      ["routed", 1],
    ]);
  });

  test("an empty one, and one that is not there", async (context) => {
    await requireTarget(envoyTarget, context);
    const file = join(folder, "empty.log");
    await writeFile(file, "\n\n");
    expect(await requests(file)).toMatchObject({ code: 1, output: "", errors: expect.stringContaining("holds no request") as string });
    expect(await requests(join(folder, "no.log"))).toMatchObject({
      code: 1,
      errors: expect.stringContaining("there is no such file") as string,
    });
  });

  test("no Envoy: exit code 3, and what to do", async () => {
    const env = { ENVOY_BIN: join(folder, "no-envoy") };
    const ended = await meshwright(
      ["diff", "-f", after, "--against", before, "--proxy", PAGE, "--requests", join(example, "access.jsonl")],
      { env },
    );
    expect(ended).toMatchObject({ code: 3, output: "", errors: expect.stringContaining("ENVOY_BIN") as string });
  });
});
