import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { scriptedFilter } from "../host/testing/scripted-filter.ts";
import { requireTarget } from "../scenario/require-target.ts";
import type { ChainSpec } from "../target/index.ts";
import { envoyTarget, reusedEnvoyTarget } from "./index.ts";
import { reusingProvider } from "./reuse.ts";
import { targetOf } from "./target.ts";

const idleOwner = fileURLToPath(new URL("testing/idle-owner.ts", import.meta.url));
const COMPILATION = 180_000;

/** Where chains were started. */
const pids: Array<number | undefined> = [];
const target = targetOf("envoy", {
  ...reusingProvider,
  async start(bootstrap, options) {
    const envoy = await reusingProvider.start(bootstrap, options);
    pids.push(envoy.pid);
    return envoy;
  },
});

/** Counts a request, and keeps it in shared data. */
const counting = async (name: string, more: Partial<ChainSpec> = {}): Promise<ChainSpec> => ({
  filters: [
    {
      name,
      vmId: "one",
      module: await scriptedFilter(),
      configuration: ["define 0 requests", "define 1 level", "increment requests 1", "record level 7", "load k", "store k v 0", "load k"]
        .map((command) => `request_headers: ${command}`)
        .join("\n"),
    },
  ],
  ...more,
});

/** One request, and all that can be seen of it. */
async function seen(where: typeof target, chain: ChainSpec): Promise<unknown> {
  await using running = await where.start(chain);
  const { status, response } = await running.send({ path: "/", response: { headers: [["x-a", "1"]] } });
  // What counts the changes of shared data counts for the whole process.
  const logs = (await running.logs()).map(({ level, message }) => `${level}: ${message.replaceAll(/cas \d+/g, "cas")}`);
  return { status, response, metrics: await running.metrics(), logs };
}

const ended = (pid: number | undefined) => vi.waitFor(() => expect(() => process.kill(pid ?? 0, 0)).toThrow("ESRCH"), 20_000);

test("chains follow one another in one Envoy, and none sees anything of those before", { timeout: COMPILATION }, async (context) => {
  await requireTarget(envoyTarget, context);
  const fresh = await seen(envoyTarget, await counting("mine"));
  expect(fresh).toMatchObject({ status: 200, metrics: { requests: 1, level: 7 } });
  pids.length = 0;
  for (let round = 0; round < 6; round++) expect(await seen(target, await counting("mine")), `round ${round}`).toEqual(fresh);
  expect(new Set(pids).size).toBe(1);
});

test("at the same time, of another node, and after a kill each has an Envoy of its own", { timeout: COMPILATION }, async (context) => {
  await requireTarget(envoyTarget, context);
  const [chain, other] = [await counting("mine"), await counting("mine", { node: { id: "n", cluster: "c" } })];
  pids.length = 0;
  await Promise.all([seen(target, chain), seen(target, chain), seen(target, other)]);
  expect(new Set(pids).size).toBe(3);
  {
    await using running = await target.start(chain);
    process.kill(pids.at(-1) ?? 0, "SIGKILL");
    await expect.poll(() => running.metrics().catch(() => "ended")).toBe("ended");
  }
  const killed = pids.at(-1);
  await seen(target, chain);
  expect(pids.at(-1)).not.toBe(killed);
});

test("what is refused says why, and the next chain runs", { timeout: COMPILATION }, async (context) => {
  await requireTarget(envoyTarget, context);
  const refusal = (where: typeof target) => where.start({ filters: [{ name: "none", module: "none.wasm" }] }).catch(String);
  expect(await refusal(reusedEnvoyTarget)).toContain("none.wasm");
  expect(await seen(target, await counting("mine"))).toMatchObject({ status: 200 });
});

test("an Envoy that nobody uses holds no process, and ends with it", async (context) => {
  await requireTarget(envoyTarget, context);
  const { stdout } = await promisify(execFile)(process.execPath, [idleOwner], { timeout: 40_000 });
  await ended(Number(stdout));
});
