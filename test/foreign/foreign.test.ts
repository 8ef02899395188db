import { describe, expect, test, type TestContext } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { inProcessTarget } from "../../harness/host/index.ts";
import type { ChainSpec, ExchangeResult, RunningTarget, Target } from "../../harness/target/index.ts";
import { build, type Recipe } from "./build.ts";
import { FOREIGN_MODULES } from "./modules.ts";

// Modules that know nothing of this repository, on both targets: what they see and do must be the same.

const CALLOUTS: NonNullable<ChainSpec["callouts"]> = {
  callout: ({ headers }) => ({ status: 200, body: `checked ${new Map(headers).get(":path")}` }),
};

/** Marks the test as one of the foreign modules', and as not run where the toolchain or the target is missing. */
async function start(recipe: Recipe, target: Target, context: TestContext, configuration: string): Promise<RunningTarget> {
  context.task.meta.target = "foreign";
  const built = await build(recipe);
  const unavailable = await target.unavailable();
  const reason =
    "missing" in built ? built.missing : unavailable === undefined ? undefined : `${target.name}: ${unavailable.split("\n")[0]}`;
  if (reason !== undefined || "missing" in built) {
    context.task.meta.notRun = reason ?? "";
    if (process.env["MESHWRIGHT_REQUIRE_ALL_TARGETS"] === "1") throw new Error(reason);
    return context.skip(reason);
  }
  return target.start({ filters: [{ name: "foreign", module: built.module, configuration }], callouts: CALLOUTS });
}

/** What the upstream saw of the headers `names`. */
function forwarded(result: ExchangeResult, ...names: readonly string[]): Record<string, string | undefined> {
  const headers = new Map(result.request?.headers);
  return Object.fromEntries(names.map((name) => [name, headers.get(name)]));
}

describe.each(FOREIGN_MODULES)("$name", { timeout: 300_000 }, (recipe) => {
  describe.each([inProcessTarget, envoyTarget])("$name", (target) => {
    test("does the header job", async (context) => {
      await using running = await start(recipe, target, context, "");
      const send = (path: string, user?: string) => running.send({ path, headers: user === undefined ? [] : [["x-user", user] as const] });
      expect(forwarded(await send("/api/items", "alice-beta"), "x-route")).toEqual({ "x-route": "canary" });
      expect(forwarded(await send("/api/items", "bob"), "x-route")).toEqual({ "x-route": "stable" });
      expect(forwarded(await send("/api/items"), "x-route")).toEqual({ "x-route": "stable" });
      const other = await send("/other", "alice-beta");
      expect(forwarded(other, "x-route")).toEqual({ "x-route": undefined });
      expect(other.response?.headers).toContainEqual(["x-filter", "1"]);
    });

    test("reads properties, counts in shared data and metrics, and logs", async (context) => {
      await using running = await start(recipe, target, context, "areas");
      for (const count of ["1", "2", "3"]) {
        const result = await running.send({ path: "/" });
        expect(forwarded(result, "x-count", "x-plugin")).toEqual({ "x-count": count, "x-plugin": "foreign" });
        expect(result.response?.headers).toContainEqual(["x-filter", "foreign"]);
      }
      expect(await running.metrics()).toMatchObject({ "foreign.requests": 3 });
      const lines = (await running.logs()).filter(({ level, message }) => level === "info" && message.includes("foreign: a stream ended"));
      expect(lines).toHaveLength(3);
    });

    test("ticks", async (context) => {
      await using running = await start(recipe, target, context, "areas");
      await running.send({ path: "/", response: { delay: 200 } });
      expect(forwarded(await running.send({ path: "/" }), "x-ticked")).toEqual({ "x-ticked": "yes" });
    });

    test("holds a request until a callout answers", async (context) => {
      await using running = await start(recipe, target, context, "areas");
      const result = await running.send({ path: "/", headers: [["x-callout", "yes"]] });
      expect(result).toMatchObject({ outcome: "forward", status: 200 });
      const names = ["x-callout-status", "x-callout-body"];
      expect(forwarded(result, ...names)).toEqual({ "x-callout-status": "200", "x-callout-body": "checked /check" });
    });

    test("answers itself", async (context) => {
      await using running = await start(recipe, target, context, "areas");
      const result = await running.send({ path: "/", headers: [["x-deny", "yes"]] });
      expect(result).toMatchObject({ outcome: "respond", status: 403, response: { body: "denied\n" } });
      expect(result.response?.headers).toContainEqual(["x-denied", "foreign"]);
    });

    test("buffers a body and replaces it", async (context) => {
      await using running = await start(recipe, target, context, "areas");
      const result = await running.send({ path: "/", method: "POST", chunks: ["hello, ", "world"] });
      expect(result.request?.body).toBe("HELLO, WORLD");
    });

    test("refuses a configuration that it does not know", async (context) => {
      await expect(start(recipe, target, context, "nonsense")).rejects.toThrow(/foreign/);
    });
  });
});
