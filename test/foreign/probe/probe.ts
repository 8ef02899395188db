import { proxy_get_buffer_bytes, proxy_get_header_map_value, proxy_log } from "../../../filters/sdk/abi/hostcalls";
import { call } from "./calls";

// Makes any hostcall with any words from any callback, as its configuration says, and logs what came of it. The VM configuration is a list
// of lines `callback number hostcall argument...`, for `*` in every callback; the header `x-probe` of a request has more of them, for this
// stream only, separated by `;`. `test/conformance/host/probes.ts` writes them and says what arguments look like.
//
// Logged is `@INSTANCE > callback words...` when a callback begins, `@INSTANCE = callback number status results... [mallocs]` for a
// probe, `@INSTANCE < callback` at its end. A line for `*` runs in the first callback of a name only: its own effects may call it again.

class Line {
  constructor(
    public callback: string,
    public number: string,
    public hostcall: string,
    public tokens: string[],
  ) {}
}

/** Behind the pointer of a result that was not written. */
const UNTOUCHED: u32 = 0xeeeeeeee;
const LONGEST: u32 = 2048;

const results: usize = memory.data(16);
const words = new StaticArray<i64>(16);
const variables = new StaticArray<u32>(8);

let instance = "";
let program: Line[] | null = null;
let mallocs = "";
let mallocFails: i32 = 0;
let depth = 0;
const seen = new Set<string>();
const roots = new Map<u32, u32>();
const streams = new Map<u32, Line[]>();

export function malloc(size: usize): usize {
  mallocs += (mallocs == "" ? "" : ",") + size.toString();
  if (mallocFails == 1) return 0;
  if (mallocFails == 2) return (<usize>memory.size() << 16) - 1;
  return heap.alloc(size);
}

export function proxy_abi_version_0_2_1(): void {}

function log(text: string): void {
  const bytes = String.UTF8.encode("@" + instance + " " + text);
  proxy_log(2, changetype<usize>(bytes), bytes.byteLength);
}

function parse(text: string, separator: string): Line[] {
  const lines = text.split(separator);
  const parsed: Line[] = [];
  for (let i = 0; i < lines.length; i++) {
    const parts = lines[i].split(" ");
    if (parts.length > 2) parsed.push(new Line(parts[0], parts[1], parts[2], parts.slice(3)));
  }
  return parsed;
}

/** The VM configuration (buffer 6) can be read in every callback, the first of all included. */
function lines(): Line[] {
  if (program == null) {
    proxy_get_buffer_bytes(6, 0, 0x7fffffff, results, results + 4);
    program = parse(String.UTF8.decodeUnsafe(load<usize>(results), load<u32>(results, 4)), "\n");
    call("random_get", words4(results, 8));
    instance = load<u32>(results).toString(16);
    mallocs = "";
  }
  return program!;
}

function words4(first: usize, second: u32): StaticArray<i64> {
  words[0] = first;
  words[1] = second;
  return words;
}

/** Runs the lines of a callback. What it returns is the last line `return`'s number, else `otherwise`. */
function run(context: u32, callback: string, otherwise: u32, a: u32 = 0, b: u32 = 0, c: u32 = 0): u32 {
  const all = lines();
  log("> " + callback + " " + a.toString() + " " + b.toString() + " " + c.toString());
  depth++;
  let result = otherwise;
  if (!seen.has(callback)) {
    seen.add(callback);
    result = runLines(all, context, callback, true, result);
  }
  result = runLines(all, context, callback, false, result);
  if (streams.has(context)) result = runLines(streams.get(context), context, callback, false, result);
  depth--;
  log("< " + callback);
  return result;
}

function runLines(all: Line[], context: u32, callback: string, everywhere: bool, otherwise: u32): u32 {
  let result = otherwise;
  for (let i = 0; i < all.length; i++) {
    const line = all[i];
    if (everywhere ? line.callback != "*" && line.callback != "*" + callback : line.callback != callback) continue;
    if (line.hostcall == "return") result = <u32>parseInt(line.tokens[0]);
    else if (line.hostcall == "trap") unreachable();
    else probe(line, context, callback);
  }
  return result;
}

function hex(text: string): usize {
  const size = text.length >> 1;
  const start = heap.alloc(size + 1);
  for (let i = 0; i < size; i++) store<u8>(start + i, <u8>parseInt(text.substr(i * 2, 2), 16));
  return start;
}

