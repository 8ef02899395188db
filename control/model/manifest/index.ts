export { Limit } from "./limits.ts";
export { type ManifestsRead, readManifests, type TextManifest } from "./read-manifests.ts";
