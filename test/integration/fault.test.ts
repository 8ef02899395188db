import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Client } from "undici";
import { expect, test, type TestContext } from "vitest";
import { compileFilter } from "../../filters/testing/assembly.ts";
import {
  binaryProvider,
  cluster,
  connectionManager,
  envoyTarget,
  httpWasm,
  jsonAccessLog,
  listener,
  stringValue,
  type StartedEnvoy,
} from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { startUpstream, type Upstream } from "../../harness/upstreams/index.ts";

// What needs a real Envoy to be seen: that no host is blamed for a fault, the limit over several workers, the access log, the clock.

const ALWAYS = { value: 100 };
const WORKERS = 2;
const LOG = "access.log";
/** The one path that the upstream itself answers with an error. */
const BROKEN = "/broken";
const EJECTIONS = "cluster.upstream.outlier_detection.ejections_enforced_total";

/** An Envoy with the filter in front of an upstream whose host is out after one failure of any kind. */
class Run implements AsyncDisposable {
  readonly envoy: StartedEnvoy;
  readonly upstream: Upstream;
  private readonly folder: string;

  private constructor(envoy: StartedEnvoy, upstream: Upstream, folder: string) {
    this.envoy = envoy;
    this.upstream = upstream;
    this.folder = folder;
  }

  static async start(configuration: object, context: TestContext): Promise<Run> {
    await requireTarget(envoyTarget, context);
    const filename = await compileFilter(join(import.meta.dirname, "../../filters/fault/index.ts"));
    const fault = httpWasm({
      name: "fault",
      vm_config: { vm_id: "fault", runtime: "envoy.wasm.runtime.v8", code: { local: { filename } } },
      failure_policy: "FAIL_CLOSED",
      configuration: stringValue(JSON.stringify(configuration)),
    });
    const folder = await mkdtemp(join(tmpdir(), "fault-"));
    const fields = { path: "%REQ(:PATH)%", details: "%RESPONSE_CODE_DETAILS%", fault: "%FILTER_STATE(wasm.meshwright.fault:PLAIN)%" };
    const log = jsonAccessLog(join(folder, LOG), fields);
    const host = { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "upstream" } }] };
    const manager = connectionManager({ stat_prefix: "main", access_log: [log] }, [fault], [host]);
    const upstream = await startUpstream({ script: ({ path }) => ({ status: path === BROKEN ? 503 : 200 }) });
    const outlier_detection = {
      consecutive_5xx: 1,
      consecutive_gateway_failure: 1,
      enforcing_consecutive_gateway_failure: 100,
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 1,
      max_ejection_percent: 100,
    };
    const envoy = await binaryProvider.start(
      {
        static_resources: {
          listeners: [listener("main", [{ filters: [manager] }])],
          clusters: [{ ...cluster("upstream", upstream.host, upstream.port), outlier_detection }],
        },
      },
      { concurrency: WORKERS },
    );
    return new Run(envoy, upstream, folder);
  }

  /** On a connection of its own. */
  async get(path: string): Promise<{ readonly status: number; readonly milliseconds: number }> {
    const { host, port } = this.envoy.address("main");
    const client = new Client(`http://${host}:${port}`);
    // The connection, and the way to a worker, are not the delay.
    await client.request({ method: "GET", path: "/connected" }).then(({ body }) => body.dump());
    const started = performance.now();
    const { statusCode, body } = await client.request({ method: "GET", path });
    await body.dump();
    const milliseconds = performance.now() - started;
    await client.close();
    return { status: statusCode, milliseconds };
  }

  async metric(name: string): Promise<number> {
    const text = await this.envoy.admin.text("GET", `/stats?filter=${name}`);
    return Number(/: (\d+)/.exec(text)?.[1] ?? 0);
  }

  /** The entries of the access log about `path`, which Envoy writes every now and then, and when it is asked to open it anew. */
  async logged(path: string): Promise<unknown[]> {
    await this.envoy.admin.text("POST", "/reopen_logs");
    const lines = (await readFile(join(this.folder, LOG), "utf8")).split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as { readonly path: string }).filter((entry) => entry.path === path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.envoy[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true });
  }
}

