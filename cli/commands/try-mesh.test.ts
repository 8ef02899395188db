import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { type Ended, meshwright } from "../testing/run.ts";
import { shopMesh } from "../testing/shop-mesh.ts";

const PAGE = "sidecar~10.0.0.9~productpage-v1.default~default.svc.cluster.local";
const REVIEWS = "sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local";
const GATEWAY = "router~10.0.0.8~gateway.default~default.svc.cluster.local";
const V1 = "outbound|80|v1|reviews.default.svc.cluster.local";
const V2 = "outbound|80|v2|reviews.default.svc.cluster.local";

const bookshop = fileURLToPath(new URL("../../scripts/demo/mesh", import.meta.url));

let folder: string;
const mesh = () => join(folder, "mesh");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-try-mesh-"));
  await mkdir(mesh());
  for (const [name, text] of Object.entries(shopMesh())) await writeFile(join(mesh(), name), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Request = Readonly<Record<string, unknown>>;
type Result = Readonly<Record<string, unknown>>;

function parse({ output }: Ended): Result[] {
  return output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Result);
}

function run(requests: readonly Request[], ...options: readonly string[]): Promise<Ended> {
  return meshwright(["try", "-f", mesh(), ...options, "-"], { input: requests.map((request) => JSON.stringify(request)).join("\n") });
}

/** One Envoy for all cases of a proxy, of which each is a test: what it shows, what is asked, and what becomes of it. */
function cases(options: readonly string[]): (name: string, request: Request, result: Result) => void {
  const requests: Request[] = [];
  let ended: Promise<Ended> | undefined;
  return (name, request, result) => {
    const id = String(requests.push({ id: String(requests.length), ...request }) - 1);
    test(name, async (context) => {
      await requireTarget(envoyTarget, context);
      const all = await (ended ??= run(requests, ...options));
      expect(all.errors).toBe("");
      expect(parse(all)[Number(id)]).toMatchObject({ id, ...result });
    });
  };
}

const header = (name: string, value: string) => expect.arrayContaining([[name, value]]) as unknown;

/** The route of a VirtualService that was taken, and that it stands where it is said to. */
const routed = (index: number, cluster: string) => ({
  filter: "envoy.filters.http.router",
  rule: `default/reviews spec.http[${index}]`,
  result: "route",
  reason: `to ${cluster}`,
  at: expect.stringMatching(/routes\.yaml:\d+:\d+$/) as string,
});
const fault = (result: string, reason: string, index: number) => ({
  filter: "envoy.filters.http.fault",
  rule: `default/reviews spec.http[${index}].fault.${result}`,
  result,
  reason,
  at: expect.stringMatching(/routes\.yaml:\d+:\d+$/) as string,
});

