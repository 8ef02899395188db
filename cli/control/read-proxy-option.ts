import { type Proxy, readProxy } from "../../control/model/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";

/** The proxy that `--proxy` and `--metadata` describe. */
export function readProxyOption(id: string, metadata: string | undefined): Proxy {
  const proxy = readProxy({ id, metadata: metadata === undefined ? {} : readMetadata(metadata) });
  if (typeof proxy === "string") throw new CliError(ExitCode.Usage, `--proxy: ${proxy}`);
  return proxy;
}

function readMetadata(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError(ExitCode.Usage, `--metadata is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CliError(ExitCode.Usage, `--metadata must be a JSON object such as {"LABELS": {"app": "reviews"}}`);
  }
  return value as Record<string, unknown>;
}
