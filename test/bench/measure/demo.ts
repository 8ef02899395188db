import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { REPOSITORY } from "../../foreign/build.ts";

/**
 * Milliseconds from `npm start`, where nothing has to be fetched or built, to the first page of the bookshop.
 *
 * @throws Error where it ends before it shows where the shop is
 */
export async function measureDemo(): Promise<number> {
  const command = ["scripts/setup.mjs", "node", "scripts/demo/main.ts", "--port", "0"];
  const start = performance.now();
  const child = spawn(process.execPath, command, { cwd: REPOSITORY, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  let taken = NaN;
  for await (const line of createInterface(child.stdout)) {
    const url = /the shop +(http:\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    const { status } = await fetch(url);
    if (status !== 200) throw new Error(`${url} answered ${status}`);
    taken = performance.now() - start;
    child.kill("SIGINT");
  }
  await exited;
  if (Number.isNaN(taken)) throw new Error("the demo ended before its shop was open");
  return taken;
}