describe("requests of a workload", () => {
  const shows = cases(["--proxy", PAGE]);
  shows(
    "go by the routes of their host",
    { authority: "reviews", path: "/" },
    { outcome: "forward", status: 200, details: "via_upstream", route: "default", cluster: V1, decisions: [routed(9, V1)] },
  );
  shows(
    "to any of its names, and ports",
    { authority: "Reviews.default.svc.cluster.local.:80", path: "/" },
    { route: "default", cluster: V1 },
  );
  shows("to its address", { authority: "10.96.0.10", path: "/nobody" }, { route: "nobody" });
  shows("by their headers", { authority: "reviews", path: "/", headers: [["x-user", "jason"]] }, { route: "testers", cluster: V2 });
  shows("over HTTP/2", { authority: "reviews", path: "/", protocol: "h2" }, { route: "default", cluster: V1 });
  shows(
    "of gRPC",
    { authority: "reviews", path: "/a.B/C", protocol: "grpc", body: "question", response: { body: "answer" } },
    { cluster: V1, request: { method: "POST", body: "question" }, response: { body: "answer" } },
  );
  shows(
    "of WebSocket",
    { authority: "reviews", path: "/", protocol: "websocket", body: "hello" },
    { status: 101, response: { body: "hello" } },
  );
  shows(
    "are delayed",
    { authority: "reviews", path: "/slow" },
    {
      outcome: "forward",
      route: "slow",
      delay: expect.closeTo(0.3, 0),
      decisions: [fault("delay", "milliseconds: 300", 0), routed(0, V1)],
    },
  );
  shows(
    "are aborted",
    { authority: "reviews", path: "/aborted" },
    {
      outcome: "respond",
      status: 418,
      details: "fault_filter_abort",
      route: "aborted",
      decisions: [fault("abort", "HTTP status: 418", 1), routed(1, V1)],
    },
  );
  shows(
    "are sent elsewhere",
    { authority: "reviews", path: "/old" },
    {
      outcome: "respond",
      status: 301,
      route: "moved",
      response: { headers: header("location", "http://reviews/new") },
      decisions: [{ rule: "default/reviews spec.http[2]", result: "route", reason: "answers by itself" }],
    },
  );
  shows(
    "are answered by the proxy",
    { authority: "reviews", path: "/gone" },
    { outcome: "respond", status: 410, response: { body: "gone" } },
  );
  shows(
    "are rewritten, and what the upstream answers comes back",
    {
      authority: "reviews",
      method: "POST",
      path: "/api/x",
      body: "in",
      headers: [["x-secret", "1"]],
      response: { status: 201, headers: [["x-upstream", "1"]], body: "out" },
    },
    {
      request: {
        method: "POST",
        authority: "inner.example",
        path: "/x",
        body: "in",
        headers: expect.not.arrayContaining([["x-secret", "1"]]),
      },
      response: {
        status: 201,
        body: "out",
        headers: expect.arrayContaining([
          ["x-added", "2"],
          ["x-upstream", "1"],
        ]),
      },
      cluster: V2,
    },
  );
  shows(
    "are mirrored, and show what came of themselves",
    { authority: "reviews", path: "/mirrored", response: { status: 201 } },
    { outcome: "forward", status: 201, route: "mirrored", cluster: V1, request: { authority: "reviews", path: "/mirrored" } },
  );
  shows(
    "find nobody in a subset that is empty",
    { authority: "reviews", path: "/nobody" },
    { status: 503, details: "no_healthy_upstream" },
  );
  shows(
    "are shifted by weight",
    { authority: "reviews", path: "/shifted" },
    { route: "shifted", cluster: expect.stringMatching(/\|v[12]\|/) },
  );
  shows(
    "whose upstream goes away",
    { authority: "reviews", path: "/", response: { reset: "after-headers" } },
    { outcome: "reset", status: 0, details: expect.stringContaining("upstream_reset_after_response_started"), route: "default" },
  );
  shows(
    "for hosts that nobody knows go on",
    { authority: "who.example", path: "/" },
    {
      route: "allow_any",
      cluster: "PassthroughCluster",
      decisions: [
        { filter: "envoy.filters.http.router", rule: "", result: "route", reason: "to PassthroughCluster, by no VirtualService" },
      ],
    },
  );
  shows(
    "on ports that nobody knows go on as bytes",
    { authority: "who.example:7", path: "/", response: { status: 203 } },
    { outcome: "forward", status: 203, details: "via_upstream", cluster: "PassthroughCluster", request: { authority: "who.example:7" } },
  );
  shows(
    "as bytes reach services of TCP",
    { authority: "db:5432", path: "/" },
    {
      outcome: "forward",
      cluster: "outbound|5432||db.default.svc.cluster.local",
      decisions: [{ filter: "envoy.filters.network.tcp_proxy", rule: "", result: "route" }],
    },
  );
  shows(
    "go where destination says, whatever their host",
    { authority: "who.example", path: "/", destination: { address: "10.96.0.11", port: 5432 } },
    { cluster: "outbound|5432||db.default.svc.cluster.local" },
  );
  shows(
    "in TLS of their own go by its server name",
    { authority: "api.example.com", scheme: "https", path: "/" },
    { status: 200, cluster: "outbound|443||api.example.com" },
  );
  shows(
    "in TLS of their own, over HTTP/2",
    { authority: "api.example.com", scheme: "https", protocol: "h2", path: "/" },
    { status: 200, cluster: "outbound|443||api.example.com" },
  );
  shows(
    "for which the proxy would begin TLS are seen by the upstream without",
    { authority: "api.example.com", path: "/" },
    { cluster: "outbound|80||api.example.com" },
  );
  shows("over IPv6", { authority: "[2001:db8::1]", path: "/" }, { status: 200, cluster: "PassthroughCluster" });
  shows("that are no HTTP", { authority: "a b", path: "/" }, { outcome: "respond", status: 400, details: "http.invalid_authority" });
});

