import { readFile } from "node:fs/promises";

/** `manifest.json` beside a filter's entry. It is copied to `dist/filters/NAME.manifest.json`. */
export interface Manifest {
  /** Of the module's file, and of the root that it registers. */
  readonly name: string;
  readonly description: string;
  /**
   * The functions that the module imports, exactly: hostcalls (`proxy_...`) and WASI's (`fd_write`, ...). Envoy's
   * `capability_restriction_config.allowed_capabilities` takes these, and the callbacks that the module exports.
   */
  readonly capabilities: readonly string[];
  /** Bytes that the module may have. Default: 40,960. */
  readonly maxSize?: number;
}

/** Fields that this build knows; a filter's manifest may say more (`chain`, ...) for those who read it. */
export async function readManifest(path: string): Promise<Manifest> {
  const text = await readFile(path, "utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const problem = findProblem(value);
  if (problem !== undefined) throw new Error(`${path}: ${problem}`);
  return value as Manifest;
}

function findProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "must be an object";
  const { name, description, capabilities, maxSize } = value as Record<string, unknown>;
  if (typeof name !== "string" || !/^[a-z][a-z0-9-]*$/.test(name)) return "name: must be in kebab-case";
  if (typeof description !== "string" || description === "") return "description: must be a text";
  if (!Array.isArray(capabilities) || !capabilities.every((entry) => typeof entry === "string"))
    return "capabilities: must be a list of names";
  if (maxSize !== undefined && !(typeof maxSize === "number" && maxSize > 0)) return "maxSize: must be a number of bytes";
  return undefined;
}