const at = (path: string, faults: object) => ({ name: path, match: { uri: { exact: path } }, ...faults });

test("no host is blamed for what was injected", async (context) => {
  const delay = { percentage: ALWAYS, fixedDelay: "300ms" };
  const rules = [
    at("/500", { abort: { percentage: ALWAYS, httpStatus: 500 } }),
    at("/503", { abort: { percentage: ALWAYS, httpStatus: 503 } }),
    at("/504", { delay, abort: { percentage: ALWAYS, httpStatus: 504 } }),
    at("/slow", { delay }),
  ];
  await using run = await Run.start({ rules }, context);
  for (const status of [500, 503, 504]) expect((await run.get(`/${status}`)).status).toBe(status);
  expect((await run.get("/slow")).status).toBe(200);
  expect((await run.get("/")).status).toBe(200);
  expect(await run.metric(EJECTIONS)).toBe(0);
  expect(await run.metric("cluster.upstream.upstream_rq_5xx")).toBe(0);
  // An abort never came to a host, and what did was not slow for it.
  expect(run.upstream.requests.map(({ path }) => path).filter((path) => path !== "/connected")).toEqual(["/slow", "/"]);
  // An error of its own takes it out.
  await run.get(BROKEN);
  await expect.poll(() => run.metric(EJECTIONS)).toBe(1);
});

test("a delay is never early", async (context) => {
  const lengths = [1, 2, 5, 20, 50, 117];
  const rules = lengths.map((length) => at(`/${length}`, { delay: { percentage: ALWAYS, fixedDelay: `${length}ms` } }));
  await using run = await Run.start({ rules }, context);
  const all = lengths.flatMap((length) => Array.from({ length: 15 }, () => length));
  await Promise.all(
    all.map(async (length) => {
      const { status, milliseconds } = await run.get(`/${length}`);
      expect(status).toBe(200);
      expect(milliseconds).toBeGreaterThanOrEqual(length);
    }),
  );
  expect(await run.metric("fault.delays_injected")).toBe(all.length);
  expect(await run.metric("fault.active_faults")).toBe(0);
});

test("the limit is on the faults of all workers together", async (context) => {
  const most = 3;
  const rules = [at("/slow", { delay: { percentage: ALWAYS, fixedDelay: "5s" } })];
  await using run = await Run.start({ rules, maxActiveFaults: most }, context);
  const answers = await Promise.all(Array.from({ length: 24 }, () => run.get("/slow")));
  const slow = answers.filter(({ milliseconds }) => milliseconds >= 5_000).length;
  // Two workers that look at the same moment can both take the last place, as with Envoy's own filter.
  expect(slow).toBeGreaterThanOrEqual(most);
  expect(slow).toBeLessThanOrEqual(most + WORKERS - 1);
  expect(await run.metric("fault.faults_overflow")).toBe(answers.length - slow);
  expect(await run.metric("fault.active_faults")).toBe(0);
});

test("the access log says what was injected", async (context) => {
  const abort = { percentage: ALWAYS, httpStatus: 500 };
  const delay = { percentage: ALWAYS, fixedDelay: "10ms" };
  const rules = [at("/both", { delay, abort }), at("/delay", { delay }), at("/abort", { abort })];
  await using run = await Run.start({ rules }, context);
  const expected = {
    "/both": { details: "fault_filter_abort", fault: "delay,abort" },
    "/delay": { details: "via_upstream", fault: "delay" },
    "/abort": { details: "fault_filter_abort", fault: "abort" },
    "/none": { details: "via_upstream", fault: null },
  };
  for (const [path, entry] of Object.entries(expected)) {
    await run.get(path);
    await expect.poll(() => run.logged(path), { timeout: 15_000 }).toEqual([{ path, ...entry }]);
  }
});
