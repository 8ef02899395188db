import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";

const demo = fileURLToPath(new URL("../../scripts/demo/main.ts", import.meta.url));

test("`npm start -- --once` shows where each request went and why, and ends", async (context) => {
  await requireTarget(envoyTarget, context);
  const child = spawn(process.execPath, [demo, "--once", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  expect(child.exitCode).toBe(0);
  expect(output).toMatch(/^ {2}GET \/ +-> 200 reviews v1\n {4}rule "everybody else": route v1$/m);
  expect(output).toMatch(/^ {2}GET \/reviews\/1 {2}x-user: ann-beta +-> 200 reviews v2\n {4}rule "beta users": route v2$/m);
  expect(output).toMatch(/cookie: session=\d +-> 200 reviews v2\n {4}rule "a tenth": route v2$/m);
});

test("`npm start` serves until it is interrupted, and then leaves nothing running", async (context) => {
  await requireTarget(envoyTarget, context);
  const child = spawn(process.execPath, [demo, "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let output = "";
  const url = await new Promise<string>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const [, found] = /Your turn: curl .* (http:\S+)\/reviews\/1/.exec(output) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const response = await fetch(`${url}/reviews/2`, { headers: { "x-user": "you-beta" } });
  expect(await response.text()).toBe("reviews v2\n");
  child.kill("SIGINT");
  await once(child, "close");
  expect(child.exitCode).toBe(0);
  await expect(fetch(url)).rejects.toThrow("fetch failed");
});