describe("requests to a workload", () => {
  const metadata = ["--metadata", JSON.stringify({ LABELS: { app: "reviews" } })];
  const shows = cases(["--proxy", REVIEWS, ...metadata, "--direction", "inbound", "--explain"]);
  shows(
    "pass its policies, and come to its port",
    { authority: "reviews", path: "/" },
    { outcome: "forward", cluster: "inbound|9080||", decisions: [{ filter: "authorization", result: "allow" }] },
  );
  shows("by the port on which it listens", { authority: "reviews:9080", path: "/" }, { cluster: "inbound|9080||" });
  shows("on a port that is no service's", { authority: "reviews:7", path: "/" }, { cluster: "InboundPassthroughCluster" });
  shows(
    "are denied by path",
    { authority: "reviews", path: "/admin/users" },
    {
      outcome: "respond",
      status: 403,
      details: "authorization_denied_policy[default/no-admin]_rule[0]",
      decisions: [
        {
          filter: "authorization",
          rule: "default/no-admin[0]",
          result: "deny",
          reason: "DENY policy matched",
          at: expect.stringMatching(/policies\.yaml:\d+:\d+$/),
        },
      ],
      explanation: [
        expect.stringMatching(/^authorization: rule "default\/no-admin\[0\]": deny, DENY policy matched \(.*policies\.yaml:\d+:\d+\)$/),
      ],
    },
  );
  shows(
    "are denied by address",
    { authority: "reviews", path: "/", source: { address: "203.0.113.7:1234" } },
    { status: 403, decisions: [{ rule: "default/no-strangers[0]", result: "deny" }] },
  );
  shows(
    "are let in by who they are",
    { authority: "reviews", path: "/admin", source: { principal: "spiffe://cluster.local/ns/default/sa/admin" } },
    {
      outcome: "forward",
      request: {
        headers: header("x-forwarded-client-cert", expect.stringContaining("URI=spiffe://cluster.local/ns/default/sa/admin") as string),
      },
      decisions: [{ result: "allow" }],
    },
  );
  shows(
    "of others are not",
    { authority: "reviews", path: "/admin", source: { principal: "spiffe://cluster.local/ns/default/sa/other" }, protocol: "h2" },
    { status: 403, decisions: [{ rule: "default/no-admin[0]" }] },
  );
  shows(
    "of another trust domain do not get in",
    { authority: "reviews", path: "/", source: { principal: "spiffe://elsewhere/ns/default/sa/admin" } },
    { outcome: "reset", status: 0 },
  );

  test("pass by policies for other labels", async (context) => {
    await requireTarget(envoyTarget, context);
    // Nobody says labels of it: neither its node nor an object with its address.
    const other = "sidecar~10.9.9.9~other.default~default.svc.cluster.local";
    const requests = [{ authority: "reviews", path: "/admin", destination: { port: 9080 } }];
    expect(parse(await run(requests, "--proxy", other, "--direction", "inbound"))).toMatchObject([{ outcome: "forward", decisions: [] }]);
    // Of a known workload they count without metadata.
    expect(parse(await run(requests, "--proxy", REVIEWS, "--direction", "inbound"))).toMatchObject([
      { status: 403, decisions: [{ rule: "default/no-admin[0]" }] },
    ]);
  });

  test("are judged with what --cluster answers to filters, and with nothing else", async (context) => {
    await requireTarget(envoyTarget, context);
    const examples = fileURLToPath(new URL("../../filters/authentication/examples", import.meta.url));
    const example = (await readFile(`${examples}/remote.json`, "utf8")).replace(': "issuer"', ': "outbound|443||api.example.com"');
    const configuration = JSON.stringify(JSON.parse(example));
    const plugin = join(folder, "authentication.yaml");
    await writeFile(
      plugin,
      `apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: tokens, namespace: default}\nspec: {match: [{mode: SERVER}], url: builtin://authentication, pluginConfig: ${configuration}}\n`,
    );
    const requests = (await readFile(`${examples}/requests.jsonl`, "utf8"))
      .trim()
      .split("\n")
      .map((line) => ({ authority: "reviews", ...(JSON.parse(line) as Request) }));
    const options = ["-f", plugin, "--proxy", REVIEWS, "--direction", "inbound"];
    const answered = await run(requests, ...options, "--cluster", `outbound|443||api.example.com=${examples}/keys.jwks`);
    expect([answered.code, answered.errors, parse(answered).map(({ status }) => status)]).toEqual([0, "", [200, 401, 200, 401]]);
    const alone = await run(requests, ...options);
    expect([alone.code, parse(alone).map(({ status }) => status)]).toEqual([0, [401, 401, 200, 401]]);
    expect(alone.errors).toContain("jwks.json not fetched: status 503");
  });

  test("go one after the other where something counts them", async (context) => {
    await requireTarget(envoyTarget, context);
    const requests = Array.from({ length: 6 }, () => ({ authority: "reviews", path: "/" }));
    const options = ["--proxy", REVIEWS, "--direction", "inbound", "--metadata", JSON.stringify({ LABELS: { limited: "true" } })];
    expect(parse(await run(requests, ...options)).map(({ status }) => status)).toEqual([200, 200, 200, 429, 429, 429]);
  });
});

