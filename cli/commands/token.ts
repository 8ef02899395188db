import type { Command } from "commander";
import type { CreatedToken, JoinToken } from "../../control/identity/tokens/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, outputOption, print, table } from "../control/output.ts";

interface CreateOptions extends AdminOptions {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly uses: string;
  readonly lifetime: string;
  readonly output: OutputFormat;
}

export function addToken(program: Command): void {
  const token = program
    .command("token")
    .summary("make, list and revoke join tokens")
    .description(
      "Join tokens let a workload that has no certificate yet prove who it is. The control service keeps their hashes, and shows each once, when it is made.",
    );
  addAdminOptions(token.command("create"))
    .summary("make a join token")
    .description(
      "Makes a token with which workloads of one namespace and service account may join. It is printed alone on standard output; what it is good for, on standard error.",
    )
    .requiredOption("-n, --namespace <namespace>", "namespace of the workload")
    .requiredOption("-s, --service-account <name>", "service account of the workload")
    .option("--uses <count>", "workloads that may join with it, 1 to 10000", "1")
    .option("--lifetime <duration>", "how long it is good, 1s to 2160h", "1h")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
A service that listens on loopback alone wants the token from the directory of its authority: --token-file STATE/ca/admin-token.

Examples:
  $ meshwright token create -n default -s reviews --token-file state/ca/admin-token > reviews.token
  $ meshwright token create -n default -s reviews --uses 10 --lifetime 24h --token-file state/ca/admin-token`,
    )
    .action(createToken);
  addAdminOptions(token.command("list"))
    .summary("list join tokens")
    .description("Lists join tokens, the newest first, without their secrets; those that have expired, for a day.")
    .addOption(outputOption())
    .action(listTokens);
  addAdminOptions(token.command("revoke"))
    .summary("make join tokens worth nothing")
    .description("Revokes join tokens by id. Certificates that were issued for them stay good until they expire.")
    .argument("<id...>", "ids, as list shows them")
    .action(revokeTokens);
}

async function createToken({ namespace, serviceAccount, uses, lifetime, output, ...admin }: CreateOptions): Promise<void> {
  if (!/^\d{1,6}$/.test(uses)) throw new CliError(ExitCode.Usage, `--uses ${uses} is no number; write 1 to 10000`);
  const body = { namespace, serviceAccount, uses: Number(uses), lifetime };
  const created = (await askAdmin(admin, "/api/v1/tokens", { method: "POST", body })) as CreatedToken;
  print(output, created, () => `${created.token}\n`);
  if (output === "text") {
    const count = created.uses === 1 ? "one workload" : `${created.uses} workloads`;
    process.stderr.write(
      `token ${created.id}: ${count} of ${namespace}/${serviceAccount}, until ${new Date(created.expiresAt).toISOString()}\n`,
    );
  }
}

async function listTokens({ output, ...admin }: AdminOptions & { readonly output: OutputFormat }): Promise<void> {
  const { tokens } = (await askAdmin(admin, "/api/v1/tokens")) as { readonly tokens: readonly JoinToken[] };
  print(output, { tokens }, () => asText(tokens));
}

async function revokeTokens(ids: readonly string[], admin: AdminOptions): Promise<void> {
  for (const id of ids) {
    await askAdmin(admin, `/api/v1/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
    process.stdout.write(`token ${id} is revoked\n`);
  }
}

function asText(tokens: readonly JoinToken[]): string {
  if (tokens.length === 0) return "there is no join token\n";
  const rows = tokens.map(({ id, namespace, serviceAccount, state, uses, used, expiresAt }) => [
    id,
    namespace,
    serviceAccount,
    state,
    `${used}/${uses}`,
    new Date(expiresAt).toISOString(),
  ]);
  return table([["ID", "NAMESPACE", "SERVICE ACCOUNT", "STATE", "USED", "EXPIRES"], ...rows]);
}
