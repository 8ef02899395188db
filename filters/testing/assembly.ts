import { readFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { instantiate } from "@assemblyscript/loader";
import { compileFilter as compile, type CompileOptions, expectChanges, isChanging } from "../../harness/assemblyscript/index.ts";
import { builtModule, readDigests } from "../../scripts/build/modules.ts";
import { FILTER_OPTIONS, WITH_MESSAGES } from "../../scripts/build/options.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

// The asconfig.json of the repository is for filters, which import nothing that Envoy has not.
const LIBRARY_OPTIONS = [
  "--config",
  "none",
  "-O3",
  "--enable",
  "simd",
  "--runtime",
  "minimal",
  "--exportRuntime",
  "--exportStart",
  "_initialize",
];

/** Compiles an AssemblyScript `entry` (a path) that tests call directly. */
export async function compileAssembly(entry: string, options: readonly string[] = LIBRARY_OPTIONS): Promise<Uint8Array> {
  return readFile(await compileToFile(entry, options));
}

const filters = new Map<string, Promise<string>>();

/**
 * Compiles a filter's `entry` where the build has not, but so that the log says what gave up, and returns the path of the module. Every scenario asks, for each of its
 * targets: the sources are read once for all scenarios of a file.
 */
export function compileFilter(entry: string): Promise<string> {
  const known = filters.get(entry) ?? compileUnbuilt(entry);
  filters.set(entry, known);
  return known;
}

async function compileUnbuilt(entry: string): Promise<string> {
  const parameters = [...FILTER_OPTIONS, ...WITH_MESSAGES];
  if (isChanging(entry, optionsFor(parameters))) return compileToFile(entry, parameters);
  const built = await builtModule(repository, dirname(relative(repository, entry)), await readDigests(repository));
  if (built === undefined) return compileToFile(entry, parameters);
  await expectChanges(entry, optionsFor(parameters));
  return built;
}

/** The path of what `entry` becomes. Results are kept below `.cache/assembly`, by the content of everything that `entry` imports. */
export function compileToFile(entry: string, parameters: readonly string[]): Promise<string> {
  return compile(entry, optionsFor(parameters));
}

const optionsFor = (parameters: readonly string[]): CompileOptions => ({
  folder: repository,
  parameters,
  tools: ["scripts/build/literals.ts"],
  cache: ".cache/assembly",
});

/** A function that a `testing.ts` exports. Pointers, lengths and flags are numbers; 64-bit integers are bigints. */
export type AssemblyFunction<Result = number> = (...values: ReadonlyArray<number | bigint>) => Result;

/** An instance for tests: its functions, and bytes in and out of its memory. */
export interface Assembly {
  readonly exports: Readonly<Record<string, AssemblyFunction<never>>>;
  readonly memory: WebAssembly.Memory;
  /** Puts text (as UTF-8) or bytes into an area of their own, which stays until {@link reset}. */
  write(value: string | Uint8Array): { readonly pointer: number; readonly length: number };
  /** A copy. */
  read(pointer: number, length: number): Uint8Array;
  text(pointer: number, length: number): string;
  /** Gives back what {@link write} took. */
  reset(): void;
}

/** Compiles `entry` and makes an instance. A trap inside it is a `WebAssembly.RuntimeError`; `abort` throws with its message. */
export async function loadAssembly(entry: string, options?: readonly string[]): Promise<Assembly> {
  const { instance, exports } = await instantiate<{ memory: WebAssembly.Memory; __new(size: number, id: number): number }>(
    await compileAssembly(entry, options),
  );
  const memory = exports.memory;
  const pinned: number[] = [];
  const initialize = instance.exports["_initialize"];
  if (typeof initialize === "function") (initialize as () => void)();
  return {
    exports: instance.exports as unknown as Assembly["exports"],
    memory,
    write(value) {
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      const pointer = exports.__pin(exports.__new(bytes.length, ARRAY_BUFFER));
      pinned.push(pointer);
      new Uint8Array(memory.buffer).set(bytes, pointer);
      return { pointer, length: bytes.length };
    },
    read: (pointer, length) => new Uint8Array(memory.buffer).slice(pointer, pointer + length),
    text: (pointer, length) => new TextDecoder().decode(new Uint8Array(memory.buffer, pointer, length)),
    reset() {
      for (const pointer of pinned.splice(0)) exports.__unpin(pointer);
      exports.__collect();
    },
  };
}

/** AssemblyScript's runtime id of an ArrayBuffer, which holds no references. */
const ARRAY_BUFFER = 1;
