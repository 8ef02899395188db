import { readdirSync, readFileSync } from "node:fs";

/** Of a clock tick of Linux, in which it counts. */
const TICK = 10;

/**
 * Milliseconds of processor time of a process and all below it, with those below that have ended. 0 where there is no /proc.
 */
export function processorTime(root: number): number {
  const processes = new Map<number, { readonly parent: number; readonly ticks: number }>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statOf(name);
    const at = (field: number) => Number(fields[field]);
    // proc_pid_stat(5), without the first two: ppid is field 4, utime, stime, cutime and cstime are 14 to 17.
    if (fields.length > 0) processes.set(Number(name), { parent: at(1), ticks: at(11) + at(12) + at(13) + at(14) });
  }
  const isBelow = (pid: number): boolean => pid === root || (processes.has(pid) && isBelow(processes.get(pid)?.parent ?? 0));
  let ticks = 0;
  for (const [pid, process] of processes) if (isBelow(pid)) ticks += process.ticks;
  return ticks * TICK;
}

function statOf(pid: string): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    // It has ended meanwhile.
    return [];
  }
}
