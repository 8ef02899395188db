import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test, vi } from "vitest";
import { MeshFiles } from "./mesh-files.ts";

const MODULE = new URL("./service-process.ts", import.meta.url).href;

/** A process that starts the service, tells its process id, and then does as `main.ts` does. */
function program(folder: string, then: string): string {
  return `
    const { ServiceProcess } = await import(${JSON.stringify(MODULE)});
    process.once("SIGINT", () => process.exit(130));
    const service = await ServiceProcess.start({ folder: ${JSON.stringify(folder)} });
    console.log(service.process.pid);
    ${then}`;
}

test.each([
  ["an error that nobody handles", "setTimeout(() => { throw new Error('lost'); });", undefined],
  ["a signal", "setInterval(() => {}, 1000);", "SIGINT"],
] as const)("the service ends with a benchmark that ends by %s", async (_, then, signal) => {
  const folder = await mkdtemp(join(tmpdir(), "bench-mesh-"));
  await MeshFiles.write(folder, 1);
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program(folder, then)], { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  if (signal !== undefined) child.kill(signal);
  await vi.waitUntil(() => !isAlive(Number(line)), { timeout: 30_000 });
  expect(child.exitCode ?? (await once(child, "exit"))[0]).not.toBe(0);
  await rm(folder, { recursive: true });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
