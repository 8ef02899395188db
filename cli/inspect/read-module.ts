import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { suggestion } from "../../control/model/fields/suggestion.ts";
import { filterFiles, filterNames } from "../../filters/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";

/** Bytes: larger files are not read. Envoy's V8 takes up to 1 GiB; the largest modules that people deploy have some 30 MiB. */
const LIMIT = 256 * 1024 ** 2;

/** A module that the user named: where it stands, and its bytes. */
export interface NamedModule {
  /** Of the plugin: the file's name without `.wasm`. */
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The path of a filter of this package by its name, or of a file. */
export function modulePath(module: string): string {
  if (module.endsWith(".wasm") || module.includes("/")) return resolve(module);
  const names = filterNames();
  if (names.includes(module)) return filterFiles(module).module;
  throw new CliError(
    ExitCode.Input,
    `${module}: there is no such filter${suggestion(module, names)}. There are: ${names.join(", ")}; the name of a module of your own ends in .wasm`,
  );
}

/** Reads a module, of a size that can be one. */
export async function readModule(module: string): Promise<NamedModule> {
  const path = modulePath(module);
  const refuse = (reason: string, cause?: unknown) => new CliError(ExitCode.Input, `${module}: ${reason}`, { cause });
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw refuse(error.code === "ENOENT" ? "there is no such file" : error.message, error);
  });
  try {
    const status = await file.stat();
    if (!status.isFile()) throw refuse("is no file; name the module itself, FILE.wasm");
    if (status.size > LIMIT) throw refuse(`has ${status.size} bytes; modules of more than ${LIMIT} are not read`);
    return { name: module.replace(/^.*\/|\.wasm$/g, ""), path, bytes: await file.readFile() };
  } finally {
    await file.close();
  }
}
