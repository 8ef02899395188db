import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { envoyArguments } from "./arguments.ts";
import { envoyBinary } from "./binary.ts";
import type { Bootstrap } from "./bootstrap/index.ts";
import { EnvoyError } from "./errors.ts";
import { GuardedProcess } from "./process.ts";

/**
 * Runs `envoy --mode validate`, which configures wasm filters too, on a bootstrap or on the path of a YAML or JSON file.
 * Rejects with {@link EnvoyError} `refused`, whose message is Envoy's reason.
 */
export async function validateConfig(config: Bootstrap | string): Promise<void> {
  const { path } = await envoyBinary();
  const running = await GuardedProcess.start(path, async (folder) => {
    const file = typeof config === "string" ? config : join(folder, "envoy.json");
    if (typeof config !== "string") await writeFile(file, JSON.stringify(config));
    return ["--mode", "validate", "-c", file, ...envoyArguments({})];
  });
  const how = await running.exited;
  await running.end();
  if (how === "exit code 0") return;
  const place = typeof config === "string" ? `${config}: ` : "";
  const reason = running.log.reason() ?? `it logged no reason (${how})`;
  throw new EnvoyError("refused", `${place}Envoy does not take this configuration: ${reason}`, running.log.lines());
}
