/** A function of a test module: its type, its export name, its code after the locals. */
export interface WasmFunctionSpec {
  readonly export?: string;
  /** As `i32 i32 -> i32`. */
  readonly signature: string;
  /** Instructions without the final `end`. */
  readonly code: readonly number[];
}

export interface WasmModuleSpec {
  readonly imports?: ReadonlyArray<{ readonly module?: string; readonly name: string; readonly signature: string }>;
  readonly functions: readonly WasmFunctionSpec[];
  /** Default: true. */
  readonly memory?: boolean;
  /** Index of the function that the start section names, imports counted. */
  readonly start?: number;
}

export const UNREACHABLE = 0x00;
export const CALL = 0x10;
export const I32_CONST = 0x41;
export const DROP = 0x1a;

const TYPES: Readonly<Record<string, number>> = { i32: 0x7f, i64: 0x7e };

/** Writes a small module byte by byte, for what no compiler would write (WebAssembly core specification, 5). All indices stay below 128. */
export function wasmModule({ imports = [], functions, memory = true, start }: WasmModuleSpec): Uint8Array {
  const signatures = [...imports, ...functions].map((entry) => entry.signature);
  const types = signatures.map((signature) => {
    const [parameters = "", results = ""] = signature.split("->").map((part) => part.trim());
    return [0x60, ...vector(typesOf(parameters)), ...vector(typesOf(results))];
  });
  const importEntries = imports.map((entry, index) => [...name(entry.module ?? "env"), ...name(entry.name), 0, index]);
  const exportEntries = functions.flatMap((entry, index) =>
    entry.export === undefined ? [] : [[...name(entry.export), 0, imports.length + index]],
  );
  if (memory) exportEntries.push([...name("memory"), 2, 0]);
  const bodies = functions.map((entry) => withSize([0, ...entry.code, 0x0b]));
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, list(types)),
    ...section(2, list(importEntries)),
    ...section(3, vector(functions.map((_, index) => imports.length + index))),
    ...(memory ? section(5, [1, 0, 1]) : []),
    ...section(7, list(exportEntries)),
    ...(start === undefined ? [] : section(8, [start])),
    ...section(10, list(bodies)),
  ]);
}

/** The functions that every module needs: the marker and a `malloc` that gives 1024. */
export const BASICS: readonly WasmFunctionSpec[] = [
  { export: "proxy_abi_version_0_2_1", signature: "->", code: [] },
  { export: "malloc", signature: "i32 -> i32", code: [I32_CONST, 0x80, 0x08] },
];

function typesOf(names: string): number[] {
  return names === "" ? [] : names.split(" ").map((type) => TYPES[type] ?? 0);
}

function size(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, value >> 7];
}

function withSize(bytes: readonly number[]): number[] {
  return [...size(bytes.length), ...bytes];
}

function vector(items: readonly number[]): number[] {
  return [...size(items.length), ...items];
}

function list(items: ReadonlyArray<readonly number[]>): number[] {
  return [...size(items.length), ...items.flat()];
}

function name(text: string): number[] {
  return withSize([...Buffer.from(text)]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...withSize(content)];
}
