import type { ControlService } from "../../control/control-service.ts";
import type { ControlLog } from "../../control/log.ts";
import { type ClientIdentifier, clientsOf, IdentityError, type MeshIdentity } from "../../control/identity/index.ts";
import { ProxyAuthorizer } from "../../control/proxy-authorizer.ts";
import { FileCertificate, type ServerCertificate } from "../../control/tls/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { meshCertificate } from "./mesh-certificate.ts";
import { readCertificates } from "./read-certificates.ts";
import type { XdsTlsOptions } from "./xds-tls-options.ts";

/** TLS for proxies, and who may be which. */
export interface XdsTls extends Disposable {
  readonly certificate: ServerCertificate;
  readonly authorizer: ProxyAuthorizer;
}

/**
 * TLS as the options and the authority have it; undefined where there is neither.
 *
 * @throws CliError where the options do not go together, or a file cannot be read
 */
export async function xdsTls(
  { xdsCert, xdsKey, xdsClientCa }: XdsTlsOptions,
  mesh: MeshIdentity | undefined,
  service: ControlService,
  log: ControlLog,
): Promise<XdsTls | undefined> {
  if ((xdsCert === undefined) !== (xdsKey === undefined))
    throw new CliError(ExitCode.Usage, "--xds-cert and --xds-key belong together: give both or none");
  if (mesh === undefined && (xdsCert === undefined) !== (xdsClientCa === undefined))
    throw new CliError(
      ExitCode.Usage,
      "without an authority of the mesh (--state or --ca), TLS for proxies needs --xds-cert, --xds-key and --xds-client-ca",
    );
  if (mesh === undefined && xdsCert === undefined) return undefined;
  const others =
    xdsClientCa === undefined ? undefined : clientsOf(await readCertificates("--xds-client-ca", xdsClientCa), () => service.mesh.settings);
  const authorizer = new ProxyAuthorizer({
    identify: (chain) => identify(chain, mesh, others),
    requireNotRevoked: (identity, serialNumber) => mesh?.revocations.require(identity, serialNumber),
    onRevoked: (listener) => void mesh?.revocations.onRevoked(listener),
  });
  if (xdsCert !== undefined && xdsKey !== undefined) {
    const certificate = await FileCertificate.open({
      certificate: xdsCert,
      key: xdsKey,
      warn: (message) => log.warn({}, message),
    }).catch((error: Error) => {
      throw new CliError(ExitCode.Input, `--xds-cert, --xds-key: ${error.message}`, { cause: error });
    });
    return { certificate, authorizer, [Symbol.dispose]: () => certificate[Symbol.dispose]() };
  }
  // The branch above is the only other one.
  if (mesh === undefined) return undefined;
  const certificate = await meshCertificate(mesh, service, log);
  return { certificate, authorizer, [Symbol.dispose]: () => certificate[Symbol.dispose]() };
}

async function identify(
  chain: readonly Uint8Array[],
  mesh: MeshIdentity | undefined,
  others: ClientIdentifier | undefined,
): ReturnType<ClientIdentifier> {
  if (mesh === undefined && others !== undefined) return others(chain);
  if (mesh === undefined) throw new IdentityError("no-proof", "this mesh knows no authority");
  try {
    return await mesh.identify(chain);
  } catch (error) {
    if (others === undefined || !(error instanceof IdentityError) || error.code !== "certificate-untrusted") throw error;
    const found = await others(chain);
    mesh.revocations.require(found.identity, found.serialNumber);
    return found;
  }
}
