import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { CliError, ExitCode } from "../cli-error.ts";

export interface AdminOptions {
  readonly admin: string;
  readonly tokenFile?: string;
}

/** Options of every command that talks to a running control service. */
export function addAdminOptions(command: Command): Command {
  return command
    .addOption(new Option("--admin <url>", "admin interface of the control service").default("http://127.0.0.1:15014"))
    .option("--token-file <file>", "file with the bearer token, where the service wants one");
}

/** Asks the control service. Ends the command where it cannot be reached (3) or says no (1). */
export async function askAdmin(
  { admin, tokenFile }: AdminOptions,
  path: string,
  { method = "GET", timeout = 30_000, body: sent }: { readonly method?: string; readonly timeout?: number; readonly body?: object } = {},
): Promise<unknown> {
  const headers = {
    ...(tokenFile !== undefined && { authorization: `Bearer ${(await readToken(tokenFile)).trim()}` }),
    ...(sent !== undefined && { "content-type": "application/json" }),
  };
  const url = urlOf(admin, path);
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      signal: AbortSignal.timeout(timeout),
      ...(sent !== undefined && { body: JSON.stringify(sent) }),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new CliError(
      ExitCode.Environment,
      `no control service answers at ${admin} (${cause}); start one with "meshwright serve", or name it with --admin`,
      { cause: error },
    );
  }
  const body = (await response.json().catch(() => undefined)) as { readonly error?: string } | undefined;
  if (response.ok && body !== undefined) return body;
  throw new CliError(
    ExitCode.Input,
    body?.error ?? `${url.href} answered ${response.status} ${response.statusText}; is that the admin interface of a control service?`,
  );
}

function urlOf(admin: string, path: string): URL {
  try {
    return new URL(path, admin.includes("://") ? admin : `http://${admin}`);
  } catch {
    throw new CliError(ExitCode.Usage, `--admin ${admin} is no URL; write http://HOST:PORT`);
  }
}

async function readToken(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(ExitCode.Input, `--token-file ${file}: ${(error as Error).message}`, { cause: error });
  }
}