describe("requests to a gateway", () => {
  const shows = cases(["--proxy", GATEWAY, "--metadata", JSON.stringify({ LABELS: { app: "gateway" } })]);
  shows(
    "are sent to TLS",
    { authority: "shop.example.com", path: "/a" },
    { outcome: "respond", status: 301, response: { headers: header("location", "https://shop.example.com/a") } },
  );
  shows(
    "go by their host",
    { authority: "shop.example.com", scheme: "https", path: "/a", source: { address: "203.0.113.7:1234" } },
    {
      route: "shop",
      cluster: V1,
      request: { headers: header("x-forwarded-for", "203.0.113.7") },
      decisions: [{ rule: "default/shop spec.http[0]", result: "route", at: expect.stringContaining("gateway.yaml:") }],
    },
  );
  shows("over HTTP/2", { authority: "shop.example.com", scheme: "https", path: "/a", protocol: "h2" }, { route: "shop", cluster: V1 });
  shows("on a port of TLS are in TLS", { authority: "shop.example.com:443", path: "/" }, { route: "shop" });
  shows(
    "for a server name that it does not have",
    { authority: "shop.example.com", sni: "other.example.com", path: "/" },
    { outcome: "reset", status: 0, details: "filter_chain_not_found" },
  );
  shows(
    "in another's TLS do not find a host",
    { authority: "shop.example.com", sni: "admin.example.com", path: "/", source: { principal: "spiffe://a/b" } },
    { status: 404 },
  );
  shows(
    "with a certificate",
    { authority: "admin.example.com", path: "/", source: { principal: "spiffe://cluster.local/ns/a/sa/b" } },
    { route: "shop" },
  );
  shows(
    "without the certificate that it wants",
    { authority: "admin.example.com", scheme: "https", path: "/" },
    { outcome: "reset", status: 0 },
  );
  shows(
    "whose TLS it passes on",
    { authority: "pass.example.com:8443", scheme: "https", path: "/" },
    {
      status: 200,
      cluster: "outbound|5432||db.default.svc.cluster.local",
      decisions: [{ filter: "envoy.filters.network.tcp_proxy", rule: "default/pass spec.tls[0]", result: "route" }],
    },
  );
  shows(
    "for hosts that nobody knows",
    { authority: "who.example", path: "/" },
    { outcome: "respond", status: 404, details: "route_not_found" },
  );

  test("on a port on which it does not listen", async (context) => {
    await requireTarget(envoyTarget, context);
    const ended = await run(
      [{ id: "a", authority: "shop.example.com:81", path: "/" }],
      "--proxy",
      GATEWAY,
      "--metadata",
      '{"LABELS":{"app":"gateway"}}',
    );
    const error = "standard input:1: destination.port: the proxy does not listen on port 81; it listens on 80, 443, 8443";
    expect([ended.code, parse(ended)]).toEqual([1, [{ id: "a", error }]]);
  });
});

