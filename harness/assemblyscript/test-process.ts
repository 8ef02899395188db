import { init, runBaseTests, setupEnvironment } from "vitest/worker";
import { type Idle, LOAD } from "./spare-processes.ts";

// The process of test files. As vitest's own for `forks`, but that it can be started ahead, have the harness loaded when it is told which file, and be told again.

const send = process.send?.bind(process);
if (send === undefined) throw new Error("test-process.ts is started by the plugin of meshwright/harness/assemblyscript");
const exit = process.exit.bind(process);
const on = process.on.bind(process);
const off = process.off.bind(process);
const residentMemory = process.memoryUsage.rss.bind(process.memoryUsage);

// Whom it could tell is gone.
on("disconnect", () => exit(1));

// What cannot be loaded now cannot be loaded by the test file either, whose failure is shown.
on("message", (message: unknown) => {
  if (message === LOAD) import("../vitest.ts").catch(() => undefined);
});

serve();

/** Runs the test files that one run of vitest has for this process, then waits for the next. */
function serve(): void {
  const listeners = new Set<(message: unknown) => void>();
  let modules: { clear(): void } | undefined;
  init({
    post: (message) => send?.(message),
    on: (listener) => {
      listeners.add(listener);
      on("message", listener);
    },
    off: (listener) => {
      listeners.delete(listener);
      off("message", listener);
    },
    setup: setupEnvironment,
    runTests: async (state, traces) => {
      await runBaseTests("run", state, traces);
      modules = state.evaluatedModules;
    },
    collectTests: async (state, traces) => {
      await runBaseTests("collect", state, traces);
      modules = state.evaluatedModules;
    },
    teardown: () => {
      for (const listener of listeners) off("message", listener);
      // Their sources may have changed until then; what Node itself has loaded is the parent's to know.
      modules?.clear();
      serve();
      send?.({ type: "meshwright:idle", memory: residentMemory() } satisfies Idle);
    },
  });
}
