import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import type { Command } from "commander";
import { envoyBinary } from "../../harness/envoy/binary.ts";
import { EnvoyError } from "../../harness/envoy/errors.ts";
import { validateConfig } from "../../harness/envoy/validate.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { ensureEnvoy } from "../provide-envoy.ts";

export function addEnvoy(program: Command): void {
  const envoy = program.command("envoy").description("Work with Envoy itself.");
  envoy
    .command("run")
    .summary("run Envoy with a configuration file")
    .description("Checks a bootstrap (YAML or JSON) with Envoy itself, then runs Envoy with it in the foreground. Ctrl-C ends it.")
    .argument("<file>", "Envoy's bootstrap")
    .argument("[arguments...]", "more arguments for Envoy, behind --")
    .addHelpText(
      "after",
      `
Envoy is ENVOY_BIN, else an envoy of a supported version on the PATH, else the downloaded one.

Examples:
  $ meshwright envoy run filters/routing/examples/envoy.yaml
  $ meshwright envoy run envoy.yaml -- --component-log-level wasm:debug`,
    )
    .action(runEnvoy);
}

async function runEnvoy(file: string, extra: readonly string[]): Promise<void> {
  if (!existsSync(file)) throw new CliError(ExitCode.Input, `${file}: there is no such file`);
  await ensureEnvoy();
  const { path } = await foreseen(() => envoyBinary());
  await foreseen(() => validateConfig(file));
  const child = spawn(path, ["-c", file, "--disable-hot-restart", ...extra], { stdio: "inherit" });
  // The terminal sends Ctrl-C to Envoy too; other signals come here alone.
  const signals = ["SIGTERM", "SIGHUP", "SIGINT"] as const;
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  for (const each of signals) process.off(each, forward);
  process.exitCode = signal === null ? (code ?? 0) : 128 + constants.signals[signal];
}

async function foreseen<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof EnvoyError)) throw error;
    throw new CliError(error.code === "refused" ? ExitCode.Input : ExitCode.Environment, error.message, { cause: error });
  }
}