/** A place for a result, full of a pattern. */
function place(size: usize): usize {
  const start = heap.alloc(size);
  memory.fill(start, 0xee, size);
  return start;
}

/** Bytes: more than any result takes. */
const ROOM: usize = 0x10000;

function probe(line: Line, context: u32, callback: string): void {
  const arguments = new StaticArray<i64>(16);
  const tokens = line.tokens;
  const places = new StaticArray<usize>(16);
  const ends = new StaticArray<u8>(17);
  let at = 0;
  mallocs = "";
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    const kind = token.charAt(0);
    const rest = token.substr(1);
    if (kind == "i") arguments[at++] = I64.parseInt(rest);
    else if (kind == "x" || kind == "n") {
      const text = kind == "n" ? rest + encoded(instance + callback) : rest;
      arguments[at++] = hex(text);
      arguments[at++] = text.length >> 1;
    } else if (kind == "v") {
      const vector = heap.alloc(8);
      store<u32>(vector, <u32>hex(rest));
      store<u32>(vector, rest.length >> 1, 4);
      arguments[at++] = vector;
    } else if (kind == "o" || kind == "t" || kind == "s") {
      places[i] = place(kind == "s" ? 4 : <usize>parseInt(rest));
      arguments[at++] = places[i];
    } else if (kind == "p") {
      places[i] = place(8);
      arguments[at++] = places[i];
      arguments[at++] = places[i] + 4;
    } else if (kind == "m") ends[at++] = 1;
    else if (kind == "g") arguments[at++] = variables[<i32>parseInt(rest)];
    else if (kind == "c") arguments[at++] = context;
    else if (kind == "r") arguments[at++] = roots.has(context) ? roots.get(context) : context;
    else if (kind == "z") mallocFails = <i32>parseInt(rest);
  }
  // What the call itself allocates must not move the end.
  if ((<usize>memory.size() << 16) - heap.alloc(0) < ROOM) memory.grow(1);
  // Last, because the memory may have grown meanwhile.
  for (let i = 0, word = 0; i < tokens.length; i++) {
    if (tokens[i].charAt(0) != "m") continue;
    while (ends[word] == 0) word++;
    arguments[word++] = (<i64>memory.size() << 16) + I64.parseInt(tokens[i].substr(1));
  }
  const status = call(line.hostcall, arguments);
  mallocFails = 0;
  let text = "= " + callback + " " + line.number + " " + status.toString();
  for (let i = 0; i < tokens.length; i++) {
    if (places[i] != 0) text += " " + result(tokens[i], places[i]);
  }
  log(text + (mallocs == "" ? "" : " [" + mallocs + "]"));
}

function result(token: string, start: usize): string {
  const kind = token.charAt(0);
  if (kind == "p") return block(load<u32>(start), load<u32>(start, 4));
  if (kind == "s") {
    const word = load<u32>(start);
    if (word != UNTOUCHED) variables[<i32>parseInt(token.substr(1))] = word;
    return word == UNTOUCHED ? "-" : word == 0 ? "0" : "set";
  }
  const size = <u32>parseInt(token.substr(1));
  const untouched = load<u32>(start) == UNTOUCHED;
  return untouched ? "-" : kind == "t" ? "set" : printed(start, size, true);
}

function block(start: u32, size: u32): string {
  if (start == UNTOUCHED && size == UNTOUCHED) return "-";
  if (start == UNTOUCHED) return "?/" + size.toString();
  if (size == UNTOUCHED) return (start == 0 ? "null" : "pointer") + "/?";
  if (start == 0) return "null/" + size.toString();
  return "'" + printed(start, size < LONGEST ? size : LONGEST, false) + "'" + (size > LONGEST ? size.toString() : "");
}

/** Printable bytes as they are, any other as \xx; all as hexadecimal digits where asked for. */
function printed(start: usize, size: u32, digits: bool): string {
  let text = "";
  for (let i: u32 = 0; i < size; i++) {
    const byte = load<u8>(start + i);
    const plain = !digits && byte >= 0x20 && byte < 0x7f && byte != 0x5c;
    text += plain ? String.fromCharCode(byte) : (digits ? "" : "\\") + (byte < 16 ? "0" : "") + byte.toString(16);
  }
  return text;
}

