import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { AuthorityStatus } from "../../control/admin/identity.ts";
import type { Certificate, Revocation } from "../../control/identity/index.ts";
import type { CertificateReport } from "../certs/report.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { addAdminOptions, type AdminOptions, askAdmin } from "../control/admin-client.ts";
import { type OutputFormat, outputOption, print, table } from "../control/output.ts";
import { duration } from "../proxy/options.ts";

/** Milliseconds for proxies to have a new root. */
const PATIENCE = 30_000;
/** Milliseconds for an answer, beside what it waits for. */
const MARGIN = 10_000;

interface CertsOptions extends AdminOptions {
  readonly roots?: string;
  readonly envoy?: string;
  readonly pem?: boolean;
  readonly output: OutputFormat;
}

export function addCerts(program: Command): void {
  const certs = addAdminOptions(program.command("certs"))
    .summary("show and check certificates and their chains")
    .description(
      "Without a file: the authority of the mesh, its roots and which of them signs. With files: each is one chain, a workload's certificate first, and is checked as a peer would. With --envoy: what a proxy has by SDS.",
    )
    .argument("[file...]", "PEM files")
    .option("--roots <file>", "PEM file with what is trusted; default: the roots of the authority, or with --envoy what the proxy trusts")
    .option("--envoy <url>", "admin interface of a proxy's Envoy, such as http://127.0.0.1:15000")
    .option("--pem", "print the roots of the authority as PEM, and nothing else")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Exit code 1 where a certificate has expired, is not valid yet, does not lead to what is trusted, or a chain is broken.

Examples:
  $ meshwright certs
  $ meshwright certs --pem > roots.pem
  $ meshwright certs --roots roots.pem chain.pem
  $ meshwright certs --envoy http://127.0.0.1:15000`,
    )
    .action(showCerts);
  certs
    .command("revoke")
    .configureHelp({ showGlobalOptions: true })
    .summary("give no more certificates to an identity, or trust one certificate no more")
    .description(
      "Revokes identities (spiffe://...) or certificates (serial numbers) in the control service, which issues nothing for them any more. Workloads do not hear of it. --restore takes it back.",
    )
    .argument("<subject...>", "SPIFFE ids, or serial numbers in hexadecimal")
    .option("--restore", "take the revocation back")
    .action(revoke);
  certs.command("revoked").configureHelp({ showGlobalOptions: true }).summary("list what is revoked").action(listRevoked);
  // The options of `certs` are those of its steps, too: commander reads them there.
  certs
    .command("rotate")
    .configureHelp({ showGlobalOptions: true })
    .summary("take one step of the root's rotation")
    .description(
      "Steps: prepare makes a new root, trusted beside the old one; switch has it sign, when every proxy has both; retire ends the old one, when nothing that it has signed is good any more; cancel takes back prepare. switch and retire wait until every connected proxy has said that it trusts the new root.",
    )
    .argument("<step>", "prepare, switch, retire or cancel")
    .option(
      "--force",
      "switch although proxies have not said that they trust the new root, or retire the old one although its certificates are still good, which cuts off who has not renewed: for a key that has leaked",
    )
    .option("--timeout <duration>", "how long to wait for proxies (default: 30s)", duration)
    .action(rotate);
}

