import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporary } from "../testing/openssl.ts";
import { lockDirectory } from "./index.ts";

const LOCKED = { code: "state", message: expect.stringContaining("belongs to another control service that runs") as string };

test("a directory has one owner, by whatever name it is called, until it is let go", async () => {
  const folder = temporary();
  const [one, other, link] = [join(folder, "one"), join(folder, "other"), join(folder, "link")];
  mkdirSync(one);
  mkdirSync(other);
  symlinkSync(one, link);
  {
    using _lock = await lockDirectory(one);
    await expect(lockDirectory(one)).rejects.toMatchObject(LOCKED);
    await expect(lockDirectory(link)).rejects.toMatchObject(LOCKED);
    using _second = await lockDirectory(other);
  }
  using _again = await lockDirectory(one);
});

test("whoever is killed has it no more", async () => {
  const folder = temporary();
  const module = fileURLToPath(new URL("index.ts", import.meta.url));
  const script = `const { lockDirectory } = await import(${JSON.stringify(module)}); await lockDirectory(${JSON.stringify(folder)}); console.log("locked"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  await expect(lockDirectory(folder)).rejects.toMatchObject(LOCKED);
  child.kill("SIGKILL");
  await once(child, "exit");
  using _lock = await lockDirectory(folder);
});