function encoded(text: string): string {
  let digits = "";
  for (let i = 0; i < text.length; i++) digits += text.charCodeAt(i).toString(16);
  return digits;
}

/** The lines that a request brings along. */
function readHeader(context: u32): void {
  const name = String.UTF8.encode("x-probe");
  if (proxy_get_header_map_value(0, changetype<usize>(name), name.byteLength, results, results + 4) != 0) return;
  streams.set(context, parse(String.UTF8.decodeUnsafe(load<usize>(results), load<u32>(results, 4)), ";"));
}

export function proxy_on_context_create(context: u32, parent: u32): void {
  if (parent != 0) roots.set(context, parent);
  run(context, parent != 0 ? "create" : "root_create", 0);
}

export function proxy_validate_configuration(context: u32, size: u32): u32 {
  return run(context, "validate_configuration", 1, size);
}

export function proxy_on_vm_start(context: u32, size: u32): u32 {
  return run(context, "vm_start", 1, size);
}

export function proxy_on_configure(context: u32, size: u32): u32 {
  return run(context, "configure", 1, size);
}

export function proxy_on_tick(context: u32): void {
  run(context, "tick", 0);
}

export function proxy_on_request_headers(context: u32, count: u32, endStream: u32): u32 {
  readHeader(context);
  return run(context, "request_headers", 0, count, endStream);
}

export function proxy_on_request_body(context: u32, size: u32, endStream: u32): u32 {
  return run(context, "request_body", 0, size, endStream);
}

export function proxy_on_request_trailers(context: u32, count: u32): u32 {
  return run(context, "request_trailers", 0, count);
}

export function proxy_on_request_metadata(context: u32, count: u32): u32 {
  return run(context, "request_metadata", 0, count);
}

export function proxy_on_response_headers(context: u32, count: u32, endStream: u32): u32 {
  return run(context, "response_headers", 0, count, endStream);
}

export function proxy_on_response_body(context: u32, size: u32, endStream: u32): u32 {
  return run(context, "response_body", 0, size, endStream);
}

export function proxy_on_response_trailers(context: u32, count: u32): u32 {
  return run(context, "response_trailers", 0, count);
}

export function proxy_on_response_metadata(context: u32, count: u32): u32 {
  return run(context, "response_metadata", 0, count);
}

export function proxy_on_new_connection(context: u32): u32 {
  return run(context, "new_connection", 0);
}

export function proxy_on_downstream_data(context: u32, size: u32, endStream: u32): u32 {
  return run(context, "downstream_data", 0, size, endStream);
}

export function proxy_on_upstream_data(context: u32, size: u32, endStream: u32): u32 {
  return run(context, "upstream_data", 0, size, endStream);
}

export function proxy_on_downstream_connection_close(context: u32, kind: u32): void {
  run(context, "downstream_connection_close", 0, kind);
}

export function proxy_on_upstream_connection_close(context: u32, kind: u32): void {
  run(context, "upstream_connection_close", 0, kind);
}

export function proxy_on_http_call_response(context: u32, token: u32, headers: u32, size: u32, trailers: u32): void {
  run(context, "http_call_response", 0, headers, size, trailers);
}

export function proxy_on_grpc_receive_initial_metadata(context: u32, token: u32, count: u32): void {
  run(context, "grpc_receive_initial_metadata", 0, count);
}

export function proxy_on_grpc_receive(context: u32, token: u32, size: u32): void {
  run(context, "grpc_receive", 0, size);
}

export function proxy_on_grpc_receive_trailing_metadata(context: u32, token: u32, count: u32): void {
  run(context, "grpc_receive_trailing_metadata", 0, count);
}

export function proxy_on_grpc_close(context: u32, token: u32, status: u32): void {
  run(context, "grpc_close", 0, status);
}

export function proxy_on_queue_ready(context: u32, token: u32): void {
  run(context, "queue_ready", 0);
}

export function proxy_on_foreign_function(context: u32, id: u32, size: u32): void {
  run(context, "foreign_function", 0, id, size);
}

export function proxy_on_done(context: u32): u32 {
  return run(context, roots.has(context) ? "done" : "root_done", 1);
}

export function proxy_on_log(context: u32): void {
  run(context, "log", 0);
}

export function proxy_on_delete(context: u32): void {
  run(context, roots.has(context) ? "delete" : "root_delete", 0);
  roots.delete(context);
  streams.delete(context);
}