test("hosts that nobody knows are not reached where the mesh says so, by name or as bytes", async (context) => {
  await requireTarget(envoyTarget, context);
  const file = join(folder, "mesh-config.yaml");
  await writeFile(file, "outboundTrafficPolicy: { mode: REGISTRY_ONLY }\n");
  const requests = [
    { authority: "who.example", path: "/" },
    { authority: "who.example:7", path: "/" },
  ];
  const ended = await run(requests, "--proxy", PAGE, "--mesh-config", file);
  expect(parse(ended)).toMatchObject([
    { outcome: "respond", status: 502, route: "block_all" },
    { outcome: "reset", status: 0, details: "NoHealthyUpstream", cluster: "BlackHoleCluster" },
  ]);
});

test("the bookshop, with more files of workloads", async (context) => {
  await requireTarget(envoyTarget, context);
  const file = join(folder, "workloads.yaml");
  const workload = (version: number) =>
    `{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: reviews-v${version}}, spec: {address: 10.0.0.${version}, labels: {app: reviews, version: v${version}}}}`;
  await writeFile(file, [1, 2, 3].map(workload).join("\n---\n"));
  const input = [
    { id: "anybody", authority: "reviews:9080", path: "/" },
    { id: "jason", authority: "reviews:9080", path: "/", headers: [["x-user", "jason"]] },
    { id: "nobody there", authority: "ratings:9080", path: "/" },
  ];
  const options = ["-f", bookshop, "-f", file, "--proxy", PAGE, "--output", "text", "-"];
  const { code, output, errors } = await meshwright(["try", ...options], { input: input.map((line) => JSON.stringify(line)).join("\n") });
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(output).toMatch(
    /^anybody: forward 200 \(via_upstream\), cluster outbound\|9080\|v[12]\|reviews\.default\.svc\.cluster\.local\njason: forward 200 \(via_upstream\), cluster outbound\|9080\|v3\|reviews\.default\.svc\.cluster\.local\nnobody there: respond 503 \(no_healthy_upstream\), .*\n$/,
  );
});

