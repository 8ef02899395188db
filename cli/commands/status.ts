import type { Command } from "commander";
import type { AdmissionStatus } from "../../control/admin/admission-status.ts";
import type { OutForAll } from "../../control/admin/health-status.ts";
import type { ProxyStatus } from "../../control/admin/proxy-status.ts";
import { ExitCode } from "../cli-error.ts";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, outputOption, print, table } from "../control/output.ts";

export function addStatus(program: Command): void {
  addAdminOptions(program.command("status"))
    .summary("show what every proxy has accepted")
    .description(
      "Shows every proxy that is connected to the control service, by type of resource: SYNCED, STALE (sent, not answered yet), NACK (refused, with the reason) or NOT SENT. Where proxies have certificates: whom each has proved to be, and until when. Hosts that mesh-wide health has out for all, or lets back by steps: since when, until when at the least, and why.",
    )
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 1 where a proxy refuses something, or a change is not applied (serve --admission strict).

Examples:
  $ meshwright status
  $ meshwright status --output json --admin http://127.0.0.1:15014`,
    )
    .action(showStatus);
}

async function showStatus({ output, ...options }: AdminOptions & { readonly output: OutputFormat }): Promise<void> {
  const status = (await askAdmin(options, "/api/v1/status")) as {
    readonly proxies: readonly ProxyStatus[];
    /** Of a service of an older version none. */
    readonly admission?: AdmissionStatus;
    readonly health?: OutForAll;
  };
  const { proxies, admission, health } = status;
  const refused = admission?.refused ?? [];
  print(output, status, () => asText(proxies) + outForAll(health?.out ?? []) + refused.map(refusal).join(""));
  if (refused.length > 0 || proxies.some(({ state }) => state === "NACK")) process.exitCode = ExitCode.Input;
}

function refusal({ source, since, problems }: AdmissionStatus["refused"][number]): string {
  const lines = problems.map(({ file, line, column, message }) => `  ${file}:${line}:${column}: ${message}\n`);
  return `\na change of ${source} of ${new Date(since).toISOString()} is not applied, since it would break something:\n${lines.join("")}`;
}

function outForAll(hosts: OutForAll["out"]): string {
  if (hosts.length === 0) return "";
  const at = (time: number | undefined) => (time === undefined ? "" : new Date(time).toISOString());
  const rows = hosts.map(({ address, service, port, state, share, since, until, reason = "not known: an older service decided it" }) => [
    address,
    `${service}:${port}`,
    state === "out" ? "OUT" : `RETURNING ${share}%`,
    at(since),
    at(until),
    reason,
  ]);
  return `\nout for all by mesh-wide health:\n${table([["HOST", "SERVICE", "STATE", "SINCE", "UNTIL", "WHY"], ...rows])}`;
}

function asText(proxies: readonly ProxyStatus[]): string {
  const [first] = proxies;
  if (first === undefined) return "no proxy is connected\n";
  const withIdentity = proxies.some(({ identity }) => identity !== null);
  const identityOf = ({ identity }: ProxyStatus) =>
    identity === null ? ["none", ""] : [identity.name, new Date(identity.notAfter).toISOString()];
  const header = ["PROXY", "ENVOY", ...(withIdentity ? ["IDENTITY", "UNTIL"] : []), ...first.types.map(({ type }) => type.toUpperCase())];
  const rows = proxies.map((proxy) => [
    proxy.id,
    proxy.version,
    ...(withIdentity ? identityOf(proxy) : []),
    ...proxy.types.map(({ state }) => state),
  ]);
  const refusals = proxies.flatMap(({ id, types }) =>
    types.flatMap(({ type, refused }) => refused.map(({ name, reason }) => `${id} refuses ${type} ${name}: ${reason}\n`)),
  );
  return table([header, ...rows]) + (refusals.length > 0 ? `\n${refusals.join("")}` : "");
}
