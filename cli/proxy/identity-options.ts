import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { BootstrapRequest, NodeDescription } from "../../control/bootstrap/index.ts";
import type { ProxyIdentity } from "../../control/proxy/identity/index.ts";
import type { Log } from "../../control/proxy/index.ts";
import { makeFolder } from "../../harness/make-folder.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { duration } from "./options.ts";

/** What `proxy` is told of the identity of its workload. */
export interface IdentityOptions {
  readonly tokenFile?: string;
  readonly identityDir?: string;
  readonly certificateLifetime?: number;
}

export function addIdentityOptions(command: Command): Command {
  return command
    .option(
      "--token-file <file>",
      "a join token, or the token of a Kubernetes service account: the proxy gets a certificate, and speaks mTLS",
    )
    .option("--identity-dir <dir>", "where key and certificate are kept, for a restart that needs no new token (default: in memory alone)")
    .option(
      "--certificate-lifetime <duration>",
      "for which certificates are asked for (default: what the control service gives)",
      duration,
    );
}

/** Whether the options ask for an identity. */
export function wantsIdentity({ tokenFile, identityDir, certificateLifetime }: IdentityOptions): boolean {
  if (tokenFile !== undefined || identityDir !== undefined) return true;
  if (certificateLifetime !== undefined)
    throw new CliError(ExitCode.Usage, "--certificate-lifetime is for a proxy with an identity: give --token-file too");
  return false;
}

/**
 * Gets a certificate for the workload, and serves it on a socket.
 *
 * @throws CliError where the control service refuses it, or a file is not there
 */
export async function startIdentity(
  { tokenFile, identityDir, certificateLifetime }: IdentityOptions,
  { control, controlTls }: BootstrapRequest,
  { metadata }: NodeDescription,
  socket: string,
  log: Log,
): Promise<ProxyIdentity> {
  if ("path" in control)
    throw new CliError(ExitCode.Usage, "--control: a proxy with an identity asks for it at HOST:PORT, not at a socket");
  const { ProxyIdentity: Started, CertificateRefusal } = await import("../../control/proxy/identity/index.ts");
  const roots = controlTls === undefined ? undefined : await readText("--control-ca", controlTls.caFile);
  if (identityDir !== undefined) makeIdentityDir(identityDir);
  // A mistake shows now, not when the certificate is to be renewed.
  if (tokenFile !== undefined) await readText("--token-file", tokenFile);
  try {
    return await Started.start({
      source: {
        ...control,
        ...(roots !== undefined && { roots }),
        ...(controlTls?.serverName !== undefined && { name: controlTls.serverName }),
      },
      workload: { namespace: String(metadata["NAMESPACE"]), serviceAccount: String(metadata["SERVICE_ACCOUNT"]) },
      socket,
      ...(tokenFile !== undefined && { token: () => readText("--token-file", tokenFile) }),
      ...(identityDir !== undefined && { file: join(resolve(identityDir), "certificate.json") }),
      ...(certificateLifetime !== undefined && { lifetime: certificateLifetime }),
      log,
    });
  } catch (error) {
    if (!(error instanceof CertificateRefusal)) throw error;
    throw new CliError(ExitCode.Input, `the control service gives no certificate: ${error.message}`, { cause: error });
  }
}

async function readText(option: string, file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw new CliError(ExitCode.Input, `${option} ${file}: ${(error as Error).message}`, { cause: error });
  }
}

function makeIdentityDir(folder: string): void {
  try {
    makeFolder(folder, 0o700);
  } catch (error) {
    throw new CliError(ExitCode.Input, `--identity-dir ${folder}: cannot be made: ${(error as Error).message}; name another folder`, {
      cause: error,
    });
  }
}
