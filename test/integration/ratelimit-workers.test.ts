import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Client } from "undici";
import { beforeAll, expect, test, type TestContext } from "vitest";
import { compileFilter } from "../../filters/testing/assembly.ts";
import {
  binaryProvider,
  connectionManager,
  envoyTarget,
  httpWasm,
  listener,
  stringValue,
  type StartedEnvoy,
} from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";

// In an Envoy of two workers: what the page of `ratelimit` says about how exact it is. Requests come on as many connections as it takes for both workers to have some, as
// fast as they are answered, until what is waited for has come.

const WORKERS = 2;
/** Connections that are opened at a time; which worker gets one is the kernel's choice. */
const AT_ONCE = 8;

let filename: string;

beforeAll(async () => {
  filename = await compileFilter(join(import.meta.dirname, "../../filters/ratelimit/index.ts"));
});

class Run implements AsyncDisposable {
  private readonly envoy: StartedEnvoy;
  private readonly clients: Client[] = [];

  private constructor(envoy: StartedEnvoy) {
    this.envoy = envoy;
  }

  /** Starts Envoy and connects to both workers. */
  static async start(limits: readonly object[], context: TestContext): Promise<Run> {
    await requireTarget(envoyTarget, context);
    const ratelimit = httpWasm({
      name: "ratelimit",
      vm_config: { vm_id: "ratelimit", runtime: "envoy.wasm.runtime.v8", code: { local: { filename } } },
      failure_policy: "FAIL_CLOSED",
      configuration: stringValue(JSON.stringify({ limits })),
    });
    const host = { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] };
    const manager = connectionManager({ stat_prefix: "main" }, [ratelimit], [host]);
    const bootstrap = { static_resources: { listeners: [listener("main", [{ filters: [manager] }])], clusters: [] } };
    const run = new Run(await binaryProvider.start(bootstrap, { concurrency: WORKERS }));
    while (!(await run.reachesAll())) await run.connect();
    return run;
  }

  private async connect(): Promise<void> {
    const { host, port } = this.envoy.address("main");
    const added = Array.from({ length: AT_ONCE }, () => new Client(`http://${host}:${port}`));
    this.clients.push(...added);
    await Promise.all(added.map((client) => ask(client, "/connected")));
  }

  /** Whether each worker has a connection. */
  private async reachesAll(): Promise<boolean> {
    const text = await this.envoy.admin.text("GET", "/stats?filter=listener.*worker_[0-9]+.downstream_cx_active");
    const counts = [...text.matchAll(/worker_\d+\.downstream_cx_active: (\d+)/g)].map(([, count]) => Number(count));
    return counts.filter((count) => count > 0).length === WORKERS;
  }

  /** Every connection sends `path(i)` again and again until `enough`. Returns how many passed, by path. */
  async send(path: (i: number) => string, enough: (answer: Answer) => boolean): Promise<Map<string, number>> {
    const passed = new Map<string, number>();
    let i = 0;
    let done = false;
    const one = async (client: Client): Promise<void> => {
      while (!done) {
        const asked = path(i++);
        const answer = await ask(client, asked);
        if (answer.status === 200) passed.set(asked, (passed.get(asked) ?? 0) + 1);
        done ||= enough(answer);
      }
    };
    await Promise.all(this.clients.map(one));
    return passed;
  }

  async metric(name: string): Promise<number> {
    const text = await this.envoy.admin.text("GET", `/stats?filter=${name}`);
    return Number(/: (\d+)/.exec(text)?.[1] ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await this.envoy[Symbol.asyncDispose]();
  }
}

