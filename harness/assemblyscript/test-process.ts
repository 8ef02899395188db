import { init, runBaseTests, setupEnvironment } from "vitest/worker";
import { LOAD } from "./spare-processes.ts";

// The process of one test file. As vitest's own for `forks`, but that it can be started ahead, and have the harness loaded when it is told which file.

const send = process.send?.bind(process);
if (send === undefined) throw new Error("test-process.ts is started by the plugin of meshwright/harness/assemblyscript");
const exit = process.exit.bind(process);
const on = process.on.bind(process);
const off = process.off.bind(process);
const removeAllListeners = process.removeAllListeners.bind(process);

// Whom it could tell is gone.
const orphaned = (): void => exit(1);
on("disconnect", orphaned);

// What cannot be loaded now cannot be loaded by the test file either, whose failure is shown.
on("message", (message: unknown) => {
  if (message === LOAD) import("../vitest.ts").catch(() => undefined);
});

init({
  post: (message) => send(message),
  on: (listener) => on("message", listener),
  off: (listener) => off("message", listener),
  setup: setupEnvironment,
  runTests: (state, traces) => runBaseTests("run", state, traces),
  collectTests: (state, traces) => runBaseTests("collect", state, traces),
  teardown: () => {
    removeAllListeners("message");
    off("disconnect", orphaned);
    // vitest refuses it while tests run.
    process.exit = exit;
  },
});
