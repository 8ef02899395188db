import type { ChainSpec } from "../../harness/target/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { readInput } from "../read-file.ts";

/** What the clusters that a filter calls answer: `NAME=FILE`, each with status 200 and the bytes of its file. Others do not exist. */
export async function readClusters(options: readonly string[]): Promise<NonNullable<ChainSpec["callouts"]>> {
  const callouts: Record<string, NonNullable<ChainSpec["callouts"]>[string]> = {};
  for (const option of options) {
    // Istio's names of clusters have no `=`: outbound|443||issuer.example.com.
    const [, name, path] = /^([^=]+)=(.+)$/.exec(option) ?? [];
    if (name === undefined || path === undefined) throw new CliError(ExitCode.Usage, `--cluster ${option}: expected NAME=FILE`);
    const body = await readInput(path, `answer of cluster ${name}`);
    callouts[name] = () => ({ status: 200, headers: [["content-type", "application/json"]], body });
  }
  return callouts;
}
