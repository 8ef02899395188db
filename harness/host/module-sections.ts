import { HostError } from "./errors.ts";

/** What the sections of a module say of its seams: needed because `WebAssembly.Module` tells no signatures and no start section. */
export interface ModuleSections {
  readonly imports: ReadonlyArray<{ readonly module: string; readonly name: string; readonly signature: string | undefined }>;
  /** By name; `undefined` for what is no function. */
  readonly exports: ReadonlyMap<string, { readonly kind: "func" | "table" | "memory" | "global"; readonly signature: string | undefined }>;
  readonly hasStartSection: boolean;
}

const KINDS = ["func", "table", "memory", "global"] as const;
const VALUE_TYPES = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x7b, "v128"],
  [0x70, "funcref"],
  [0x6f, "externref"],
]);

/** Reads the type, import, function, export and start sections (WebAssembly core specification, 5.5). The module has been validated. */
export function readSections(bytes: Uint8Array): ModuleSections {
  const types: string[] = [];
  const functions: string[] = [];
  const imports: Array<ModuleSections["imports"][number]> = [];
  const exports = new Map<string, { kind: (typeof KINDS)[number]; signature: string | undefined }>();
  let hasStartSection = false;

  const reader = new Reader(bytes, 8);
  while (!reader.done) {
    const id = reader.byte();
    const end = reader.u32() + reader.at;
    if (id === 1) reader.list(() => types.push(readType(reader)));
    if (id === 2) {
      reader.list(() => {
        const module = reader.name();
        const name = reader.name();
        const signature = readImportType(reader, types);
        imports.push({ module, name, signature });
        if (signature !== undefined) functions.push(signature);
      });
    }
    if (id === 3) reader.list(() => functions.push(types[reader.u32()] ?? ""));
    if (id === 7) {
      reader.list(() => {
        const name = reader.name();
        const kind = KINDS[reader.byte()] ?? "global";
        const index = reader.u32();
        exports.set(name, { kind, signature: kind === "func" ? functions[index] : undefined });
      });
    }
    if (id === 8) hasStartSection = true;
    reader.at = end;
  }
  return { imports, exports, hasStartSection };
}

function readType(reader: Reader): string {
  if (reader.byte() !== 0x60) throw new HostError("not-wasm", "the module uses a type that is no function type (WebAssembly GC?)");
  const parameters = reader.list(() => VALUE_TYPES.get(reader.byte()) ?? "?");
  const results = reader.list(() => VALUE_TYPES.get(reader.byte()) ?? "?");
  return `${parameters.join(" ")} -> ${results.join(" ")}`.trim();
}

function readImportType(reader: Reader, types: readonly string[]): string | undefined {
  const kind = reader.byte();
  if (kind === 0) return types[reader.u32()] ?? "";
  if (kind === 1) reader.byte();
  if (kind === 3) {
    reader.byte();
    reader.byte();
    return undefined;
  }
  const flags = reader.u32();
  reader.u32();
  if ((flags & 1) !== 0) reader.u32();
  return undefined;
}

/** Reads numbers, names and lists of the binary format, from a place on. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  name(): string {
    const length = this.u32();
    this.at += length;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.at - length, length).toString("utf8");
  }

  list<T>(read: () => T): T[] {
    const count = this.u32();
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read());
    return items;
  }
}
