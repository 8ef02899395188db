/** Envoy's configuration in types, and functions that build the parts of it that tests and commands use. */
export * from "./build.ts";
export type * from "./types.ts";
