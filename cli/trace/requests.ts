import type { ExchangeRequest } from "../../harness/target/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { readRequests } from "../try/run-requests.ts";

/** The requests of a file, or the one that is sent where none is named. A wrong line ends the command: what it would have sent is part of the answer. */
export async function requestsOf(input: string | undefined): Promise<readonly ExchangeRequest[]> {
  if (input === undefined) return [{ path: "/" }];
  const { lines } = await readRequests(input);
  return lines.map((line) => {
    if ("error" in line) throw new CliError(ExitCode.Input, line.error);
    return line.request;
  });
}
