import { Reader } from "../host/module-sections.ts";

/** What the binary format says of a module besides its seams (WebAssembly core specification, 5.5). */
export interface ModuleLayout {
  /** In the order of the file; custom sections under names of their own. Bytes, headers counted. */
  readonly sections: ReadonlyArray<{ readonly name: string; readonly size: number }>;
  /** Of the first memory, in bytes; `undefined` where the module has none of its own. */
  readonly memory: { readonly initial: number; readonly maximum?: number } | undefined;
  /** The fields of the `producers` section (WebAssembly tool conventions): `language`, `processed-by`, `sdk`. */
  readonly producers: Readonly<Record<string, readonly string[]>>;
  /** Whether functions have names, which traps, profiles and debuggers show. */
  readonly hasNames: boolean;
  readonly functions: number;
}

const SECTIONS = ["custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data"];
const PAGE = 65_536;
const CUSTOM = 0;
const MEMORY = 5;
const CODE = 10;

/** Reads the layout of a module that has been validated. */
export function readLayout(bytes: Uint8Array): ModuleLayout {
  const sections: Array<ModuleLayout["sections"][number]> = [];
  let memory: ModuleLayout["memory"];
  let producers: ModuleLayout["producers"] = {};
  let hasNames = false;
  let functions = 0;
  for (const reader = new Reader(bytes, 8); !reader.done;) {
    const start = reader.at;
    const id = reader.byte();
    const end = reader.u32() + reader.at;
    let name = SECTIONS[id] ?? (id === 12 ? "data count" : id === 13 ? "tag" : `section ${id}`);
    if (id === CUSTOM) {
      name = reader.name();
      if (name === "producers") producers = readProducers(reader);
      hasNames ||= name === "name";
    }
    if (id === MEMORY) memory = reader.list(() => readLimits(reader))[0];
    if (id === CODE) functions = reader.u32();
    sections.push({ name, size: end - start });
    reader.at = end;
  }
  return { sections, memory, producers, hasNames, functions };
}

function readLimits(reader: Reader): NonNullable<ModuleLayout["memory"]> {
  const flags = reader.u32();
  const initial = reader.u32() * PAGE;
  return (flags & 1) === 0 ? { initial } : { initial, maximum: reader.u32() * PAGE };
}

function readProducers(reader: Reader): Record<string, string[]> {
  const fields = reader.list(() => {
    const field = reader.name();
    const values = reader.list(() => [reader.name(), reader.name()].filter((part) => part !== "").join(" "));
    return [field, values] as const;
  });
  return Object.fromEntries(fields);
}
