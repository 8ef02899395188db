import { expect, test } from "vitest";
import { TargetError, type ExchangeResult, type LogLine, type Target } from "../target/index.ts";
import { play } from "./play.ts";

const chain = { filters: [] };
const answered: ExchangeResult = { outcome: "respond", status: 200, details: "direct_response", decisions: [] };

interface Script {
  readonly result?: Partial<ExchangeResult>;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly logs?: readonly LogLine[];
}

/** A target that answers as told, and counts what it started and closed. */
function fake({ result = {}, metrics = {}, logs = [] }: Script = {}) {
  const counts = { started: 0, closed: 0 };
  const target: Target = {
    name: "envoy",
    unavailable: async () => undefined,
    async start() {
      counts.started++;
      return {
        send: async () => ({ ...answered, ...result }),
        metrics: async () => metrics,
        logs: async () => logs,
        async [Symbol.asyncDispose]() {
          counts.closed++;
        },
      };
    },
  };
  return { target, counts };
}

const seen = (script: Script) => play(fake(script).target, chain, async (run) => void (await run.send({ path: "/" })));

test.each<[string, Script, Script]>([
  ["results", { result: { status: 200 } }, { result: { status: 201 } }],
  ["details", { result: { details: "a" } }, { result: { details: "b" } }],
  ["metrics", { metrics: { hits: 1 } }, { metrics: { hits: 2 } }],
  ["logs", { logs: [{ level: "info", message: "a" }] }, { logs: [{ level: "info", message: "b" }] }],
  ["levels of logs", { logs: [{ level: "info", message: "a" }] }, { logs: [{ level: "warn", message: "a" }] }],
])("different %s are a difference", async (_, one, other) => {
  expect(await seen(one)).toEqual(await seen(one));
  expect(await seen(one)).not.toEqual(await seen(other));
});

test.each<[string, Script, Script]>([
  ["how long filters waited", { result: { delay: 0.1 } }, { result: { delay: 0.2 } }],
  ["lines below info", { logs: [{ level: "debug", message: "a" }] }, { logs: [{ level: "trace", message: "b" }] }],
  [
    "how many workers logged a line, and in which order",
    {
      logs: [
        { level: "info", message: "a" },
        { level: "info", message: "b" },
      ],
    },
    {
      logs: [
        { level: "info", message: "b" },
        { level: "info", message: "a" },
        { level: "info", message: "b" },
      ],
    },
  ],
])("%s is none", async (_, one, other) => {
  expect(await seen(one)).toEqual(await seen(other));
});

test("the chain is closed when the body ends, and when it throws", async () => {
  const { target, counts } = fake();
  await play(target, chain, async () => expect(counts).toEqual({ started: 1, closed: 0 }));
  expect(counts).toEqual({ started: 1, closed: 1 });
  const failed = play(target, chain, async () => {
    throw new Error("the body's");
  });
  await expect(failed).rejects.toThrow("the body's");
  expect(counts).toEqual({ started: 2, closed: 2 });
});

test("a failure shows the last lines that were logged, with their number", async () => {
  const logs = Array.from({ length: 50 }, (_, i): LogLine => ({ level: "debug", message: `line ${i}` }));
  const failed = play(fake({ logs }).target, chain, async () => {
    throw new Error("the body's");
  });
  await expect(failed).rejects.toThrow(
    /^the body's\n\nLogged by the filters \(envoy, the last 40 of 50 lines\):\n {2}debug: line 10\n[^]* {2}debug: line 49$/,
  );
});

test("a chain that does not start fails with the target's reason", async () => {
  const target: Target = { ...fake().target, start: () => Promise.reject(new TargetError("refused: no module")) };
  await expect(play(target, chain, async () => undefined)).rejects.toThrow("refused: no module");
});