interface Answer {
  readonly path: string;
  readonly status: number;
  /** Milliseconds of one clock. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

async function ask(client: Client, path: string): Promise<Answer> {
  const sentAt = performance.now();
  const { statusCode, body } = await client.request({ method: "GET", path });
  await body.dump();
  return { path, status: statusCode, sentAt, answeredAt: performance.now() };
}

/** Concerns what a test sends, and not {@link Run.start}. */
const match = { uri: { prefix: "/api/" } };
const sum = (passed: ReadonlyMap<string, number>) => [...passed.values()].reduce((total, count) => total + count, 0);

test("buckets of an Envoy give every token once, over both workers", async (context) => {
  const tokenBucket = { maxTokens: 1_000, fillInterval: "12h" };
  await using run = await Run.start([{ name: "all", match, tokenBucket }], context);
  let refused = 0;
  const passed = await run.send(
    () => "/api/",
    ({ status }) => status === 429 && ++refused >= 1_000,
  );
  expect(sum(passed)).toBe(1_000);
});

test("so do a hundred buckets of one page each, next to a limit that all share", async (context) => {
  const limits = [
    {
      name: "by-path",
      match,
      descriptors: [{ path: true }],
      tokenBucket: { maxTokens: 30, fillInterval: "12h" },
      // On a thousand pages of eight, nine of a hundred meet on one in one run of some 10^11; on a hundred it were one of 7,500.
      maxDynamicDescriptors: 8_000,
    },
    { name: "all", match, tokenBucket: { maxTokens: 2_000, fillInterval: "12h" } },
  ];
  await using run = await Run.start(limits, context);
  let refused = 0;
  const passed = await run.send(
    (i) => `/api/${i % 100}`,
    ({ status }) => status === 429 && ++refused >= 2_000,
  );
  // What the second limit refuses takes nothing of the first: the two thousand are the first's, too.
  expect(sum(passed)).toBe(2_000);
  expect(Math.max(...passed.values())).toBeLessThanOrEqual(30);
  expect(await run.metric("ratelimit.evicted")).toBe(0);
});

test("in any period no more pass than the bucket holds and what comes meanwhile, and nobody is refused while there is a token", async (context) => {
  const [maxTokens, perSecond] = [20, 200];
  const tokenBucket = { maxTokens, tokensPerFill: perSecond, fillInterval: "1s" };
  await using run = await Run.start([{ name: "all", match, tokenBucket }], context);
  const answers: Answer[] = [];
  let passed = 0;
  await run.send(
    () => "/api/",
    (answer) => {
      answers.push(answer);
      if (answer.status === 200) passed++;
      return passed >= 400;
    },
  );
  const good = answers.filter(({ status }) => status === 200);
  // Every period from one sending to one answer: the token was taken in between.
  const sent = good.map(({ sentAt }) => sentAt).toSorted((a, b) => a - b);
  const came = good.map(({ answeredAt }) => answeredAt).toSorted((a, b) => a - b);
  for (const [i, from] of sent.entries()) {
    for (let j = came.length - 1; j >= 0; j -= 7) {
      const to = came[j] ?? 0;
      if (to <= from) break;
      const within = good.filter(({ sentAt, answeredAt }) => sentAt >= from && answeredAt <= to).length;
      expect(within, `requests of ${to - from} ms`).toBeLessThanOrEqual(maxTokens + ((to - from) / 1_000) * perSecond);
    }
    if (i > 100) break;
  }
  // Whoever was refused found the bucket empty: a whole bucket but one token was given in the time in which one fills, also where this process was held up and
  // nothing came for a while.
  const fills = (maxTokens / perSecond) * 1_000;
  for (const { status, sentAt, answeredAt } of answers) {
    if (status === 200) continue;
    const before = good.filter((answer) => answer.sentAt <= answeredAt && answer.answeredAt >= sentAt - fills).length;
    expect(before).toBeGreaterThanOrEqual(maxTokens - 1);
  }
});

test("buckets of a worker are each worker's own", async (context) => {
  const tokenBucket = { maxTokens: 100, fillInterval: "12h" };
  await using run = await Run.start([{ name: "all", match, scope: "WORKER", tokenBucket }], context);
  let refused = 0;
  const passed = await run.send(
    () => "/api/",
    ({ status }) => status === 429 && ++refused >= 1_000,
  );
  // A connection stays with its worker, so that a thousand refusals may all be one worker's: the other may have tokens left.
  expect(sum(passed)).toBeGreaterThan(100);
  expect(sum(passed)).toBeLessThanOrEqual(WORKERS * 100);
});
