/** What breaks in production, on demand: links between processes, the processes themselves, their clocks and their disks. */
export { FaultError, type FaultErrorCode } from "./fault-error.ts";
export { Link, startLink, type Destination, type LinkCounts, type LinkOptions } from "./link.ts";
export type { LinkFaults } from "./link-faults.ts";
export { FullDisk } from "./full-disk.ts";
export { killProcess, pauseProcess, resumeProcess, type Victim } from "./processes.ts";
export { WallClock } from "./wall-clock.ts";
