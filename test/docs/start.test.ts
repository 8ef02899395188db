import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";
import { meshwright } from "../../cli/testing/run.ts";
import { until } from "../integration/until.ts";

const demo = fileURLToPath(new URL("../../scripts/demo/main.ts", import.meta.url));
const mesh = fileURLToPath(new URL("../../scripts/demo/mesh", import.meta.url));

function start(...parameters: readonly string[]): ChildProcessByStdio<null, Readable, null> {
  return spawn(process.execPath, [demo, "--port", "0", ...parameters], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("`npm start -- --once` shows which reviews visitors saw, and ends", async (context) => {
  await requireTarget(envoyTarget, context);
  const child = start("--once");
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  expect(child.exitCode).toBe(0);
  expect(output).toMatch(/^7 Envoys \S+ run in the bookshop/m);
  // 80 of 100 see v1: of 40 visits none sees it, or v2, once in more than a thousand runs.
  expect(output).toMatch(/^reviews [12]{40} {2}v1 \d+ %/m);
  expect(output).toMatch(/^jason sees reviews v3$/m);
  expect(output).toMatch(
    /^ {2}identities +details, gateway, productpage, ratings, reviews: spiffe:\/\/cluster\.local\/ns\/default\/sa\/details /m,
  );
  expect(output).toMatch(/^ {2}plain text +http:\S+ is refused \(\w+\): workloads take mTLS alone/m);
});

test("`npm start` follows the files until it is interrupted, and then leaves nothing running", async (context) => {
  await requireTarget(envoyTarget, context);
  const folder = await mkdtemp(join(tmpdir(), "bookshop-test-"));
  await cp(mesh, folder, { recursive: true });
  const child = start("--mesh", folder);
  try {
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    // Seven Envoys start at once.
    await expect.poll(() => output, { timeout: 45_000 }).toMatch(/its status .*\n/);
    const said = output;
    const [, url = ""] = /the shop +(http:\S+)\/productpage/.exec(said) ?? [];
    const reviews = async () => /data-reviews="(\w+)"/.exec(await (await fetch(`${url}/productpage`)).text())?.[1];
    expect(["v1", "v2"]).toContain(await reviews());

    const [, admin = ""] = /its status .* (http:\S+)/.exec(said) ?? [];
    const status = await meshwright(["status", "--admin", admin]);
    expect(status).toMatchObject({ code: 0, errors: "" });
    expect(status.output.match(/ spiffe:\/\/cluster\.local\/ns\/default\/sa\/(\w+) +20\d\d-\S+Z /g)).toHaveLength(7);
    const [, plain = ""] = /plain text +(http:\S+)/.exec(said) ?? [];
    await expect(fetch(plain)).rejects.toThrow("fetch failed");

    const file = join(folder, "reviews.yaml");
    const edited = (await readFile(file, "utf8"))
      .replace("weight: 0", "weight: 100")
      .replace("weight: 80", "weight: 0")
      .replace("weight: 20", "weight: 0");
    await writeFile(`${file}.new`, edited);
    await rename(`${file}.new`, file);
    await until(
      "every visitor sees v3",
      async () => Promise.all(Array.from({ length: 8 }, reviews)),
      (seen) => seen.every((version) => version === "v3"),
    );

    const policy = join(folder, "security.yaml");
    await writeFile(policy, (await readFile(policy, "utf8")).replace("STRICT", "PERMISSIVE"));
    await until(
      "plain text is taken beside mTLS",
      async () =>
        fetch(plain).then(
          ({ ok }) => ok,
          () => false,
        ),
      (answered) => answered,
    );

    await writeFile(file, "kind: [");
    await until(
      "the demo tells what is wrong with the file",
      async () => output,
      (all) => all.includes("error: ") && all.includes("reviews.yaml:"),
    );
    expect(await reviews()).toBe("v3");

    child.kill("SIGINT");
    await once(child, "close");
    expect(child.exitCode).toBe(0);
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  } finally {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);
