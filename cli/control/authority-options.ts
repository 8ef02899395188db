import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { ControlService } from "../../control/control-service.ts";
import type { ControlLog } from "../../control/log.ts";
import type { MeshIdentity } from "../../control/identity/index.ts";
import { parseDuration } from "../../control/model/fields/index.ts";
import { makeFolder } from "../../harness/make-folder.ts";
import { CliError, ExitCode } from "../cli-error.ts";

/** What `meshwright serve` is told of the certificate authority. */
export interface AuthorityOptions {
  readonly ca?: string;
  readonly certificateLifetime?: string;
  readonly kubernetesJwks?: string;
  readonly kubernetesIssuer?: string;
  readonly kubernetesAudience?: readonly string[];
}

export function addAuthorityOptions(command: Command): Command {
  return command
    .option(
      "--ca <dir>",
      "where the certificate authority of the mesh is kept, or the files of Istio's cacerts; default: ca in --state; without both there is no authority",
    )
    .option("--certificate-lifetime <duration>", "how long workloads' certificates are good", "24h")
    .option("--kubernetes-jwks <file|url>", "keys of Kubernetes' service accounts, whose tokens prove an identity then")
    .option("--kubernetes-issuer <issuer>", "who has issued such tokens; default: anybody with these keys")
    .option("--kubernetes-audience <audience...>", "for whom they have to be; default: istio-ca");
}

/**
 * The authority that the options ask for; undefined where they ask for none.
 *
 * @throws CliError where its files are damaged or open to others: nothing is served then, since a new root would cut off every workload
 */
export async function openAuthority(
  options: AuthorityOptions,
  state: string | undefined,
  service: ControlService,
  log: ControlLog,
): Promise<MeshIdentity | undefined> {
  const directory = directoryOf(options, state);
  const lifetime = parseDuration(options.certificateLifetime ?? "24h");
  if (lifetime === undefined || lifetime < 1000 || lifetime > 90 * 86_400_000)
    throw new CliError(ExitCode.Usage, `--certificate-lifetime ${options.certificateLifetime} is none; write 24h, from 1s to 2160h`);
  if (directory === undefined) {
    log.info({}, "the mesh has no certificate authority: --ca DIR or --state DIR brings one");
    return undefined;
  }
  const { openIdentity } = await import("../../control/open-identity.ts");
  const { kubernetesJwks: jwks, kubernetesIssuer: issuer, kubernetesAudience: audiences } = options;
  const kubernetes =
    jwks === undefined ? undefined : { jwks, ...(issuer !== undefined && { issuer }), ...(audiences !== undefined && { audiences }) };
  try {
    return await openIdentity({
      directory,
      trustDomains: () => service.mesh.settings,
      lifetime,
      ...(kubernetes !== undefined && { kubernetes }),
      metrics: service.metrics.certificates,
      onRoots: (roots) => service.trust(roots),
      log,
    });
  } catch (error) {
    throw new CliError(ExitCode.Input, `--ca ${directory}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The token with which whoever may read the authority's directory may make join tokens: kept there, and made at the first start. Without it every process of the machine could join as anybody.
 *
 * @returns undefined where there is no authority
 */
export function adminToken(
  options: AuthorityOptions,
  state: string | undefined,
): { readonly file: string; readonly token: string } | undefined {
  const directory = directoryOf(options, state);
  if (directory === undefined) return undefined;
  const file = join(directory, "admin-token");
  try {
    makeFolder(directory, 0o700);
    writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST")
      throw new CliError(ExitCode.Input, `${file}: ${(error as Error).message}; give a token with --token-file instead`, { cause: error });
  }
  const token = readFileSync(file, "utf8").trim();
  if (!/^\S{16,}$/.test(token)) throw new CliError(ExitCode.Input, `${file} holds no token; remove it, and another is made`);
  return { file, token };
}

function directoryOf({ ca }: AuthorityOptions, state: string | undefined): string | undefined {
  return ca ?? (state === undefined ? undefined : join(state, "ca"));
}
