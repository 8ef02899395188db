/** Modules of users: read from files and images on disk, fetched over HTTP, kept for a restart. Knows neither the mesh nor Envoy. */
export { ModuleStore, type ModuleStoreOptions } from "./module-store.ts";
