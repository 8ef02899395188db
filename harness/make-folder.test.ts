import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolder } from "./make-folder.ts";

let folder = "";
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "meshwright-folder-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("those above are made as well, and one that is there stays", () => {
  makeFolder(join(folder, "a/b/c"), 0o700);
  makeFolder(join(folder, "a/b/c"));
  expect(statSync(join(folder, "a")).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, "a/b/c")).mode & 0o777).toBe(0o700);
});

test("a file in the way is an error", () => {
  writeFileSync(join(folder, "file"), "");
  expect(() => makeFolder(join(folder, "file"))).toThrow(expect.objectContaining({ code: "EEXIST" }));
  expect(() => makeFolder(join(folder, "file/below"))).toThrow(expect.objectContaining({ code: expect.stringMatching(/ENOTDIR|EEXIST/) }));
});

// In a process of its own: Node's own never returns, and no test could end it.
test("a folder that takes no other is an error, not a loop", { skip: process.platform !== "linux" }, async () => {
  const program = `import { makeFolder } from ${JSON.stringify(new URL("make-folder.ts", import.meta.url))}; makeFolder("/proc/none/below");`;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], { timeout: 20_000, killSignal: "SIGKILL" });
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("ENOENT: no such file or directory, mkdir '/proc/none'"),
  });
});
