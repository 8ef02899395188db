import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { meshwright } from "./testing/run.ts";

test.each([[["--help"]], [["try", "--help"]], [["envoy", "run", "--help"]], [["new", "filter", "--help"]]])(
  "%j shows how to use it",
  async (parameters) => {
    const { code, output, errors } = await meshwright(parameters);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).toMatch(/^Usage: meshwright/);
    if (parameters.length > 1) expect(output).toContain("Examples:\n  $ meshwright");
  },
);

test("--version is that of the package", async () => {
  const { code, output } = await meshwright(["--version"]);
  expect(code).toBe(0);
  expect(output).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each([
  [["fly"], "unknown command 'fly'"],
  [["try"], "missing required argument 'requests'"],
  [["try", "--filter", "routing"], "missing required argument 'requests'"],
  [["try", "--filter", "routing", "--fast", "-"], "unknown option '--fast'"],
  [["try", "--filter", "routing", "--host", "moon", "-"], "Allowed choices are node, envoy"],
  [["new", "filter"], "missing required argument 'name'"],
])("%j is a mistake in usage", async (parameters, message) => {
  const { code, output, errors } = await meshwright(parameters);
  expect({ code, output }).toEqual({ code: 2, output: "" });
  expect(errors).toContain(message);
  expect(errors).toContain("--help");
});

test("messages have colours only on a terminal", async () => {
  const { errors } = await meshwright(["try", "--filter", "rooting", "-"]);
  expect(errors).not.toContain("\u001b");
});

test("a reader that goes away, as head does, ends it without a word", async () => {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const config = fileURLToPath(new URL("../filters/routing/examples/config.json", import.meta.url));
  const child = spawn(process.execPath, [main, "try", "--filter", "routing", "--config", config, "-"], { stdio: ["pipe", "pipe", "pipe"] });
  const errors = text(child.stderr);
  const closed = once(child, "close");
  child.stdin.on("error", () => undefined);
  child.stdin.end('{"path": "/"}\n'.repeat(5_000));
  child.stdout.once("data", () => child.stdout.destroy());
  await closed;
  expect(await errors).toBe("");
  expect(child.exitCode).toBe(0);
});

test.skipIf(!existsSync("/dev/full"))("a full disk under the results is told, with exit code 3", async () => {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  await using full = await open("/dev/full", "w");
  const child = spawn(process.execPath, [main, "inspect", "routing"], { stdio: ["ignore", full.fd, "pipe"] });
  const [errors] = await Promise.all([text(child.stderr as Readable), once(child, "close")]);
  expect({ code: child.exitCode, errors }).toEqual({
    code: 3,
    errors: "error: the results cannot be written: ENOSPC: no space left on device, write\n",
  });
});

test("requests that are to go through nothing are a mistake in usage", async () => {
  const { code, errors } = await meshwright(["try", "-"], { input: "" });
  expect({ code, errors }).toEqual({
    code: 2,
    errors: expect.stringContaining("--proxy NODE_ID with -f for the files of its mesh, or --filter NAME"),
  });
});
