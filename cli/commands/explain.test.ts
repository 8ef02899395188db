import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AdminListener } from "../../control/admin/index.ts";
import { ControlService } from "../../control/control-service.ts";
import { DirectorySource } from "../../control/sources/directory/index.ts";
import { XdsListener } from "../../control/xds/transport/index.ts";
import { DeltaCall } from "../../control/xds/transport/testing/grpc-client.ts";
import { meshwright } from "../testing/run.ts";

const bookshop = fileURLToPath(new URL("../../scripts/demo/mesh", import.meta.url));
const PAGE = "sidecar~10.0.0.9~productpage-v1.default~default.svc.cluster.local";
const ROUTES = "9080|reviews.default.svc.cluster.local";

const reference = (kind: string, name: string, file: string) => ({
  kind,
  name,
  namespace: "default",
  file: expect.stringMatching(new RegExp(`${file}$`)) as string,
  line: expect.any(Number) as number,
});

const madeRoutes = {
  proxy: PAGE,
  resources: [
    {
      type: "route",
      name: ROUTES,
      objects: [
        { ...reference("Service", "reviews", "services.yaml"), effect: "makes", bytesWithout: 0, fields: [] },
        { ...reference("VirtualService", "reviews", "reviews.yaml"), effect: "changes" },
      ],
    },
  ],
};

