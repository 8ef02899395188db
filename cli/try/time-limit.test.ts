import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { ExchangeResult } from "../../harness/target/index.ts";
import { withTimeLimit, type Sender } from "./time-limit.ts";

const result: ExchangeResult = { outcome: "forward", status: 200, details: "via_upstream", decisions: [] };

/** Answers every path but `/loop`, for which it blocks, and counts what it is given. */
function target(): Sender & { sent: number } {
  return {
    sent: 0,
    async send({ path }) {
      this.sent++;
      return path === "/loop" ? new Promise<never>(() => undefined) : result;
    },
    logs: async () => [{ level: "warn", message: "seen" }],
    async [Symbol.asyncDispose]() {},
  };
}

test("what is answered in time passes", async () => {
  await using limited = withTimeLimit(target(), 1_000);
  expect(await limited.send({ path: "/" })).toBe(result);
  expect(await limited.logs()).toHaveLength(1);
});

test("the first that is not ends those that wait with it, and those to come without being sent", async () => {
  const blocked = target();
  await using limited = withTimeLimit(blocked, 20);
  const both = await Promise.allSettled([limited.send({ path: "/loop", id: "first" }), limited.send({ path: "/loop", id: "second" })]);
  for (const each of both)
    expect(each).toMatchObject({ reason: { message: expect.stringContaining("request first was not answered in 20 ms") as string } });
  await expect(limited.send({ path: "/" })).rejects.toThrow("does a module loop for ever?");
  expect(blocked.sent).toBe(2);
  expect(await limited.logs()).toEqual([]);
});

test("disposing of it disposes of the target", async () => {
  const disposed: string[] = [];
  const inner: Sender = { ...target(), [Symbol.asyncDispose]: async () => void disposed.push("target") };
  await withTimeLimit(inner, 1_000)[Symbol.asyncDispose]();
  expect(disposed).toEqual(["target"]);
});

test("results are not kept: a run may be as long as it likes", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const results: Array<WeakRef<ExchangeResult>> = [];
  const inner: Sender = { ...target(), send: async () => ({ ...result }) };
  await using limited = withTimeLimit(inner, 60_000);
  for (let i = 0; i < 100; i++) results.push(new WeakRef(await limited.send({ path: "/" })));
  // What a turn has made a WeakRef of lives until the turn is over.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  // The last may still lie on the stack.
  expect(results.filter((each) => each.deref() !== undefined).length).toBeLessThan(10);
});
