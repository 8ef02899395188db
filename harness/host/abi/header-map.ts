import { toLowerCase } from "../byte-string.ts";
import { readPairs } from "../pairs.ts";
import type { Vm } from "../vm.ts";
import { HeaderMapType, Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

const NONE: readonly string[] = [];

export const headerMapCalls: readonly Hostcall[] = [
  hostcall("proxy_get_header_map_value", (vm, type, name, nameSize, valueOut, sizeOut) => {
    if (type >>> 0 > HeaderMapType.Max) return Status.BadArgument;
    if (!vm.inMemory(name, nameSize)) return Status.InvalidMemoryAccess;
    const context = vm.context();
    const map = context.readableMap(type);
    if (map === undefined && !context.logsHeaders) return Status.BadArgument;
    const value = map?.get(nameAt(vm, name, nameSize));
    // Modules of ABI 0.1.0 cannot tell a missing header from an empty one.
    if (value === undefined && vm.config.module.abi !== "0.1.0") return Status.NotFound;
    return vm.returnString(value ?? "", valueOut, sizeOut);
  }),

  hostcall("proxy_add_header_map_value", (vm, type, name, nameSize, value, valueSize) => {
    if (type >>> 0 > HeaderMapType.Max) return Status.BadArgument;
    if (!vm.inMemory(name, nameSize) || !vm.inMemory(value, valueSize)) return Status.InvalidMemoryAccess;
    const context = vm.context();
    const map = context.writableMap(type);
    if (map === undefined) return Status.BadArgument;
    map.add(nameAt(vm, name, nameSize), vm.readString(value, valueSize));
    context.onHeadersModified(type);
    return Status.Ok;
  }),

  hostcall("proxy_replace_header_map_value", (vm, type, name, nameSize, value, valueSize) => {
    if (type >>> 0 > HeaderMapType.Max) return Status.BadArgument;
    if (!vm.inMemory(name, nameSize) || !vm.inMemory(value, valueSize)) return Status.InvalidMemoryAccess;
    const context = vm.context();
    const map = context.writableMap(type);
    if (map === undefined) return Status.BadArgument;
    map.set(nameAt(vm, name, nameSize), vm.readString(value, valueSize));
    context.onHeadersModified(type);
    return Status.Ok;
  }),

  hostcall("proxy_remove_header_map_value", (vm, type, name, nameSize) => {
    if (type >>> 0 > HeaderMapType.Max) return Status.BadArgument;
    if (!vm.inMemory(name, nameSize)) return Status.InvalidMemoryAccess;
    const context = vm.context();
    const map = context.writableMap(type);
    if (map === undefined) return Status.BadArgument;
    map.remove(nameAt(vm, name, nameSize));
    context.onHeadersModified(type);
    return Status.Ok;
  }),

  // A map that is not there reads as no pairs, without an error.
  hostcall("proxy_get_header_map_pairs", (vm, type, pairsOut, sizeOut) => {
    if (type >>> 0 > HeaderMapType.Max) return Status.BadArgument;
    const map = vm.context().readableMap(type);
    return vm.returnPairs(map?.names ?? NONE, map?.values ?? NONE, pairsOut, sizeOut);
  }),

  hostcall("proxy_set_header_map_pairs", (vm, type, pairs, size) => {
    if (type >>> 0 > HeaderMapType.Max) return Status.BadArgument;
    if (!vm.inMemory(pairs, size)) return Status.InvalidMemoryAccess;
    const context = vm.context();
    const map = context.writableMap(type);
    if (map === undefined) return Status.BadArgument;
    const { names, values } = readPairs(vm.readBytes(pairs, size));
    map.clear();
    for (const [index, name] of names.entries()) map.add(toLowerCase(name), values[index] ?? "");
    context.onHeadersModified(type);
    return Status.Ok;
  }),

  hostcall("proxy_get_header_map_size", (vm, type, sizeOut) => {
    if (type >>> 0 > HeaderMapType.Max) return Status.BadArgument;
    const map = vm.context().writableMap(type);
    if (map === undefined) return Status.BadArgument;
    return vm.setWord(sizeOut, map.byteSize) ? Status.Ok : Status.InvalidMemoryAccess;
  }),
];

// Names that filters use come from few constants, so their strings are kept: one look at the bytes instead of a new string a call.
const NAMES_KEPT = 512;
const names = new Map<number, string>();

function nameAt(vm: Vm, pointer: number, size: number): string {
  const { bytes } = vm;
  const start = pointer >>> 0;
  let hash = size;
  for (let i = 0; i < size; i++) hash = (Math.imul(hash, 31) + (bytes[start + i] ?? 0)) | 0;
  const known = names.get(hash);
  if (known !== undefined && known.length === size) {
    let i = 0;
    while (i < size && known.charCodeAt(i) === bytes[start + i]) i++;
    if (i === size) return known;
  }
  const name = toLowerCase(vm.readString(start, size));
  if (names.size >= NAMES_KEPT) names.clear();
  names.set(hash, name);
  return name;
}
