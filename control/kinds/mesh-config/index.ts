import type { Kind } from "../../model/index.ts";
import { check, checkInMesh } from "./check.ts";
import { fields, type MeshConfigSpec } from "./fields.ts";
import { settingsOf } from "./settings.ts";

export { defaultConnectionSettings, defaultMeshSettings, defaultProxyHeaders, defaultProxySettings } from "./defaults.ts";
export {
  annotationProblems,
  nodeSettings,
  type NodeSettings,
  PROXY_CONFIG_ANNOTATION,
  ownProxyConfig,
  readAnnotation,
} from "./node-settings.ts";
export { remoteService } from "./proxy-fields.ts";
export { meshConfigDocument, meshConfigOfConfigMap } from "./manifest.ts";

/** What holds for the whole mesh: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/ */
export const meshConfig: Kind<MeshConfigSpec> = {
  kind: "MeshConfig",
  group: "",
  versions: ["v1"],
  body: "document",
  fields,
  check,
  contribute: (object) => ({ settings: settingsOf(object) }),
  checkInMesh,
};
