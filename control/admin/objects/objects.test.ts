import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ControlService } from "../../control-service.ts";
import { ApiSource } from "../../sources/api/index.ts";
import { MemorySource } from "../../sources/memory/index.ts";
import { AdminListener } from "../index.ts";
import type { ObjectsAnswer } from "./objects.ts";
import type { ShownObject } from "./document.ts";

const TOKEN = "a-token-of-many-letters";
const entry = (name: string, host = `${name}.test`) =>
  `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata:\n  name: ${name}\nspec:\n  hosts: [${host}]\n  ports: [{number: 80, name: http, protocol: HTTP}]\n  resolution: DNS\n`;
const virtualService = (name: string, gateway: string) =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}}\nspec: {hosts: [x.test], gateways: [${gateway}], http: [{directResponse: {status: 200}}]}\n`;
const gateway = `apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge}\nspec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}\n`;
const secret = `apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ntype: Opaque\ndata: {word: c2VjcmV0}\n`;
const plugin = (regex: string) =>
  `apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: routes}\nspec:\n  url: builtin://routing\n  pluginConfig:\n    rules:\n      - name: r\n        match: [{uri: {regex: "${regex}"}}]\n        route: x\n`;

interface Api extends AsyncDisposable {
  readonly service: ControlService;
  readonly source: MemorySource;
  ask<T = ObjectsAnswer & { readonly error?: string }>(
    method: string,
    path: string,
    body?: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly body: T; readonly etag: string | null }>;
}

