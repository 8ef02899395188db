/**
 * Megabytes of each half of V8's young generation. With V8's own limit (16 and more) a service that holds 500 services for 100 proxies has 390 MB resident, most of it garbage that nobody
 * needs the room of; with this one 240 MB, and it takes no more CPU, since the halves fit into a processor's caches.
 */
const SEMI_SPACE = 4;
const OPTION = "--max-semi-space-size";

/**
 * Per cent of the old generation by which it may grow beyond what was found alive in it until V8 looks again. Left to itself V8 lets it double, and more where 1,000 proxies come at once: 305 to 320 MB
 * resident after their first configuration and some changes, where with this it is 295 to 305.
 */
const GROWTH = 60;

/**
 * glibc gives every thread that asks a heap of its own, and what is freed in one is no use to the others: a service that has sent 1,000 proxies their first configuration
 * has 40 MB less with a single one. Threads hardly allocate at once here. Blocks from
 * 64 KiB (else from 128 KiB, and soon more) go back to the system when they are freed, where others would stand behind them; from 32 KiB it would cost a seventh of the CPU of that first
 * configuration.
 */
const MALLOC = { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "65536" };

/**
 * Has the process keep little more memory than it needs, which V8 and glibc only do from their start: puts the same command with the options for it in the place of this process, which keeps
 * its id, its environment and its standard streams. Does nothing where the size of the young generation is given already, whatever it is, or where the system cannot do that (Windows).
 */
export function keepMemorySmall(): void {
  const given = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" ").replaceAll("_", "-");
  // A process that was forked talks to its parent through a channel that would be lost.
  if (given.includes(OPTION) || process.connected || process.platform === "win32" || process.execve === undefined) return;
  const parameters = [`${OPTION}=${SEMI_SPACE}`, `--heap-growing-percent=${GROWTH}`, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, [process.execPath, ...parameters], { ...MALLOC, ...process.env });
}
