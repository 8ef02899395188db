// Which Envoy releases Meshwright knows, and how one gets onto this machine. Shared by the set-up script and the binary provider.

export { EnvoyReleaseError } from "./errors.mjs";
export { provideEnvoy, waysToProvide } from "./fetch.mjs";
export { cachedPath, findEnvoy, versionOf, wantedVersion } from "./find.mjs";
export { DEFAULT_VERSION, minorVersion, RELEASES, SUPPORTED_VERSIONS } from "./versions.mjs";