describe("what is wrong", () => {
  test("is told of a line in its place, and the others go on", async (context) => {
    await requireTarget(envoyTarget, context);
    const input =
      '{"path":"/","authority":"reviews"}\n{"id":"b","pth":"/"}\n{"id":"c","path":"/","time":"2026-01-31T12:00:00Z"}\n{"id":"d","path":"/gone","authority":"reviews"}';
    const ended = await meshwright(["try", "-f", mesh(), "--proxy", PAGE, "-"], { input });
    expect(ended.code).toBe(1);
    expect(parse(ended)).toMatchObject([
      { status: 200 },
      { id: "b", error: "standard input:2: pth: unknown field; did you mean path?; path: is missing" },
      { id: "c", error: expect.stringContaining("standard input:3: time: Envoy has its own clock") },
      { id: "d", status: 410 },
    ]);
  });

  test("is told of the mesh, and the rest of it is tried", async (context) => {
    await requireTarget(envoyTarget, context);
    const file = join(folder, "broken.yaml");
    await writeFile(
      file,
      "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: broken, namespace: default }\nspec: { hostz: [db] }\n",
    );
    const ended = await run([{ authority: "reviews", path: "/" }], "-f", file, "--proxy", PAGE);
    expect(ended.code).toBe(1);
    expect(ended.errors).toContain("broken.yaml:4:9: error");
    expect(parse(ended)).toMatchObject([{ status: 200, cluster: V1 }]);
  });

  test("is told of what a filter's module refuses, and tried as the control service would have it", async (context) => {
    await requireTarget(envoyTarget, context);
    const file = join(folder, "refused.yaml");
    const policy = {
      jwtRules: [{ issuer: "https://issuer.example.com", jwks: '{"keys":[{"kty":"oct","k":"AA"}]}' }],
    };
    const plugin = (name: string, filter: string, pluginConfig: object) =>
      JSON.stringify({
        apiVersion: "extensions.istio.io/v1alpha1",
        kind: "WasmPlugin",
        metadata: { name },
        spec: { url: `builtin://${filter}`, pluginConfig },
      });
    const routing = plugin("routes", "routing", { rules: [{ name: "r", match: [{ uri: { regex: "(a{1,1000}){1,1000}" } }], route: "x" }] });
    await writeFile(file, `${routing}\n---\n${plugin("tokens", "authentication", policy)}\n`);
    const request = { authority: "reviews", path: "/" };
    const outbound = await run([request], "-f", file, "--proxy", PAGE);
    expect([outbound.code, parse(outbound)]).toMatchObject([1, [{ status: 200, cluster: V1 }]]);
    expect(outbound.errors).toMatch(/refused\.yaml:1:\d+: error MW0015 spec\.pluginConfig\.rules\[0\]\.match\[0\]\.uri\.regex: /);
    expect(outbound.errors).toMatch(/refused\.yaml:3:\d+: error MW0015 spec\.pluginConfig\.jwtRules\[0\]\.jwks: /);
  });

  test.each([
    ["a node id that is none", ["--proxy", "reviews"], 2, "--proxy: node id"],
    ["metadata that is no JSON", ["--proxy", PAGE, "--metadata", "{"], 2, "--metadata is no JSON"],
    ["files that are not there", ["--proxy", PAGE, "-f", "none.yaml"], 1, "none.yaml: there is no such file or directory"],
    ["a mesh and a filter", ["--proxy", PAGE, "--filter", "routing"], 2, "cannot be used with option '--filter <name>'"],
    ["neither", [], 2, "--proxy NODE_ID with -f for the files of its mesh, or --filter NAME"],
    ["files of a mesh for a filter", ["--filter", "routing", "-f", "mesh"], 2, "--file belongs to --proxy"],
    ["a direction that there is not", ["--proxy", PAGE, "--direction", "up"], 2, "Allowed choices are inbound, outbound"],
    ["no Envoy on this machine", ["--proxy", PAGE], 3, "ENVOY_BIN"],
  ] as const)("%s", async (name, options, code, message) => {
    const env = name.startsWith("no Envoy") ? { ENVOY_BIN: join(folder, "none"), MESHWRIGHT_CACHE: join(folder, "cache") } : {};
    const ended = await meshwright(["try", ...options, "-"], { input: '{"path":"/"}', env });
    expect([ended.code, ended.output]).toEqual([code, ""]);
    expect(ended.errors).toContain(message);
    expect(ended.errors).not.toMatch(/\n\s+at /);
  });
});
