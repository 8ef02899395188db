import type { Contribution, MeshObject, MtlsMode, PeerAuthentication } from "../../model/index.ts";
import type { PeerAuthenticationSpec } from "./fields.ts";

export function contribute(object: MeshObject<PeerAuthenticationSpec>): Contribution {
  const { metadata, spec } = object;
  const policy: PeerAuthentication = {
    name: metadata.name,
    namespace: metadata.namespace,
    selector: spec.selector?.matchLabels ?? {},
    mode: modeOf(spec.mtls),
    ports: new Map(Object.entries(spec.portLevelMtls ?? {}).map(([port, mtls]) => [Number(port), modeOf(mtls)])),
    object,
  };
  return { peerAuthentications: [policy] };
}

function modeOf(mtls: PeerAuthenticationSpec["mtls"]): MtlsMode | undefined {
  return mtls === undefined || mtls.mode === "UNSET" ? undefined : mtls.mode;
}
