import { spawn } from "node:child_process";
import { once } from "node:events";
import type { HeaderList } from "../../../harness/target/index.ts";

/** What one run of `wrk` (https://github.com/wg/wrk, a closed loop over HTTP/1.1) did. */
export interface WrkResult {
  /** Requests that were answered. */
  readonly requests: number;
  readonly seconds: number;
}

/** Whether the command can be run. */
export async function hasWrk(command = "wrk"): Promise<boolean> {
  // It prints its version and ends with code 1.
  const child = spawn(command, ["--version"], { stdio: "ignore" });
  return once(child, "exit").then(
    () => true,
    () => false,
  );
}

/**
 * Asks the same over all connections, each time as soon as the answer before is there.
 *
 * @param request of which path and authority become the URL, all but pseudo-headers are sent
 * @param seconds a whole number
 * @throws Error where an answer was no 2xx, or a connection broke: something else would have been measured
 */
export async function runWrk(port: number, request: HeaderList, connections: number, seconds: number, command = "wrk"): Promise<WrkResult> {
  const pseudo = (name: string) => request.find(([own]) => own === name)?.[1] ?? "";
  const headers = request.filter(([name]) => !name.startsWith(":")).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const effort = ["-t", "1", "-c", String(connections), "-d", `${seconds}s`];
  const url = `http://127.0.0.1:${port}${pseudo(":path")}`;
  const child = spawn(command, [...effort, "-H", `host: ${pseudo(":authority")}`, ...headers, url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  await once(child, "close");
  return parseWrk(printed);
}

/** Reads what `wrk` printed. @throws Error where something failed, or it says nothing of requests */
export function parseWrk(printed: string): WrkResult {
  const failures = /^\s*(Non-2xx or 3xx responses|Socket errors): .*$/m.exec(printed)?.[0];
  if (failures !== undefined) throw new Error(`wrk: ${failures.trim()}`);
  const [, requests, amount, unit] = /^\s*(\d+) requests in ([\d.]+)(ms|s|m)\b/m.exec(printed) ?? [];
  if (requests === undefined || unit === undefined) throw new Error(`wrk printed no result: ${printed.trim()}`);
  return { requests: Number(requests), seconds: Number(amount) * ({ ms: 0.001, s: 1, m: 60 }[unit] ?? NaN) };
}
