import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";

// The `sh` blocks of the pages, line by line, as they stand there.

const repository = fileURLToPath(new URL("../..", import.meta.url));
/** Their commands follow one another, in a folder of their own: test/docs/testing-a-filter.test.ts, testing-a-mesh.test.ts, languages.test.ts. */
const FOLLOWED: readonly string[] = ["docs/testing-a-filter.md", "docs/testing-a-mesh.md", "docs/languages/*.md"];
const pages = globSync(["*.md", "docs/**/*.md", "filters/**/*.md", "harness/**/*.md", "test/**/*.md"], {
  cwd: repository,
  exclude: ["**/node_modules/**", ...FOLLOWED],
});
const COMMANDS = pages.flatMap((page) =>
  [...readFileSync(join(repository, page), "utf8").matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, block = ""]) =>
    block.split("\n").flatMap((line) => (line.trim() === "" ? [] : [[page, line.trim()] as const])),
  ),
);

/** What takes long, or would run this test inside itself, and who runs it instead. */
const RUN_ELSEWHERE: Readonly<Record<string, string>> = {
  "npm start": "test/docs/start.test.ts",
  "npm test": "continuous integration",
  "npm run bench": "test/bench/main.test.ts",
};
/** What takes ports of its own or sets rules is run in a network namespace, by test/docs/proxy.test.ts. */
const IN_A_NAMESPACE = /^sudo |^npx meshwright proxy (?!.* --dry-run)/;
/** Says of a good mesh no more than how much it is, on standard error. */
const VALIDATES = /^npx meshwright validate /;
const ENDLESS = /^npx meshwright (envoy run|serve) /;
/** What an endless command says when it does its work. */
const READY = /starting main dispatch loop|control service is ready/;
/** Runs an Envoy of its own. */
const IN_ENVOY = /^npx meshwright (try .*--proxy |diff .*--requests |explain .*--request )/;
/** Asks a control service that runs. */
const ASKS = /^npx meshwright (status|wait|apply|get|delete|diff(?! .*--against)|explain(?! -f))\b/;
/** Compares what is not the same, which is an answer of its own. */
const DIFFERS = /^npx meshwright (diff|replay) /;

let folder: string;

/** A folder in which the paths of the pages lead to the same files, `npx` finds this package, and listeners get a free port. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-docs-"));
  symlinkSync(join(repository, "dist"), join(folder, "dist"));
  cpSync(join(repository, "docs/examples"), join(folder, "docs/examples"), { recursive: true });
  for (const file of globSync("filters/*/examples/*", { cwd: repository })) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    cpSync(join(repository, file), join(folder, file));
    if (!file.endsWith("envoy.yaml")) continue;
    writeFileSync(
      join(folder, file),
      readFileSync(join(folder, file), "utf8").replaceAll(
        /address: 127\.0\.0\.1, port_value: 8080\b/g,
        "address: 127.0.0.1, port_value: 0",
      ),
    );
  }
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  const command = join(folder, "node_modules/.bin/meshwright");
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${join(repository, "cli/main.ts")}' "$@"\n`);
  chmodSync(command, 0o755);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "elsewhere", private: true }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function start(command: string): ChildProcessByStdio<null, Readable, Readable> {
  return spawn("sh", ["-c", command], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1", npm_config_offline: "true", npm_config_loglevel: "error" },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: npx does not hand every signal on.
    detached: true,
  });
}

describe("the commands of the pages", () => {
  test("are found", () => {
    expect(COMMANDS.map(([, command]) => command)).toEqual(expect.arrayContaining(["npm start", "npm test"]));
  });

  const here = COMMANDS.filter(([, command]) => !Object.hasOwn(RUN_ELSEWHERE, command) && !IN_A_NAMESPACE.test(command));

  test.each(here.filter(([, command]) => ASKS.test(command)))("%s: %s, of a service that runs", async (_page, command) => {
    const serving = start("npx meshwright serve --config docs/examples/mesh --state state");
    const ended = once(serving, "close");
    try {
      await new Promise<void>((resolve) => serving.stderr.on("data", (chunk: Buffer) => READY.test(chunk.toString()) && resolve()));
      const child = start(command);
      const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
      expect({ code: child.exitCode, errors }).toEqual({ code: DIFFERS.test(command) ? 1 : 0, errors: "" });
      expect(output).not.toBe("");
    } finally {
      process.kill(-(serving.pid ?? 0), "SIGINT");
      await ended;
    }
  });

  test.for(here.filter(([, command]) => !ENDLESS.test(command) && !ASKS.test(command)))("%s: %s", async ([, command], context) => {
    if (IN_ENVOY.test(command)) await requireTarget(envoyTarget, context);
    if (command.includes(" new filter ")) await rm(join(folder, command.split(" ").at(-1) ?? ""), { recursive: true, force: true });
    const child = start(command);
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    const checks = VALIDATES.test(command);
    expect(errors).toMatch(checks ? /^0 errors, 0 warnings; \d+ objects in the mesh\n$/ : /^$/);
    expect(child.exitCode).toBe(DIFFERS.test(command) ? 1 : 0);
    if (!checks) expect(output).not.toBe("");
  });

  test.for(here.filter(([, command]) => ENDLESS.test(command)))("%s: %s, until it is interrupted", async ([, command], context) => {
    await requireTarget(envoyTarget, context);
    const child = start(command);
    const ended = once(child, "close");
    let log = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        if (READY.test(log)) resolve();
      });
      child.once("close", () => reject(new Error(`ended before it served:\n${log}`)));
    });
    process.kill(-(child.pid ?? 0), "SIGINT");
    await ended;
    expect(log).not.toContain("[critical]");
  });
});

describe("the examples of filters", () => {
  test.for(globSync("filters/*/examples/envoy.yaml", { cwd: repository }))("%s is taken by Envoy", async (file, context) => {
    await requireTarget(envoyTarget, context);
    const child = start(`npx meshwright envoy run ${file} -- --mode validate`);
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    expect(`${output}${errors}`).toContain("OK");
    expect(child.exitCode).toBe(0);
  });
});
