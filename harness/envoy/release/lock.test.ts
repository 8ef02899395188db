import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { withLock } from "./lock.mjs";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-lock-"));
  path = join(folder, "deep/lock");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("actions of one lock run one after the other, and the second is told whom it waits for", async () => {
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = withLock(path, async () => {
    order.push("one begins");
    await first.promise;
    order.push("one ends");
  });
  await vi.waitUntil(() => order.length > 0);
  const onWait = vi.fn<(owner: string) => void>(() => first.resolve());
  const two = withLock(path, async () => void order.push("two"), onWait);
  await Promise.all([one, two]);
  expect(order).toEqual(["one begins", "one ends", "two"]);
  expect(onWait).toHaveBeenCalledExactlyOnceWith(`${process.pid}@${hostname()}`);
});

test("a lock is given back when the action fails", async () => {
  await expect(withLock(path, () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  expect(existsSync(path)).toBe(false);
});

test("the lock of a process that died is taken over at once", async () => {
  const child = spawn(process.execPath, ["--eval", ""]);
  await once(child, "close");
  await withLock(path, async () => {});
  await writeFile(path, `${child.pid}@${hostname()}`);
  expect(await withLock(path, async () => "taken")).toBe("taken");
});

test("the lock of another machine is taken over when its heartbeat stopped", async () => {
  await withLock(path, async () => {});
  await writeFile(path, "1@elsewhere");
  const old = new Date(Date.now() - 60_000);
  await utimes(path, old, old);
  expect(await withLock(path, async () => "taken")).toBe("taken");
});
