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
  /** Milliseconds from the start of the command to its end. */
  readonly whole: number;
}

/**
 * Runs `meshwright try` as a user would, with `requests` requests, and takes the time of its lines.
 *
 * @throws Error where a result is missing
 */
export function measureTry(host: "node" | "envoy", requests: number): Promise<TryTimes> {
  const config = join(REPOSITORY, "filters/routing/examples/config.json");
  const request = { path: "/reviews/1", authority: "reviews.example.com", headers: [["x-user", "ann-beta"]] };
  return measure(["--filter", "routing", "--config", config, "--host", host], request, requests);
}

/** The same for requests of a workload through the example of a mesh. */
export function measureMeshTry(requests: number): Promise<TryTimes> {
  const proxy = "sidecar~10.0.0.9~productpage-v1.default~default.svc.cluster.local";
  return measure(["-f", join(REPOSITORY, "docs/examples/mesh"), "--proxy", proxy], { authority: "reviews:9080", path: "/" }, requests);
}

async function measure(options: readonly string[], request: object, requests: number): Promise<TryTimes> {
  const command = [join(REPOSITORY, "dist/cli/main.js"), "try", ...options, "-"];
  const start = performance.now();
  const child = spawn(process.execPath, command, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  child.stdin.end(`${JSON.stringify(request)}\n`.repeat(requests));
  let first = NaN;
  let count = 0;
  for await (const line of createInterface(child.stdout)) {
    if (count === 0) first = performance.now();
    if (line.includes('"outcome":"forward"')) count++;
  }
  const last = performance.now();
  await exited;
  const whole = performance.now() - start;
  if (count !== requests) throw new Error(`meshwright try ${options.join(" ")} forwarded ${count} of ${requests} requests`);
  return { first: first - start, rate: ((requests - 1) / (last - first)) * 1000, whole };
}
