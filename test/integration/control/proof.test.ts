import { afterAll, beforeAll, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../harness/upstreams/index.ts";
import { Client, getAt } from "./client.ts";
import { type RunningEnvoy, RunningMesh } from "./running-mesh.ts";

// What a module would refuse never reaches an Envoy: nothing is lost by it, nothing is let past, and what is good goes on.

const NODE = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local";
const OTHER = "sidecar~10.0.0.2~app-2.default~default.svc.cluster.local";
/** The schema takes it, the module does not. */
const POISON = "(a{1,1000}){1,1000}";

const plugin = (regex: string) => `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: limits }
spec:
  url: builtin://ratelimit
  match: [{ mode: SERVER }]
  pluginConfig:
    limits:
      - name: all
        match: { uri: { regex: "${regex}" } }
        tokenBucket: { maxTokens: 1000000, fillInterval: 1s }
`;
const denies = (name: string, paths: readonly string[]) => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name} }
spec: { action: DENY, rules: [{ to: [{ operation: { paths: ${JSON.stringify(paths)} } }] }] }
`;
/** More than half of what a module takes as its configuration. */
const many = (name: string) =>
  denies(name, [`/${name}`, ...Array.from({ length: 600 }, (_, index) => `/${name}/${index}/${"x".repeat(990)}`)]);

let web: Upstream;
let mesh: RunningMesh;
let app: RunningEnvoy;

const inbound = (proxy = app) => proxy.inbound("10.0.0.1:9080");
const status = async (path: string, proxy = app) => (await getAt(inbound(proxy), "app", path)).status;
const errors = () =>
  mesh.service
    .problems()
    .filter(({ level }) => level === "error")
    .map(({ file, line, path }) => `${file}:${line} ${path.join(".")}`);

beforeAll(async () => {
  web = await startUpstream();
  mesh = await RunningMesh.start({
    "mesh.yaml": `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec:
  ingress: [{ port: { number: 9080, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:${web.port}" }]
  egress: [{ hosts: ["*/*"] }]
`,
    "policy.yaml": denies("secret", ["/secret"]),
  });
  app = await mesh.proxy(NODE);
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
});

test("what a module refuses never leaves, while requests come and other things change", async () => {
  const wrong = new Set<string>();
  let stopped = false;
  let answered = 0;
  const run = async (path: string, expected: number): Promise<void> => {
    using client = new Client(inbound());
    while (!stopped) {
      const answer = await client.get("app", path).then((each) => String(each.status), String);
      answered += 1;
      if (answer !== String(expected)) wrong.add(`${path}: ${answer}`);
    }
  };
  const loops = [run("/", 200), run("/secret", 403)];
  for (let round = 0; round < 10; round++) {
    await mesh.apply({ "plugin.yaml": plugin(round % 2 === 0 ? `/r${round}.*` : POISON), "more.yaml": denies("more", [`/more-${round}`]) });
    expect(errors()).toEqual(round % 2 === 0 ? [] : ["plugin.yaml:11 spec.pluginConfig.limits.0.match.uri.regex"]);
    expect([await status(`/more-${round}`), await status(`/more-${round - 1}`)]).toEqual([403, 200]);
    const before = answered;
    await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(before + 10);
  }
  stopped = true;
  await Promise.all(loops);
  expect([...wrong]).toEqual([]);
  const dump = JSON.stringify(await app.envoy.admin.configDump({ resource: "ecds_filters" }));
  expect(dump).toContain("r8");
  expect(dump).not.toContain("1000}");
});

test("what modules take one by one and not together is not sent, and a proxy that has nothing else refuses all", async () => {
  await mesh.apply({ "plugin.yaml": undefined, "more.yaml": undefined, "one.yaml": many("one") });
  expect([await status("/one"), await status("/two")]).toEqual([403, 200]);
  await mesh.apply({ "two.yaml": many("two") });
  expect(errors()).toEqual(["two.yaml:5 spec"]);
  expect([await status("/one"), await status("/secret"), await status("/")]).toEqual([403, 403, 200]);
  const other = await mesh.proxy(OTHER);
  expect([await status("/", other), await status("/one", other)]).toEqual([403, 403]);
  await mesh.apply({ "one.yaml": undefined });
  expect(errors()).toEqual([]);
  expect([await status("/two"), await status("/one"), await status("/", other), await status("/two", other)]).toEqual([403, 200, 200, 403]);
});
