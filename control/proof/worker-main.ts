import { parentPort, workerData } from "node:worker_threads";
import { Host, HostError, type HostErrorCode, SystemRandom } from "../../harness/host/index.ts";
import { withMemoryLimit } from "./memory-limit.ts";
import type { ProofCommand, ProofReply, ThreadReady, ThreadStart } from "./messages.ts";

// The thread in which modules are loaded. They are anybody's: one may loop for ever or take all memory, and then this thread is ended from outside.

const { memoryLimit } = workerData as ThreadStart;
const modules = new Map<string, Uint8Array>();

/** What says something about this host, not about the module: Envoy may load it. */
const NOT_THE_MODULE: readonly HostErrorCode[] = ["not-supported", "misuse"];

function prove({ sha256, bytes, name, ...plugin }: ProofCommand): string | undefined {
  if (bytes !== undefined) modules.set(sha256, withMemoryLimit(bytes, memoryLimit));
  const module = modules.get(sha256);
  if (module === undefined) return undefined;
  try {
    const host = new Host({ logLevel: "error", random: new SystemRandom() });
    host.load({ ...plugin, name, module, vmId: sha256 }).unload();
    return undefined;
  } catch (error) {
    const { code, message, logs } = HostError.from(error);
    if (NOT_THE_MODULE.includes(code)) return undefined;
    // What the module says of its configuration tells more than what the host says of the module.
    const said = logs.map((line) => line.replace(/^\w+: /, ""));
    return said.length > 0 ? said.join("; ") : message;
  }
}

parentPort?.on("message", (command: ProofCommand) => {
  parentPort?.postMessage({ id: command.id, reason: prove(command) } satisfies ProofReply);
});
parentPort?.postMessage({ ready: true } satisfies ThreadReady);