describe("of files", () => {
  const explain = (...parameters: readonly string[]) => meshwright(["explain", "-f", bookshop, ...parameters]);

  test("a resource is made by objects", async () => {
    const { code, output, errors } = await explain("--proxy", PAGE, "route", ROUTES, "--output", "json");
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    const found = JSON.parse(output) as typeof madeRoutes;
    expect(found).toMatchObject(madeRoutes);
    expect(JSON.stringify(found.resources[0]?.objects[1])).toContain(".routes[0].match.headers");
  });

  test("all resources of a type, for people", async () => {
    const { code, output } = await explain("--proxy", PAGE, "cluster");
    expect(code).toBe(0);
    expect(output).toMatch(/^cluster BlackHoleCluster {2}\d+ B\n {2}made without objects\n/);
    expect(output).toMatch(
      /\ncluster outbound\|9080\|v3\|reviews\.default\.svc\.cluster\.local {2}\d+ B\n {2}makes {2}DestinationRule default\/reviews +\S*reviews\.yaml:\d+\n {2}makes {2}Service default\/reviews +\S*services\.yaml:\d+\n/,
    );
  });

  test("an object does something to proxies, those before workloads that nobody lists too", async () => {
    const { code, output } = await explain("vs", "reviews");
    expect(code).toBe(0);
    expect(output).toMatch(
      /^VirtualService default\/reviews {2}\S*reviews\.yaml:\d+\n\n(sidecar~240\.240\.0\.\d~\w+\.default~default\.svc\.cluster\.local\n){4} {2}changes {2}route {2}9080\|reviews\.default\.svc\.cluster\.local {2}\d+ B, without it \d+ B {2}.*\n\nnothing to 1 other proxy\n$/,
    );
  });

  test("an object does something to one proxy, or nothing", async () => {
    const router = "router~10.0.0.8~gateway.default~default.svc.cluster.local";
    const { output } = await explain("VirtualService", "reviews", "--proxy", router);
    expect(output).toMatch(/\ndoes nothing to 1 proxy: each gets the same without it\n$/);
    const selected = await explain("gw", "bookshop", "--proxy", router, "--metadata", '{"LABELS":{"app":"gateway"}}');
    expect(selected.output).toContain(`\n${router}\n  makes  listener  127.0.0.1_80 `);
  });

  test("what an object hides, it is told of too", async () => {
    const folder = await mkdtemp(join(tmpdir(), "meshwright-explain-"));
    try {
      const file = join(folder, "sidecar.yaml");
      await writeFile(
        file,
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: { name: few }\nspec: { egress: [{ hosts: [./details.default.svc.cluster.local] }] }\n",
      );
      const { code, output } = await explain("-f", file, "--proxy", PAGE, "route", ROUTES);
      expect(code).toBe(0);
      expect(output).toMatch(new RegExp(`^route ${ROUTES.replaceAll(/[|.]/g, "\\$&")} {2}not there\n {2}hides {2}Sidecar default/few `));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("a resource is changed by patches of an EnvoyFilter, each with its place, and the other way round", async () => {
    const folder = await mkdtemp(join(tmpdir(), "meshwright-explain-"));
    try {
      const file = join(folder, "filter.yaml");
      const patch = (service: string, operation: string) =>
        `    - applyTo: CLUSTER\n      match: { cluster: { service: ${service}.default.svc.cluster.local } }\n      patch: { ${operation} }\n`;
      await writeFile(
        file,
        `apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: { name: own }\nspec:\n  configPatches:\n${patch("reviews", "operation: MERGE, value: { connect_timeout: 3s }")}${patch("details", "operation: REMOVE")}${patch("nobody", "operation: REMOVE")}`,
      );
      const at = (index: number) => [{ path: `spec.configPatches[${index}]`, line: 6 + 3 * index, column: 7 }];
      const clusters = await explain("-f", file, "--proxy", PAGE, "cluster", "--output", "json");
      const { resources } = JSON.parse(clusters.output) as {
        resources: { name: string; objects: { kind: string; patches: unknown[] }[] }[];
      };
      const patched = resources.flatMap(({ name, objects }) => objects.map(({ kind, patches }) => [name, kind, patches] as const));
      expect(patched.filter(([, kind]) => kind === "EnvoyFilter")).toEqual([
        ...["|v1|", "|v2|", "|v3|"].map((subset) => [`outbound|9080${subset}reviews.default.svc.cluster.local`, "EnvoyFilter", at(0)]),
        ["outbound|9080||details.default.svc.cluster.local", "EnvoyFilter", at(1)],
        ["outbound|9080||reviews.default.svc.cluster.local", "EnvoyFilter", at(0)],
      ]);
      expect(patched.filter(([, kind, patches]) => kind !== "EnvoyFilter" && patches.length > 0)).toEqual([]);
      const { output } = await explain("-f", file, "EnvoyFilter", "own", "--proxy", PAGE);
      expect(output).toMatch(
        /\n {2}changes {2}cluster {2}outbound\|9080\|v1\|reviews\S* .* {2}connectTimeout {2}by spec\.configPatches\[0\] \S*filter\.yaml:6\n/,
      );
      expect(output).toMatch(
        /\n {2}hides {4}cluster {2}outbound\|9080\|\|details\S* .* {2}by spec\.configPatches\[1\] \S*filter\.yaml:9\n/,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 240_000);

  test.each([
    ["a resource that there is not", ["--proxy", PAGE, "route", "none"], 1, "the proxy has no route none"],
    ["an object that there is not", ["vs", "review"], 1, "there is no VirtualService default/review that counts; did you mean reviews?"],
    ["an object of another namespace", ["pa", "default"], 1, "there is one in the namespace istio-system (-n)"],
    ["neither a type nor a kind", ["thing", "x"], 2, "thing is neither a type of resource"],
    ["a type without a proxy", ["route"], 2, "say whose with --proxy NODE_ID"],
    ["a kind without a name", ["VirtualService"], 2, "which VirtualService? say its name"],
    ["files that are not there", ["-f", "none", "vs", "reviews"], 1, "none: there is no such file or directory"],
  ] as const)("%s", async (_, parameters, code, message) => {
    const ended = await explain(...parameters);
    expect([ended.code, ended.output]).toEqual([code, ""]);
    expect(ended.errors).toContain(message);
  });
});

describe("of a service that runs", () => {
  let service: ControlService;
  let xds: XdsListener;
  let admin: AdminListener;
  let proxy: DeltaCall;
  beforeAll(async () => {
    service = await ControlService.start({ sources: [new DirectorySource([bookshop])] });
    xds = await XdsListener.start(service.xds, { port: 0 });
    admin = await AdminListener.start(service, { port: 0 });
    proxy = new DeltaCall(xds.port, PAGE);
    proxy.request({ typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster" });
    await proxy.next();
  });
  afterAll(async () => {
    proxy[Symbol.dispose]();
    await admin[Symbol.asyncDispose]();
    await xds[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });
  const explain = (...parameters: readonly string[]) =>
    meshwright(["explain", "--admin", `http://127.0.0.1:${admin.port}`, "--output", "json", ...parameters]);

  test("a resource is made by objects", async () => {
    const before = service.snapshotOf(PAGE);
    const { code, output, errors } = await explain("--proxy", PAGE, "route", ROUTES);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(JSON.parse(output)).toMatchObject(madeRoutes);
    // Nothing was taken away from what is served.
    expect(service.snapshotOf(PAGE)).toBe(before);
    expect(service.mesh.object("VirtualService/default/reviews")).toBeDefined();
  });

  test("an object does something to proxies that are connected", async () => {
    const { code, output } = await explain("vs", "reviews");
    expect(code).toBe(0);
    expect(JSON.parse(output)).toMatchObject({
      object: reference("VirtualService", "reviews", "reviews.yaml"),
      effects: [{ proxies: [PAGE], resources: [{ type: "route", name: ROUTES, effect: "changes" }] }],
      unaffected: [],
    });
    const gateway = JSON.parse((await explain("vs", "bookshop", "--proxy", PAGE)).output) as object;
    expect(gateway).toMatchObject({ effects: [], unaffected: [PAGE] });
  });

  test("many may ask at a time, and those that are too many are told so", async () => {
    const path = `/api/v1/explain/resources?proxy=${PAGE}&type=cluster`;
    const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`http://127.0.0.1:${admin.port}${path}`)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toContain(200);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
  });

  test.each([
    ["a proxy that is not connected", ["--proxy", "sidecar~10.0.0.1~a.b~c", "route"], 1, "is not connected"],
    ["an object that there is not", ["vs", "none"], 1, "there is no VirtualService default/none that counts"],
    ["metadata, which a service knows", ["vs", "reviews", "--metadata", "{}"], 2, "--metadata belongs to -f"],
  ] as const)("%s", async (_, parameters, code, message) => {
    const ended = await explain(...parameters);
    expect([ended.code, ended.output]).toEqual([code, ""]);
    expect(ended.errors).toContain(message);
  });
});
