import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FullDisk } from "../../harness/faults/index.ts";
import { meshwright } from "../testing/run.ts";

// That what is laid down builds and passes its tests is seen in test/integration/package.test.ts.

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-new-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("lays down the folder and says what to do next", async () => {
  const { code, output } = await meshwright(["new", "filter", "header-guard"], { cwd: folder });
  expect({ code, output }).toEqual({ code: 0, output: "Made header-guard. Next:\n  cd header-guard\n  npm install\n  npm test\n" });
  expect(await readdir(join(folder, "header-guard"))).toEqual(
    expect.arrayContaining(["README.md", "index.ts", "manifest.json", "package.json"]),
  );
  const entry = await readFile(join(folder, "header-guard/index.ts"), "utf8");
  expect(entry).toContain('register("header-guard", () => new HeaderGuardRoot());');
});

test("--dir says where", async () => {
  const { code } = await meshwright(["new", "filter", "one", "--dir", "plugins"], { cwd: folder });
  expect(code).toBe(0);
  expect(existsSync(join(folder, "plugins/one/index.ts"))).toBe(true);
});

test("never writes over what is there", async () => {
  await mkdir(join(folder, "taken"));
  const { code, errors } = await meshwright(["new", "filter", "taken"], { cwd: folder });
  expect(code).toBe(1);
  expect(errors).toContain("taken: is there already; choose another name or remove it");
  expect(await readdir(join(folder, "taken"))).toEqual([]);
});

test("a place that takes no folder is named, without a stack", async () => {
  await writeFile(join(folder, "file"), "");
  const { code, output, errors } = await meshwright(["new", "filter", "one", "--dir", "file"], { cwd: folder });
  expect(errors).toMatch(/^error: file\/one: cannot be written: E[A-Z]+: .*; name another place with --dir\n$/);
  expect({ code, output }).toEqual({ code: 1, output: "" });
});

test("nothing is left of what a full disk cut short", async () => {
  await using disk = await FullDisk.start();
  await disk.fill();
  const { code, errors } = await meshwright(["new", "filter", "one", "--dir", disk.folder], { env: disk.environment });
  expect(errors).toMatch(/one: cannot be written: ENOSPC.*; name another place with --dir\n$/);
  expect(errors).not.toMatch(/\n\s+at /);
  expect(code).toBe(1);
  expect(await readdir(disk.folder)).toEqual([]);
});

test.each(["HeaderGuard", "../up", "a--b", "1st", "sdk", ""])("%j is no name", async (name) => {
  const { code, errors } = await meshwright(["new", "filter", name], { cwd: folder });
  expect(code).toBe(1);
  expect(errors).toContain("error: ");
  expect(await readdir(folder)).toEqual([]);
});
