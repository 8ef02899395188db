import type { Command } from "commander";
import { addBootstrap } from "./bootstrap.ts";
import { addEnvoy } from "./envoy-run.ts";
import { addNew } from "./new-filter.ts";
import { addTry } from "./try.ts";

/** Every command, in the order of the help. */
export const commands: ReadonlyArray<(program: Command) => void> = [addTry, addBootstrap, addEnvoy, addNew];
