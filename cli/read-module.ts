import { resolve } from "node:path";
import { suggestion } from "../control/model/fields/suggestion.ts";
import { filterFiles, filterNames } from "../filters/index.ts";
import { HostError } from "../harness/host/errors.ts";
import { checkModuleFile, readModuleFile } from "../harness/host/module-file.ts";
import { CliError, ExitCode } from "./cli-error.ts";

/** A module that the user named: where it stands, and its bytes. */
export interface NamedModule {
  /** Of the plugin: the file's name without `.wasm`. */
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The path of a filter of this package by its name, or of a file, which looks like a module: Envoy itself does not say what is wrong with one that is none. */
export function modulePath(module: string): string {
  const path = pathOf(module);
  reading(() => checkModuleFile(path, module));
  return path;
}

/** Reads a module, of a size that can be one. */
export function readModule(module: string): NamedModule {
  const path = pathOf(module);
  return { name: pluginName(module), path, bytes: reading(() => readModuleFile(path, module)) };
}

/** What the plugin of a module is called. */
export function pluginName(module: string): string {
  return module.replace(/^.*\/|\.wasm$/g, "");
}

function pathOf(module: string): string {
  if (module.endsWith(".wasm") || module.includes("/")) return resolve(module);
  const names = filterNames();
  if (names.includes(module)) return filterFiles(module).module;
  throw new CliError(
    ExitCode.Input,
    `${module}: there is no such filter${suggestion(module, names)}. There are: ${names.join(", ")}; the name of a module of your own ends in .wasm`,
  );
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof HostError) throw new CliError(ExitCode.Input, error.message, { cause: error });
    throw error;
  }
}
