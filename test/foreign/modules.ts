import { join } from "node:path";
import { assemblyScript } from "./assemblyscript.ts";
import { REPOSITORY, type Recipe } from "./build.ts";
import { c } from "./c.ts";
import { go } from "./go.ts";
import { rust } from "./rust.ts";

/** The same filter in every language; README.md says what it does. */
export const FOREIGN_MODULES: readonly Recipe[] = [c("c", join(REPOSITORY, "test/foreign/c/index.c")), rust, assemblyScript, go];
