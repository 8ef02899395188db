import { parentPort, workerData } from "node:worker_threads";
import { inProcessTarget } from "../../harness/host/index.ts";
import { TargetError, type ChainSpec, type ExchangeRequest } from "../../harness/target/index.ts";

// Runs a chain in process, in a thread of its own that can be ended: a module may loop for ever.

const port = parentPort;
if (port === null) throw new Error("this file runs as a worker thread");

const running = await inProcessTarget.start(workerData as ChainSpec).catch((error: unknown) => {
  const logs = error instanceof TargetError ? error.logs : [];
  port.postMessage({ refused: error instanceof Error ? error.message : String(error), logs });
  return undefined;
});

if (running !== undefined) {
  port.on("message", (request: ExchangeRequest) => {
    running.send(request).then(
      (result) => port.postMessage({ result }),
      (error: unknown) => port.postMessage({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
  port.postMessage({ ready: true });
}
