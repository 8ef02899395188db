import type { ExchangeRequest } from "../../harness/target/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { openRequests } from "../try/run-requests.ts";

/**
 * The requests of a file as they are asked for, or the one that is sent where none is named. Rejects where the file cannot be read or holds nothing; a wrong line ends the command when its turn
 * comes: what it would have sent is part of the answer.
 */
export async function requestsOf(input: string | undefined): Promise<AsyncIterable<ExchangeRequest>> {
  const lines = input === undefined ? [{ line: 1, request: { path: "/" } }] : (await openRequests(input)).lines;
  return (async function* () {
    for await (const line of lines) {
      if ("error" in line) throw new CliError(ExitCode.Input, line.error);
      yield line.request;
    }
  })();
}

/** The first requests of a file, `most` of them: what is not sent is not read. */
export async function firstRequestsOf(input: string | undefined, most: number): Promise<readonly ExchangeRequest[]> {
  const requests: ExchangeRequest[] = [];
  for await (const request of await requestsOf(input)) {
    requests.push(request);
    if (requests.length >= most) break;
  }
  return requests;
}
