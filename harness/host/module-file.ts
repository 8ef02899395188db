import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { HostError } from "./errors.ts";
import { hasModuleHeader, seemingFormat } from "./seeming-format.ts";

/** Bytes: larger files are not read. Envoy's V8 takes up to 1 GiB; the largest modules that people deploy have some 30 MiB. */
const LARGEST = 256 * 1024 ** 2;

/**
 * The bytes of a module's file.
 *
 * @param name what messages call it
 * @throws HostError `not-wasm` where there is no such file, or none that is as large as a module can be: a pipe or a device might never end
 */
export function readModuleFile(path: string, name = path): Uint8Array {
  return reading(path, name, () => readFileSync(path));
}

/** Throws as {@link readModuleFile}, and where the file is too short for a module or begins as none does. Reads no more than that. */
export function checkModuleFile(path: string, name = path): void {
  const start = Buffer.alloc(8);
  const length = reading(path, name, () => {
    const file = openSync(path, "r");
    try {
      return readSync(file, start);
    } finally {
      closeSync(file);
    }
  });
  const bytes = start.subarray(0, length);
  if (!hasModuleHeader(bytes)) throw new HostError("not-wasm", `${name}: ${seemingFormat(bytes)}`);
}

function reading<T>(path: string, name: string, read: () => T): T {
  const refuse = (reason: string, cause?: unknown) => new HostError("not-wasm", `${name}: ${reason}`, { cause });
  try {
    const status = statSync(path);
    if (!status.isFile()) throw refuse("is no file; name the module itself, FILE.wasm");
    if (status.size > LARGEST) throw refuse(`has ${status.size} bytes; modules of more than ${LARGEST} are not read`);
    return read();
  } catch (error) {
    if (error instanceof HostError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const reason =
      code === "ENOENT" ? "there is no such file; build the module first, or mend the path" : `cannot be read: ${(error as Error).message}`;
    throw refuse(reason, error);
  }
}
