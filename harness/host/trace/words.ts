import { BufferType, HeaderMapType, Status, StreamType } from "../abi/enums.ts";
import { LOG_LEVELS } from "../logs.ts";
import type { Words } from "../observer.ts";
import { readPairs } from "../pairs.ts";
import type { Vm } from "../vm.ts";
import { SHAPES, type Kind } from "./shapes.ts";

/** Text as it is, bytes that are no UTF-8 as base64, pairs as a list of them. i64 are strings, because JSON's numbers are doubles. */
export type Shown = string | number | { readonly base64: string } | ReadonlyArray<readonly [string, string]>;

/** Bytes of a value that are shown at most; a trace is read by people. */
const SHOWN_BYTES = 1024;

/** Of two words, pointer and size: those that go into the host, and places for those that come back. */
const INWARD: ReadonlySet<Kind> = new Set(["text", "bytes", "pairs", "path"]);
const OUTWARD: ReadonlySet<Kind> = new Set(["outText", "outBytes", "outPairs"]);

const MAPS = namesOf(HeaderMapType);
const BUFFERS = namesOf(BufferType);
const STREAMS = namesOf(StreamType);
const STATUSES = namesOf(Status);
const METRICS = ["counter", "gauge", "histogram"];

/** The status that a hostcall of proxy-wasm returns, by the name that the specification has for it. */
export function statusName(status: number): string {
  return STATUSES[status] ?? String(status);
}

/** Arguments of a call by name, before it has begun: what goes into the host. */
export function readArguments(vm: Vm, name: string, words: Words): { shown: Record<string, Shown>; bytes: number } {
  const shown: Record<string, Shown> = {};
  let bytes = 0;
  each(name, words, (field, kind, word, next) => {
    if (kind.startsWith("out")) return;
    if (INWARD.has(kind)) bytes += next >>> 0;
    shown[field] = show(vm, kind, word, next);
  });
  return { shown, bytes };
}

/** What came back, after a call that succeeded. */
export function readResults(vm: Vm, name: string, words: Words): { shown: Record<string, Shown>; bytes: number } {
  const shown: Record<string, Shown> = {};
  let bytes = 0;
  vm.refresh();
  each(name, words, (field, kind, word, next) => {
    if (!kind.startsWith("out")) return;
    const at = Number(word) >>> 0;
    if (kind === "outLong") shown[field] = vm.inMemory(at, 8) ? String(vm.view.getBigUint64(at, true)) : "";
    else if (kind === "outInt") shown[field] = vm.inMemory(at, 4) ? vm.view.getUint32(at, true) : "";
    else if (vm.inMemory(at, 4) && vm.inMemory(next, 4)) {
      const size = vm.view.getUint32(next >>> 0, true);
      bytes += size;
      shown[field] = show(vm, kind === "outPairs" ? "pairs" : "text", vm.view.getUint32(at, true), size);
    }
  });
  return { shown, bytes };
}

/** Bytes that a call copied, without looking at them. */
export function copiedBytes(vm: Vm, name: string, words: Words, succeeded: boolean): { toHost: number; toModule: number } {
  let toHost = 0;
  let toModule = 0;
  each(name, words, (_field, kind, _word, next) => {
    if (INWARD.has(kind)) toHost += next >>> 0;
    else if (succeeded && OUTWARD.has(kind) && vm.inMemory(next, 4)) toModule += vm.view.getUint32(next >>> 0, true);
  });
  return { toHost, toModule };
}

function each(name: string, words: Words, visit: (field: string, kind: Kind, word: number | bigint, next: number) => void): void {
  let at = 0;
  for (const [field, kind] of SHAPES[name] ?? words.map((_, index) => [`word${index}`, "int"] as const)) {
    const wide = INWARD.has(kind) || OUTWARD.has(kind);
    visit(field, kind, words[at] ?? 0, wide ? Number(words[at + 1] ?? 0) : 0);
    at += wide ? 2 : 1;
  }
}

function show(vm: Vm, kind: Kind, word: number | bigint, size: number): Shown {
  const number = Number(word);
  switch (kind) {
    case "long":
      return String(word);
    case "level":
      return LOG_LEVELS[number] ?? number;
    case "map":
      return MAPS[number] ?? number;
    case "buffer":
      return BUFFERS[number] ?? number;
    case "stream":
      return STREAMS[number] ?? number;
    case "metric":
      return METRICS[number] ?? number;
    case "text":
    case "bytes":
    case "pairs":
    case "path":
      return vm.inMemory(number, size)
        ? showBytes(kind, vm.readBytes(number, size))
        : `${size >>> 0} bytes at ${number >>> 0}, beyond the memory`;
    default:
      return number;
  }
}

function showBytes(kind: "text" | "bytes" | "pairs" | "path", bytes: Uint8Array): Shown {
  if (kind === "pairs") {
    const { names, values } = readPairs(bytes);
    return names.map((name, index) => [utf8(name), utf8(values[index] ?? "")] as const);
  }
  const cut = bytes.length > SHOWN_BYTES ? `... (${bytes.length} bytes)` : "";
  const part = bytes.subarray(0, SHOWN_BYTES);
  try {
    const text = new TextDecoder("utf-8", { fatal: cut === "", ignoreBOM: true }).decode(part);
    return (kind === "path" ? text.replace(/\0$/, "").replaceAll("\0", ".") : text) + cut;
  } catch {
    return { base64: Buffer.from(part).toString("base64") };
  }
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Names by number, without `Max`, which is the last of them again. */
function namesOf(numbers: Readonly<Record<string, number>>): string[] {
  const names: string[] = [];
  for (const [name, number] of Object.entries(numbers)) names[number] ??= name;
  return names;
}
