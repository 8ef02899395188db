import { readFile } from "node:fs/promises";
import { run, version } from "../../foreign/build.ts";

/** One core for all Envoys and one for the client; undefined where this machine cannot pin (one core only, or no `taskset`). */
export interface Cores {
  readonly envoy: number;
  readonly client: number;
}

/** The last two cores that this process may use: the first ones serve the interrupts on most machines. */
export async function chooseCores(): Promise<Cores | undefined> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const cores = parseCoreList(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? "");
  const [envoy, client] = cores.slice(-2);
  if (envoy === undefined || client === undefined || (await version("taskset")) === undefined) return undefined;
  return { envoy, client };
}

/** Pins every thread of a running process; what it starts afterwards is pinned too. */
export async function pin(pid: number, ...cores: readonly number[]): Promise<void> {
  const parameters = ["-a", "-c", "-p", cores.join(","), String(pid)];
  // A thread that ends while they are gone through makes it fail.
  await run("taskset", parameters).catch(() => run("taskset", parameters));
}

/** `0-2,5` is 0, 1, 2, 5. */
export function parseCoreList(list: string): number[] {
  return list.split(",").flatMap((part) => {
    const [from, to = from] = part.split("-").map(Number);
    if (from === undefined || to === undefined || part === "") return [];
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
