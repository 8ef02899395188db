import { CertificateRoles } from "../../control/admin/certificate-roles.ts";
import type { ControlService } from "../../control/control-service.ts";
import type { ControlLog } from "../../control/log.ts";
import {
  type Certificate,
  certificateIdentity,
  formatSpiffeId,
  goodClientCertificate,
  IdentityError,
  type MeshIdentity,
  parseSpiffeId,
} from "../../control/identity/index.ts";
import { FileCertificate, type ServerCertificate } from "../../control/tls/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import type { AdminTlsOptions } from "./admin-tls-options.ts";
import { meshCertificate } from "./mesh-certificate.ts";
import { readCertificates } from "./read-certificates.ts";

/** TLS of the administration interface; nothing of it where it is in plain text. */
export interface AdminTls extends Disposable {
  readonly certificate?: ServerCertificate;
  readonly certificates?: CertificateRoles;
}

/**
 * TLS as the options and the authority have it: off loopback always, on loopback where there is a certificate of its own, or one is to be shown.
 *
 * @throws CliError where the options do not go together, a file cannot be read, or there is no certificate though one is needed
 */
export async function adminTls(
  { adminCert, adminKey, adminClientCa, adminWriteIdentity: write = [], adminReadIdentity: read = [] }: AdminTlsOptions,
  loopback: boolean,
  mesh: MeshIdentity | undefined,
  service: ControlService,
  log: ControlLog,
): Promise<AdminTls> {
  const named = write.length + read.length > 0;
  if ((adminCert === undefined) !== (adminKey === undefined))
    throw new CliError(ExitCode.Usage, "--admin-cert and --admin-key belong together: give both or none");
  if (adminClientCa !== undefined && !named)
    throw new CliError(
      ExitCode.Usage,
      "--admin-client-ca says whose certificates are good, and nobody has a role: name them with --admin-write-identity or --admin-read-identity",
    );
  if (named && adminClientCa === undefined && mesh === undefined)
    throw new CliError(
      ExitCode.Usage,
      "--admin-write-identity and --admin-read-identity name holders of certificates, and nobody issues them: give --admin-client-ca, or the mesh an authority with --state DIR or --ca DIR",
    );
  for (const name of [...write, ...read]) requireName(name, adminClientCa !== undefined);
  const roots = adminClientCa === undefined ? [] : await readCertificates("--admin-client-ca", adminClientCa);
  const certificates = named ? new CertificateRoles({ namesOf: (chain) => namesOf(chain, mesh, roots), write, read }) : undefined;
  const roles = certificates === undefined ? {} : { certificates };
  if (adminCert !== undefined && adminKey !== undefined) {
    const certificate = await FileCertificate.open({
      certificate: adminCert,
      key: adminKey,
      warn: (message) => log.warn({}, message),
    }).catch((error: Error) => {
      throw new CliError(ExitCode.Input, `--admin-cert, --admin-key: ${error.message}`, { cause: error });
    });
    return { certificate, ...roles, [Symbol.dispose]: () => certificate[Symbol.dispose]() };
  }
  if (loopback && !named) return { [Symbol.dispose]: () => undefined };
  if (mesh === undefined)
    throw new CliError(
      ExitCode.Usage,
      "the administration interface off loopback, or with names in certificates, wants TLS: give it --admin-cert and --admin-key, or the mesh an authority with --state DIR or --ca DIR",
    );
  const certificate = await meshCertificate(mesh, service, log);
  return { certificate, ...roles, [Symbol.dispose]: () => certificate[Symbol.dispose]() };
}

function requireName(name: string, withCommonNames: boolean): void {
  const wrong = (reason: string) => new CliError(ExitCode.Usage, `--admin-write-identity, --admin-read-identity ${name}: ${reason}`);
  if (name.startsWith("spiffe://")) {
    const read = parseSpiffeId(name);
    if (typeof read === "string") throw wrong(read);
  } else if (!withCommonNames) throw wrong("is no SPIFFE id; certificates of the mesh have no other name, those of --admin-client-ca may");
}

/** The names for which a certificate is good: of the mesh its SPIFFE id, of the operators' authorities that, or as Kubernetes has it the common name. */
async function namesOf(
  chain: readonly Uint8Array[],
  mesh: MeshIdentity | undefined,
  roots: readonly Certificate[],
): Promise<readonly string[]> {
  if (mesh !== undefined) {
    try {
      return [formatSpiffeId((await mesh.identify(chain)).identity)];
    } catch (error) {
      if (roots.length === 0 || !(error instanceof IdentityError) || error.code !== "certificate-untrusted") throw error;
    }
  }
  const leaf = goodClientCertificate(chain, roots);
  const identity = certificateIdentity(leaf);
  if (typeof identity !== "string") {
    mesh?.revocations.require(identity, leaf.serialNumber);
    return [formatSpiffeId(identity)];
  }
  const { CN: commonName } = leaf.x509.toLegacyObject().subject as unknown as Readonly<Record<string, unknown>>;
  // A certificate with two of them is somebody else's to everybody who reads it. No name of this sort is a SPIFFE id.
  if (typeof commonName !== "string" || commonName.startsWith("spiffe:"))
    throw new IdentityError("certificate-identity", "the client's certificate names nobody: neither a SPIFFE id nor one common name");
  return [commonName];
}
