import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { xdsTls } from "../../cli/control/xds-tls.ts";
import { ControlService, type ControlServiceOptions } from "../../control/control-service.ts";
import type { ControlLog } from "../../control/log.ts";
import { istioCertificateService, type MeshIdentity } from "../../control/identity/index.ts";
import { openIdentity } from "../../control/open-identity.ts";
import { XdsListener } from "../../control/xds/transport/index.ts";

/** The control service with an authority; proxies come over TLS, each with a certificate of its own. */
export interface ServedMesh {
  readonly service: ControlService;
  readonly identity: MeshIdentity;
  readonly xds: XdsListener;
  /** File with the roots of the mesh, PEM. */
  readonly roots: string;
}

/** As `meshwright serve --state FOLDER` does. */
export async function serveMesh(
  sources: ControlServiceOptions["sources"],
  folder: string,
  log: ControlLog,
  resources: AsyncDisposableStack,
): Promise<ServedMesh> {
  // Whom it lets in depends on what it knows: the trust domain is in an object of the mesh.
  const authorize: ControlServiceOptions["authorize"] = async (proxy, client) => tls?.authorizer.authorize(proxy, client) ?? {};
  const service = resources.use(await ControlService.start({ sources, log, authorize }));
  const quiet: ControlLog = { ...log, info: () => undefined };
  const options = { directory: join(folder, "ca"), trustDomains: () => service.mesh.settings };
  const onRoots = (trusted: readonly string[]) => service.trust(trusted);
  const identity = resources.use(await openIdentity({ ...options, metrics: service.metrics.certificates, onRoots, log: quiet }));
  const tls = await xdsTls({}, identity, service, quiet);
  if (tls === undefined) throw new Error("a mesh with an authority has TLS");
  resources.use(tls);
  const services = [istioCertificateService(identity.certificates)];
  const xds = resources.use(await XdsListener.start(service.xds, { port: 0, services, certificate: tls.certificate, plaintext: false }));
  const roots = join(folder, "roots.pem");
  await writeFile(roots, identity.authority.roots());
  return { service, identity, xds, roots };
}
