import type { Command } from "commander";

/** Adds a command to the program. */
export type AddCommand = (program: Command) => void;

/** Every command by its name, in the order of the help. What one is made of is loaded for that one alone: for all of them it would take longer than most of them do. */
export const commands: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ["try", async () => (await import("./try.ts")).addTry],
  ["inspect", async () => (await import("./inspect.ts")).addInspect],
  ["trace", async () => (await import("./trace.ts")).addTrace],
  ["profile", async () => (await import("./profile.ts")).addProfile],
  ["fuzz", async () => (await import("./fuzz.ts")).addFuzz],
  ["replay", async () => (await import("./replay.ts")).addReplay],
  ["serve", async () => (await import("./serve.ts")).addServe],
  ["validate", async () => (await import("./validate.ts")).addValidate],
  ["translate", async () => (await import("./translate.ts")).addTranslate],
  ["status", async () => (await import("./status.ts")).addStatus],
  ["config", async () => (await import("./config.ts")).addConfig],
  ["diff", async () => (await import("./diff.ts")).addDiff],
  ["explain", async () => (await import("./explain.ts")).addExplain],
  ["wait", async () => (await import("./wait.ts")).addWait],
  ["apply", async () => (await import("./apply.ts")).addApply],
  ["get", async () => (await import("./get.ts")).addGet],
  ["delete", async () => (await import("./delete.ts")).addDelete],
  ["token", async () => (await import("./token.ts")).addToken],
  ["certs", async () => (await import("./certs.ts")).addCerts],
  ["bootstrap", async () => (await import("./bootstrap.ts")).addBootstrap],
  ["proxy", async () => (await import("./proxy.ts")).addProxy],
  ["envoy", async () => (await import("./envoy-run.ts")).addEnvoy],
  ["new", async () => (await import("./new-filter.ts")).addNew],
]);
