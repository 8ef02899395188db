import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach } from "vitest";
import { Host, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// What the tests of the filter in the host share: a host with a clock of the test's, and the filter with the configuration of its example.

export const GOOD = readFileSync(join(import.meta.dirname, "examples/config.json"), "utf8");

export let host: Host;
export let clock: ManualClock;
export let plugin: PluginHandle;
let module: string;

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "index.ts"));
}, 180_000);

beforeEach(() => {
  clock = new ManualClock();
  host = new Host({ clock, instances: { canary: false, mainThread: false, workers: 1 } });
  plugin = host.load({ name: "fault", module, configuration: GOOD });
});

export function load(configuration: object): void {
  plugin.update(JSON.stringify(configuration));
}

/** A stream with a request that is held back, answered or forwarded. */
export function open(headers: ReadonlyArray<readonly [string, string]> = [], path = "/"): ReturnType<ReturnType<Host["chain"]>["request"]> {
  return host.chain([plugin]).request({ path, headers });
}
