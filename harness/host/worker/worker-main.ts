import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { TargetError, type CalloutAnswer, type CalloutRequest, type ExchangeResult, type RunningTarget } from "../../target/index.ts";
import { evidenceOf } from "../../target/evidence.ts";
import { HostError } from "../errors.ts";
import { startInProcess } from "../target/index.ts";
import { READY, type CalloutReply, type SentReply, type WorkerCommand, type WorkerReply, type WorkerStart } from "./messages.ts";

// The thread that runs the modules of an isolated target. It may loop for ever: then it is ended from outside.

const { spec, calloutClusters, callouts, instrument, lastCall } = workerData as WorkerStart;
const ready = new Int32Array(callouts.ready);

/** Asks the other thread and waits: the host runs without pauses, so that a callout's answer has to be there at once. */
function askFor(cluster: string, request: CalloutRequest): CalloutAnswer {
  Atomics.store(ready, 0, 0);
  callouts.port.postMessage({ cluster, request });
  Atomics.wait(ready, 0, 0);
  const answer = receiveMessageOnPort(callouts.port)?.message as CalloutReply | undefined;
  if (answer === undefined || "failed" in answer)
    throw new HostError("misuse", `the callout to ${cluster} was not answered: ${answer?.failed ?? "no message"}`);
  return answer;
}

// Loaded where it is asked for: what most targets do without should not make them slower to start.
const instrumentation = instrument === undefined ? undefined : (await import("../trace/index.ts")).instrumentation(instrument, lastCall);

async function start(): Promise<RunningTarget> {
  const clusters = calloutClusters.map((cluster) => [cluster, (request: CalloutRequest) => askFor(cluster, request)] as const);
  return startInProcess({ ...spec, callouts: Object.fromEntries(clusters) }, instrumentation?.observer);
}

// From here on time counts.
parentPort?.postMessage({ id: READY } satisfies WorkerReply);
let running = start();
running.catch(() => undefined);

async function run(command: WorkerCommand): Promise<unknown> {
  if (command.command === "restart") running = start();
  const target = await running;
  switch (command.command) {
    case "send":
      return sent(await target.send(command.request));
    case "metrics":
      return target.metrics();
    case "logs":
      return target.logs();
    case "begin":
      return instrumentation?.begin();
    case "calls":
      return instrumentation?.calls();
    default:
      return undefined;
  }
}

function sent(result: ExchangeResult): SentReply {
  return { result, logs: evidenceOf(result)?.logs ?? [] };
}

parentPort?.on("message", (command: WorkerCommand) => {
  const reply = (answer: WorkerReply) => parentPort?.postMessage(answer);
  run(command)
    .then((value) => reply({ id: command.id, value }))
    .catch((error: unknown) => {
      const logs = error instanceof TargetError || error instanceof HostError ? error.logs : [];
      const reason = error instanceof TargetError ? error.cause : error;
      const code = reason instanceof HostError ? reason.code : undefined;
      const isError = error instanceof Error;
      reply({
        id: command.id,
        error: { name: isError ? error.name : "Error", code, message: isError ? error.message : String(error), logs },
      });
    });
});
