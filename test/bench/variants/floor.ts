import { join } from "node:path";
import { build, REPOSITORY, type Built } from "../../foreign/build.ts";
import { c } from "../../foreign/c.ts";

/** Modules in C that make the hostcalls of a filter for the benchmark's request and do nothing else, by filter. */
export const FLOORS = {
  authentication: () => hostcalls("AUTHENTICATION"),
  /** Of a new token; the configuration is what `verify_signature` takes. */
  "authentication-new": () => hostcalls("AUTHENTICATION", "NEW_TOKEN"),
  telemetry: () => hostcalls("TELEMETRY"),
  mesh: () => hostcalls("MESH", "TELEMETRY"),
  /** Where an upstream answers. */
  "mesh-forwarded": () => hostcalls("MESH", "TELEMETRY", "FORWARDED"),
  /** `mesh` without `telemetry`, the last of the six. */
  "mesh-5": () => hostcalls("MESH"),
  ejection: () => build(c("bench-attempt-raw-c", join(REPOSITORY, "test/bench/attempt/raw-c/index.c"))),
} satisfies Readonly<Record<string, () => Promise<Built>>>;

function hostcalls(...macros: readonly string[]): Promise<Built> {
  return build(c(`bench-hostcalls-${macros.join("-").toLowerCase()}`, join(REPOSITORY, "test/bench/hostcalls/index.c"), macros));
}
