import type { ControlService } from "../../control/control-service.ts";
import type { ControlLog } from "../../control/log.ts";
import { type Identity, type MeshIdentity, MeshServerCertificate } from "../../control/identity/index.ts";

/** As istiod's; `meshwright proxy` looks for it (control/bootstrap/control-name.ts). */
const CONTROL: Omit<Identity, "trustDomain"> = { namespace: "istio-system", serviceAccount: "istiod" };

/** A certificate of the mesh's own authority for the control service itself. */
export function meshCertificate({ authority }: MeshIdentity, service: ControlService, log: ControlLog): Promise<MeshServerCertificate> {
  return MeshServerCertificate.start({
    authority,
    identity: () => ({ trustDomain: service.mesh.settings.trustDomain, ...CONTROL }),
    warn: (message) => log.warn({}, message),
  });
}
