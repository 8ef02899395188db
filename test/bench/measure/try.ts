import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { REPOSITORY } from "../../foreign/build.ts";

export interface TryTimes {
  /** Milliseconds from the start of the command to its first result. */
  readonly first: number;
  /** Requests a second after the first. */
  readonly rate: number;
}

/**
 * Runs `meshwright try` as a user would, with `requests` requests, and takes the time of its lines.
 *
 * @throws Error where a result is missing
 */
export async function measureTry(host: "node" | "envoy", requests: number): Promise<TryTimes> {
  const config = join(REPOSITORY, "filters/routing/examples/config.json");
  const command = [join(REPOSITORY, "dist/cli/main.js"), "try", "--filter", "routing", "--config", config, "--host", host, "-"];
  const start = performance.now();
  const child = spawn(process.execPath, command, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  child.stdin.end('{"path": "/reviews/1", "authority": "reviews.example.com", "headers": [["x-user", "ann-beta"]]}\n'.repeat(requests));
  let first = NaN;
  let count = 0;
  for await (const line of createInterface(child.stdout)) {
    if (count === 0) first = performance.now();
    if (line.includes('"outcome":"forward"')) count++;
  }
  const last = performance.now();
  await exited;
  if (count !== requests) throw new Error(`meshwright try --host ${host} forwarded ${count} of ${requests} requests`);
  return { first: first - start, rate: ((requests - 1) / (last - first)) * 1000 };
}
