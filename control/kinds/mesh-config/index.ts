export { defaultConnectionSettings, defaultMeshSettings, defaultProxyHeaders, defaultProxySettings } from "./defaults.ts";