async function start(admission: "strict" | "warn", files: Readonly<Record<string, string>> = {}): Promise<Api> {
  const objects = new ApiSource();
  const source = new MemorySource(files);
  const service = await ControlService.start({ sources: [source, objects], admission });
  const admin = await AdminListener.start(service, { port: 0, tokens: [TOKEN], objects });
  return {
    service,
    source,
    async ask(method, path, body, headers = {}) {
      const response = await fetch(`http://127.0.0.1:${admin.port}/api/v1/${path}`, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, ...headers },
        ...(body === undefined ? {} : { body }),
      });
      return { status: response.status, body: (await response.json()) as never, etag: response.headers.get("etag") };
    },
    async [Symbol.asyncDispose]() {
      await admin[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

describe("objects by the API", () => {
  let api: Api;
  beforeAll(async () => {
    api = await start("warn", { "mesh.yaml": entry("filed") });
  });
  beforeEach(async () => {
    await api.ask("DELETE", "objects/ServiceEntry/default/a");
  });
  afterAll(() => api?.[Symbol.asyncDispose]());

  test("are applied, shown, listed, changed and deleted", async () => {
    const created = await api.ask("POST", "objects", `${entry("a")}---\n${entry("b")}`);
    expect(created.status).toBe(200);
    expect(created.body.objects.map(({ name, result }) => `${name} ${result}`)).toEqual(["a created", "b created"]);
    expect(api.service.mesh.servicesOf("a.test")).toHaveLength(1);
    const again = await api.ask("POST", "objects", entry("a"));
    expect(again.body.objects[0]?.result).toBe("unchanged");
    const updated = await api.ask("PUT", "objects/se/default/a", entry("a", "other.test"));
    expect([updated.body.objects[0]?.result, updated.etag]).toEqual(["updated", `"${updated.body.objects[0]?.resourceVersion ?? ""}"`]);
    const one = await api.ask<ShownObject>("GET", "objects/serviceentries/default/a");
    expect(one.body).toMatchObject({ kind: "ServiceEntry", source: "api", file: "api/ServiceEntry/default/a.yaml", line: 1 });
    expect(one.body.object).toMatchObject({ spec: { hosts: ["other.test"] }, metadata: { resourceVersion: one.body.resourceVersion } });
    const listed = await api.ask<{ readonly objects: readonly ShownObject[] }>("GET", "objects?kind=ServiceEntry");
    expect(listed.body.objects.map(({ name, source }) => `${name} ${source}`)).toEqual(["a api", "b api", "filed file"]);
    expect((await api.ask("DELETE", "objects/ServiceEntry/default/b")).body.objects[0]?.result).toBe("deleted");
    expect((await api.ask("GET", "objects/ServiceEntry/default/b")).status).toBe(404);
    expect((await api.ask("DELETE", "objects/ServiceEntry/default/b")).status).toBe(404);
  });

  test("are JSON too, one, a list or an array", async () => {
    const json = {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: { name: "a" },
      spec: { hosts: ["j.test"], ports: [{ number: 80, name: "http" }], resolution: "DNS" },
    };
    for (const body of [json, { apiVersion: "v1", kind: "List", items: [json] }, [json]]) {
      const { status, body: answer } = await api.ask("POST", "objects", JSON.stringify(body));
      expect([status, answer.objects.length]).toEqual([200, 1]);
    }
  });

  test("that are only tried change nothing", async () => {
    const { body } = await api.ask("POST", "objects?dryRun=true", entry("a"));
    expect([body.dryRun, body.objects[0]?.result]).toEqual([true, "created"]);
    expect(api.service.mesh.servicesOf("a.test")).toEqual([]);
    expect((await api.ask("POST", "objects?dryRun=true", "kind: ServiceEntry\nmetadata: {name: a}\n")).status).toBe(422);
  });

  test("are applied all or none, with what is wrong and where", async () => {
    const { status, body } = await api.ask("POST", "objects", `${entry("a")}---\n${entry("c").replace("hosts:", "hostz:")}`);
    expect(status).toBe(422);
    expect(body.problems?.map(({ file, line, path }) => `${file}:${line} ${path}`)).toContain(
      "api/ServiceEntry/default/c.yaml:7 spec.hostz",
    );
    expect(api.service.mesh.servicesOf("a.test")).toEqual([]);
  });

  test("that a module refuses are not applied", async () => {
    const { status, body } = await api.ask("POST", "objects", plugin("(a{1,1000}){1,1000}"));
    expect(status).toBe(422);
    expect(body.problems?.map(({ code, line, path }) => `${code} ${line} ${path}`)).toEqual([
      "MW0015 9 spec.pluginConfig.rules[0].match[0].uri.regex",
    ]);
    expect(api.service.objects.has("WasmPlugin/default/routes")).toBe(false);
  });

  test("are many at once too, and read in a thread of their own", async () => {
    const names = Array.from({ length: 150 }, (_, index) => `many-${index}`);
    const body = names.map((name) => entry(name)).join("---\n");
    expect(body.length).toBeGreaterThan(16 * 1024);
    const { status, body: answer } = await api.ask("POST", "objects", body);
    expect([status, answer.objects.length, answer.objects.at(-1)?.name]).toEqual([200, 150, "many-149"]);
    const wrong = await api.ask("POST", "objects?dryRun=true", body.replace("hosts: [many-149.test]", "hostz: [many-149.test]"));
    expect(wrong.body.problems?.map(({ file, line }) => `${file}:${line}`)).toContain("api/ServiceEntry/default/many-149.yaml:7");
  });

  test("in files are shown and not changed", async () => {
    for (const [method, body] of [
      ["PUT", entry("filed", "x.test")],
      ["DELETE", undefined],
    ] as const) {
      const answer = await api.ask(method, "objects/ServiceEntry/default/filed", body);
      expect([answer.status, answer.body.error]).toEqual([409, expect.stringContaining("stands in mesh.yaml:1")]);
    }
  });

  test("are changed only where they are what they were taken for", async () => {
    const { etag } = await api.ask("PUT", "objects/ServiceEntry/default/a", entry("a"));
    const put = (headers: Readonly<Record<string, string>>, host: string) =>
      api.ask("PUT", "objects/ServiceEntry/default/a", entry("a", host), headers);
    expect((await put({ "if-none-match": "*" }, "x.test")).status).toBe(412);
    expect((await put({ "if-match": '"other"' }, "x.test")).status).toBe(412);
    expect((await put({ "if-match": etag ?? "" }, "x.test")).status).toBe(200);
    expect((await put({ "if-match": etag ?? "" }, "y.test")).status).toBe(412);
    const { body: got } = await api.ask<ShownObject>("GET", "objects/ServiceEntry/default/a");
    const document = JSON.stringify(got.object);
    expect((await api.ask("POST", "objects", document.replace("x.test", "z.test"))).status).toBe(200);
    const stale = await api.ask("POST", "objects", document);
    expect([stale.status, stale.body.error]).toEqual([409, expect.stringContaining("get it again")]);
    expect((await api.ask("DELETE", "objects/ServiceEntry/default/a", undefined, { "if-match": '"other"' })).status).toBe(412);
  });

  test("keep their secrets", async () => {
    await api.ask("POST", "objects", secret);
    const { body } = await api.ask<ShownObject>("GET", "objects/secret/default/keys");
    expect(JSON.stringify(body)).not.toContain("c2VjcmV0");
    expect(body.object).toMatchObject({ data: { word: "<hidden>" } });
  });

  test.each([
    ["no text", "POST", "objects", "", 400],
    ["no YAML", "POST", "objects", "a: [", 422],
    ["something of others", "POST", "objects", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n", 422],
    ["no name", "POST", "objects", "apiVersion: v1\nkind: Service\nmetadata: {}\n", 422],
    ["the same twice", "POST", "objects", `${entry("a")}---\n${entry("a")}`, 400],
    ["another than the path says", "PUT", "objects/ServiceEntry/default/b", entry("a"), 400],
    ["a name that leads elsewhere", "POST", "objects", entry("../../x"), 422],
    ["no kind", "GET", "objects?kind=nothing", undefined, 400],
  ])("refuses %s", async (_, method, path, body, status) => {
    const answer = await api.ask(method, path, body);
    expect([answer.status, typeof answer.body.error]).toEqual([status, "string"]);
  });

  test("want the role write, and who may only read is told", async () => {
    expect((await api.ask("POST", "objects", entry("a"), { authorization: "Bearer wrong-token-of-letters" })).status).toBe(401);
  });

  test.each([
    ["100 MB", () => "#".repeat(100 * 1024 * 1024), 413],
    ["a million objects", () => "---\n".repeat(1_000_000), 413],
    ["a million in a list", () => `{"kind":"List","items":[${Array(1_000_000).fill("{}").join()}]}`, 413],
  ])("refuses %s quickly", async (_, body, status) => {
    const text = body();
    const before = performance.now();
    // A body that is too long may be cut off before it was sent.
    const answer = await api.ask("POST", "objects", text).catch(() => ({ status: 413 }));
    expect(answer.status).toBe(status);
    expect(performance.now() - before).toBeLessThan(15_000);
    expect((await api.ask("GET", "objects/ServiceEntry/default/filed")).status).toBe(200);
  });
});

describe("strict admission", () => {
  test("refuses a request that would break something else, and says what", async () => {
    await using api = await start("strict", { "mesh.yaml": gateway });
    expect((await api.ask("POST", "objects", virtualService("good", "edge"))).status).toBe(200);
    const missing = await api.ask("POST", "objects", virtualService("bad", "nowhere"));
    expect([missing.status, missing.body.problems?.some(({ code }) => code === "IST0101")]).toEqual([422, true]);
    expect(api.service.objects.has("VirtualService/default/bad")).toBe(false);
  });

  test("takes a change of files whole or not at all, until it is mended", async () => {
    await using api = await start("strict", { "a.yaml": entry("a"), "b.yaml": entry("b") });
    const hosts = () => ["a.test", "b.test", "c.test", "d.test"].filter((host) => api.service.mesh.servicesOf(host).length > 0);
    api.source.apply({ "a.yaml": entry("a", "c.test"), "b.yaml": entry("b", "d.test").replace("hosts:", "hostz:") });
    await api.service.refresh();
    expect(hosts()).toEqual(["a.test", "b.test"]);
    const { body } = await api.ask<{ readonly admission: ReturnType<ControlService["admissionStatus"]> }>("GET", "status");
    expect(body.admission).toMatchObject({ mode: "strict", refused: [{ source: "memory", files: ["a.yaml", "b.yaml"] }] });
    expect(api.service.problems().map(({ file, level }) => `${file} ${level}`)).toContain("b.yaml error");
    api.source.apply({ "b.yaml": entry("b", "d.test") });
    await api.service.refresh();
    expect(hosts()).toEqual(["c.test", "d.test"]);
    expect(api.service.admissionStatus().refused).toEqual([]);
    expect(api.service.problems()).toEqual([]);
  });

  test("does not take what a module refuses of a change with what counts already, though it takes each object by itself", async () => {
    const large = (name: string, namespace = "default") => {
      const paths = Array.from({ length: 7_000 }, (_, index) => `/${name}/${"x".repeat(80)}/${index}`);
      const spec = { action: "DENY", rules: [{ to: [{ operation: { paths } }] }] };
      return JSON.stringify({ apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy", metadata: { name, namespace }, spec });
    };
    await using api = await start("strict", { "a.yaml": large("one") });
    expect((await api.ask("POST", "objects", large("elsewhere", "other"))).status).toBe(200);
    const second = await api.ask("POST", "objects", large("two"));
    expect([second.status, second.body.problems?.map(({ code }) => code)]).toEqual([422, ["MW0015"]]);
    api.source.apply({ "b.yaml": large("two") });
    await api.service.refresh();
    expect(api.service.admissionStatus().refused).toMatchObject([{ files: ["b.yaml"] }]);
    api.source.apply({ "a.yaml": undefined });
    await api.service.refresh();
    expect([...api.service.objects.keys()].toSorted()).toEqual(["AuthorizationPolicy/default/two", "AuthorizationPolicy/other/elsewhere"]);
  });

  test("does not take what a module refuses, nor what stands beside it", async () => {
    await using api = await start("strict", { "a.yaml": entry("a") });
    api.source.apply({ "a.yaml": entry("a", "c.test"), "b.yaml": plugin("(a{1,1000}){1,1000}") });
    await api.service.refresh();
    expect(api.service.mesh.servicesOf("a.test")).toHaveLength(1);
    expect(api.service.problems().map(({ code }) => code)).toEqual(["MW0015"]);
    api.source.apply({ "b.yaml": undefined });
    await api.service.refresh();
    expect(api.service.mesh.servicesOf("c.test")).toHaveLength(1);
  });

  test("takes what was held as soon as what it lacked is there", async () => {
    await using api = await start("strict");
    api.source.apply({ "a.yaml": virtualService("v", "edge") });
    await api.service.refresh();
    expect(api.service.objects.has("VirtualService/default/v")).toBe(false);
    expect((await api.ask("POST", "objects", gateway)).status).toBe(200);
    expect(api.service.objects.has("VirtualService/default/v")).toBe(true);
    expect((await api.ask("DELETE", "objects/gw/default/edge")).status).toBe(422);
  });

  test("serves nothing of a start that is wrong", async () => {
    await expect(start("strict", { "a.yaml": entry("a"), "b.yaml": "kind: [" })).rejects.toThrow(/b\.yaml:1/);
  });
});
