import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { TemporaryFolder } from "./temporary-folder.ts";

test("is gone when it is disposed of, and no signal is listened for any more", async () => {
  const listening = process.listenerCount("SIGTERM");
  const folder = await TemporaryFolder.make("meshwright-folder-");
  expect([existsSync(folder.path), process.listenerCount("SIGTERM")]).toEqual([true, listening + 1]);
  folder[Symbol.dispose]();
  expect([existsSync(folder.path), process.listenerCount("SIGTERM")]).toEqual([false, listening]);
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("is gone when %s ends the process, which dies of it", async (signal) => {
  const script = `
    const { TemporaryFolder } = await import(${JSON.stringify(new URL("temporary-folder.ts", import.meta.url).href)});
    const folders = [await TemporaryFolder.make("meshwright-folder-"), await TemporaryFolder.make("meshwright-folder-")];
    process.stdout.write(folders.map(({ path }) => path).join());
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [paths] = (await once(child.stdout, "data")) as [Buffer];
  const folders = String(paths).split(",");
  expect(folders.map((path) => existsSync(path))).toEqual([true, true]);
  child.kill(signal);
  expect(await exited).toEqual([null, signal]);
  expect(folders.map((path) => existsSync(path))).toEqual([false, false]);
});
