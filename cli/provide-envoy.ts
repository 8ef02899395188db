import { EnvoyReleaseError, provideEnvoy } from "../harness/envoy/release/index.mjs";
import { CliError, ExitCode } from "./cli-error.ts";

/** Fetches Envoy where this machine has none, and says so on standard error; what runs next finds it. */
export async function ensureEnvoy(): Promise<void> {
  try {
    await provideEnvoy(process.env, { onStep: (text) => void process.stderr.write(`${text}\n`) });
  } catch (error) {
    if (!(error instanceof EnvoyReleaseError)) throw error;
    throw new CliError(ExitCode.Environment, error.message, { cause: error });
  }
}