async function showCerts(files: readonly string[], { roots: rootsFile, envoy, pem, output, ...admin }: CertsOptions): Promise<void> {
  const [{ Certificate: Read, IdentityError }, { asText, reportOf, reportOfRoot }, { proxySecrets }] = await load();
  const read = (source: string, text: string): readonly Certificate[] => {
    try {
      return Read.readAll(text);
    } catch (error) {
      if (!(error instanceof IdentityError)) throw error;
      throw new CliError(ExitCode.Input, `${source}: ${error.message}`, { cause: error });
    }
  };
  const fromFile = async (file: string) => read(file, await readText(file));
  const now = Date.now();
  const authority = async () => (await askAdmin(admin, "/api/v1/authority")) as AuthorityStatus;
  if (pem === true) {
    process.stdout.write((await authority()).roots.map((root) => root.pem).join(""));
    return;
  }
  const given = rootsFile === undefined ? undefined : await fromFile(rootsFile);
  const reports: CertificateReport[] = [];
  let note = "";
  if (envoy !== undefined) {
    const { chains, roots } = await proxySecrets(envoy);
    for (const [name, chain] of chains) reports.push(...reportOf(name, chain, given ?? roots, now));
    reports.push(...roots.map((root) => reportOfRoot("trusted", "root", root, now)));
  } else if (files.length > 0) {
    const trusted = given ?? (await authority()).roots.flatMap((root) => Read.readAll(root.pem));
    for (const file of files) reports.push(...reportOf(file, await fromFile(file), trusted, now));
  } else {
    const { kind, phase, retirable, roots, lacking } = await authority();
    reports.push(...roots.flatMap((root) => Read.readAll(root.pem).map((each) => reportOfRoot("authority", root.use, each, now))));
    if (kind === "embedded" && phase !== "stable") note = `\n${rotationText(phase, retirable)}\n`;
    if (lacking.length > 0) note += `\nwithout these roots, as far as is known:\n${lacking.map((id) => `  ${id}\n`).join("")}`;
  }
  const good = reports.every(({ problems }) => problems.length === 0);
  print(output, { good, certificates: reports }, () => asText(reports, now) + note);
  if (!good) process.exitCode = ExitCode.Input;
}

/** Loaded when it is wanted: the rest of the command line does without certificates. */
function load() {
  return Promise.all([import("../../control/identity/index.ts"), import("../certs/report.ts"), import("../certs/proxy-secrets.ts")]);
}

function rotationText(phase: AuthorityStatus["phase"], retirable: number | undefined): string {
  if (phase === "prepared") return "a new root is prepared: when every proxy has it, meshwright certs rotate switch";
  const when =
    retirable === undefined || retirable <= Date.now() ? "can be retired now" : `can be retired from ${new Date(retirable).toISOString()}`;
  return `the new root signs; the former one ${when}: meshwright certs rotate retire`;
}

interface RotateOptions {
  readonly force?: boolean;
  readonly timeout?: number;
}

async function rotate(step: string, { force, timeout = PATIENCE }: RotateOptions, command: Command): Promise<void> {
  if (!["prepare", "switch", "retire", "cancel"].includes(step))
    throw new CliError(ExitCode.Usage, `there is no step ${step}; steps are prepare, switch, retire and cancel`);
  const admin = command.optsWithGlobals<AdminOptions>();
  const body = { step, timeout: `${timeout}ms`, ...(force === true && { force }) };
  const { phase, retirable } = (await askAdmin(admin, "/api/v1/authority/rotation", {
    method: "POST",
    body,
    timeout: timeout + MARGIN,
  })) as Pick<AuthorityStatus, "phase" | "retirable">;
  process.stdout.write(phase === "stable" ? "one root is trusted\n" : `${rotationText(phase, retirable)}\n`);
}

async function revoke(subjects: readonly string[], { restore }: { readonly restore?: boolean }, command: Command): Promise<void> {
  const admin = command.optsWithGlobals<AdminOptions>();
  const path = restore === true ? "/api/v1/revocations/restore" : "/api/v1/revocations";
  for (const subject of subjects) {
    await askAdmin(admin, path, { method: "POST", body: { subject } });
    process.stdout.write(`${subject} is ${restore === true ? "restored" : "revoked"}\n`);
  }
}

async function listRevoked(_: object, command: Command): Promise<void> {
  const { output, ...admin } = command.optsWithGlobals<CertsOptions>();
  const { revocations } = (await askAdmin(admin, "/api/v1/revocations")) as { readonly revocations: readonly Revocation[] };
  const rows = revocations.map(({ subject, at }) => [subject, new Date(at).toISOString()]);
  print(output, { revocations }, () => (rows.length === 0 ? "nothing is revoked\n" : table([["REVOKED", "SINCE"], ...rows])));
}

async function readText(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: Error) => {
    throw new CliError(ExitCode.Input, `${file}: ${error.message}`, { cause: error });
  });
}
