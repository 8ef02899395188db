import { userInfo } from "node:os";
import { stringify } from "yaml";
import type { Json, NodeDescription } from "../../control/bootstrap/index.ts";
import {
  CaptureError,
  captureHere,
  type CaptureOptions as Captured,
  captureScript,
  lockCapture,
  removeCapture,
  setCapture,
  type ToolName,
} from "../../control/capture/index.ts";
import type { Log } from "../../control/proxy/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";

/** Redirects traffic until it is disposed of. Rules are there before Envoy is, and go after it: nothing passes by in between. */
export async function captureWhile(captured: Captured, tool: ToolName | undefined, log: Log): Promise<AsyncDisposable> {
  return foreseen(async () => {
    const lock = await lockCapture();
    try {
      const used = await setCapture(captured, captureHere(), tool);
      log.info({ tool: used, user: captured.user ?? "all", families: captured.families }, "traffic is captured");
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
    return {
      async [Symbol.asyncDispose]() {
        await foreseen(() => removeCapture(captureHere()));
        log.info({}, "traffic is not captured any more");
        await lock[Symbol.asyncDispose]();
      },
    };
  });
}

/** Takes away what a proxy left behind that was killed. */
export async function removeLeftRules(log: Log): Promise<void> {
  await foreseen(async () => {
    await using _lock = await lockCapture();
    const removed = await removeCapture(captureHere());
    log.info({ removed }, removed ? "the rules of a proxy that was killed are taken away" : "there are no rules to take away");
  });
}

/** What would be run, as YAML documents: the bootstrap, then the rules as the tool reads them. */
export async function describeRun(bootstrap: Json, captured: Captured | undefined, tool: ToolName = "nft"): Promise<string> {
  const documents = [stringify(bootstrap, { aliasDuplicateObjects: false })];
  if (captured !== undefined) documents.push(stringify({ rules: await captureScript(captured, captureHere(), tool) }));
  return documents.join("---\n");
}

/** A node whose traffic cannot be captured by these rules. */
export function refuseToCapture({ type, metadata }: NodeDescription): void {
  if (type !== "sidecar") {
    throw new CliError(ExitCode.Input, "--capture is for sidecars: clients of a router connect to its own ports");
  }
  const mode = metadata["INTERCEPTION_MODE"];
  if (mode === "REDIRECT") return;
  throw new CliError(
    ExitCode.Input,
    `--capture redirects, and the node's INTERCEPTION_MODE is ${String(mode)}: leave it out, or --capture`,
  );
}

/** Envoy runs as a user of its own, whom its connections are told by; only root can choose it. */
export function requireRoot(user = process.getuid?.()): void {
  if (user === undefined || user === 0) return;
  throw new CliError(
    ExitCode.Environment,
    `--capture runs Envoy as a user of its own and sets rules of the network, which takes root; this is ${userInfo().username}: use sudo`,
  );
}

async function foreseen<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    throw new CliError(ExitCode.Environment, `traffic cannot be captured: ${error.message}`, { cause: error });
  }
}
