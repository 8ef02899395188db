import * as abi from "../../../filters/sdk/abi/hostcalls";

// Hostcalls on strings. A `Result` is logged as `text = status:value`.

export class Result {
  constructor(
    public status: u32,
    public value: string,
  ) {}
}

const out: usize = memory.data(64);

/** What every line begins with. */
export let instance: string = "";

export function setInstance(name: string): void {
  instance = name;
}

export function log(level: u32, message: string): void {
  const bytes = String.UTF8.encode(instance + message);
  abi.proxy_log(level, changetype<usize>(bytes), bytes.byteLength);
}

export function report(what: string, result: Result): void {
  log(2, what + " = " + result.status.toString() + ":" + result.value);
}

/** Failures are always logged; what worked only at debug. */
export function reportStatus(words: string[], status: u32): void {
  log(status == 0 ? 1 : 2, words.join(" ") + " = " + status.toString());
}

// A string in the middle of an expression must live until the hostcall: keep the encoded ones.
const kept: ArrayBuffer[] = [];

function pointer(text: string): usize {
  const bytes = String.UTF8.encode(text);
  if (kept.length > 64) kept.splice(0, 32);
  kept.push(bytes);
  return changetype<usize>(bytes);
}

function length(text: string): usize {
  return String.UTF8.byteLength(text);
}

function taken(status: u32): Result {
  if (status != 0) return new Result(status, "");
  return new Result(0, printable(load<usize>(out), load<u32>(out, 4)));
}

/** Printable bytes as they are, any other as \xx. */
function printable(start: usize, size: u32): string {
  let result = "";
  for (let i: u32 = 0; i < size; i++) {
    const byte = load<u8>(start + <usize>i);
    result += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "\\" + (byte < 16 ? "0" : "") + byte.toString(16);
  }
  return result;
}

export function bufferText(type: u32, size: u32): string {
  if (size == 0 || abi.proxy_get_buffer_bytes(type, 0, size, out, out + 4) != 0) return "";
  return String.UTF8.decodeUnsafe(load<usize>(out), load<u32>(out, 4));
}

export function getHeader(map: u32, name: string): Result {
  return taken(abi.proxy_get_header_map_value(map, pointer(name), length(name), out, out + 4));
}

/** A header's value as it is; empty where there is none. */
export function getRaw(map: u32, name: string): string {
  const status = abi.proxy_get_header_map_value(map, pointer(name), length(name), out, out + 4);
  return status == 0 ? String.UTF8.decodeUnsafe(load<usize>(out), load<u32>(out, 4)) : "";
}

export function getPairs(map: u32): Result {
  const status = abi.proxy_get_header_map_pairs(map, out, out + 4);
  const block = load<usize>(out);
  if (status != 0 || load<u32>(out, 4) == 0) return new Result(status, "");
  const count = load<u32>(block);
  let at = block + 4 + (<usize>count) * 8;
  let value = "";
  for (let i: u32 = 0; i < count; i++) {
    const nameLength = load<u32>(block + 4 + (<usize>i) * 8);
    const valueLength = load<u32>(block + 8 + (<usize>i) * 8);
    value += (i > 0 ? "|" : "") + printable(at, nameLength) + "=" + printable(at + nameLength + 1, valueLength);
    at += nameLength + valueLength + 2;
  }
  return new Result(0, value);
}

export function getSize(map: u32): Result {
  const status = abi.proxy_get_header_map_size(map, out);
  return new Result(status, status == 0 ? load<u32>(out).toString() : "");
}

export function addHeader(map: u32, name: string, value: string): u32 {
  return abi.proxy_add_header_map_value(map, pointer(name), length(name), pointer(value), length(value));
}

export function setHeader(map: u32, name: string, value: string): u32 {
  return abi.proxy_replace_header_map_value(map, pointer(name), length(name), pointer(value), length(value));
}

export function removeHeader(map: u32, name: string): u32 {
  return abi.proxy_remove_header_map_value(map, pointer(name), length(name));
}

/** `name value name value ...` as the host reads pairs. */
function encodePairs(words: string[]): ArrayBuffer {
  const count = words.length / 2;
  let size = 4 + count * 8;
  for (let i = 0; i < count * 2; i++) size += <i32>length(words[i]) + 1;
  const block = new ArrayBuffer(size);
  const start = changetype<usize>(block);
  store<u32>(start, count);
  let at = start + 4 + count * 8;
  for (let i = 0; i < count * 2; i++) {
    store<u32>(start + 4 + i * 4, <u32>length(words[i]));
    const bytes = String.UTF8.encode(words[i]);
    memory.copy(at, changetype<usize>(bytes), bytes.byteLength);
    at += bytes.byteLength + 1;
  }
  return block;
}

export function setPairs(map: u32, words: string[]): u32 {
  const block = encodePairs(words);
  return abi.proxy_set_header_map_pairs(map, changetype<usize>(block), block.byteLength);
}

export function setBadPairs(map: u32): u32 {
  return abi.proxy_set_header_map_pairs(map, pointer("\u0009nonsense"), 9);
}

export function getProperty(path: string): Result {
  return taken(abi.proxy_get_property(pointer(path), length(path), out, out + 4));
}

export function setProperty(path: string, value: string): u32 {
  return abi.proxy_set_property(pointer(path), length(path), pointer(value), length(value));
}

export function respond(status: u32, details: string, body: string, grpcStatus: u32, headers: string[]): u32 {
  const block = encodePairs(headers);
  const size = block.byteLength;
  return abi.proxy_send_local_response(
    status,
    pointer(details),
    length(details),
    pointer(body),
    length(body),
    changetype<usize>(block),
    size,
    grpcStatus,
  );
}

export function continueStream(type: u32): u32 {
  return abi.proxy_continue_stream(type);
}

export function closeStream(type: u32): u32 {
  return abi.proxy_close_stream(type);
}

export function getBuffer(type: u32, start: u32, size: u32): Result {
  return taken(abi.proxy_get_buffer_bytes(type, start, size, out, out + 4));
}

export function setBuffer(type: u32, start: u32, size: u32, value: string): u32 {
  return abi.proxy_set_buffer_bytes(type, start, size, pointer(value), length(value));
}

export function setEffectiveContext(context: u32): u32 {
  return abi.proxy_set_effective_context(context);
}

export function setTick(milliseconds: u32): u32 {
  return abi.proxy_set_tick_period_milliseconds(milliseconds);
}

export function done(): u32 {
  return abi.proxy_done();
}

export function time(): Result {
  return new Result(abi.proxy_get_current_time_nanoseconds(out), load<u64>(out).toString());
}

export function level(): Result {
  return new Result(abi.proxy_get_log_level(out), load<u32>(out).toString());
}

export function status(): Result {
  const status = abi.proxy_get_status(out + 8, out, out + 4);
  return new Result(status, load<u32>(out, 8).toString() + " " + taken(status).value);
}

export function defineMetric(type: u32, name: string): u32 {
  const status = abi.proxy_define_metric(type, pointer(name), length(name), out);
  if (status != 0) log(2, "define " + name + " = " + status.toString());
  return load<u32>(out);
}

export function incrementMetric(id: u32, offset: i64): u32 {
  return abi.proxy_increment_metric(id, offset);
}

export function recordMetric(id: u32, value: u64): u32 {
  return abi.proxy_record_metric(id, value);
}

export function getMetric(id: u32): Result {
  const status = abi.proxy_get_metric(id, out);
  return new Result(status, status == 0 ? load<u64>(out).toString() : "");
}

export function getShared(key: string): Result {
  const status = abi.proxy_get_shared_data(pointer(key), length(key), out, out + 4, out + 8);
  const value = taken(status).value;
  return new Result(status, status == 0 ? value + " " + (load<u32>(out, 8) != 0 ? "cas" : "no cas") : "");
}

/** `cas` 1 stands for the one that was read last. */
export function setShared(key: string, value: string, cas: u32): u32 {
  return abi.proxy_set_shared_data(pointer(key), length(key), pointer(value), length(value), cas == 1 ? load<u32>(out, 8) : cas);
}

export function registerQueue(name: string): Result {
  const status = abi.proxy_register_shared_queue(pointer(name), length(name), out);
  return new Result(status, load<u32>(out).toString());
}

export function resolveQueue(vmId: string, name: string): Result {
  const status = abi.proxy_resolve_shared_queue(pointer(vmId), length(vmId), pointer(name), length(name), out);
  return new Result(status, status == 0 ? load<u32>(out).toString() : "");
}

export function enqueue(token: u32, value: string): u32 {
  return abi.proxy_enqueue_shared_queue(token, pointer(value), length(value));
}

export function dequeue(token: u32): Result {
  return taken(abi.proxy_dequeue_shared_queue(token, out, out + 4));
}

export function httpCall(words: string[], cluster: string, headers: string[], timeout: u32): u32 {
  const block = encodePairs(headers);
  const result = abi.proxy_http_call(pointer(cluster), length(cluster), changetype<usize>(block), block.byteLength, 0, 0, 0, 0, timeout, out);
  reportStatus(words, result);
  return load<u32>(out);
}

export function grpcCall(words: string[], cluster: string, service: string, method: string, message: string): u32 {
  const result = abi.proxy_grpc_call(
    pointer(cluster),
    length(cluster),
    pointer(service),
    length(service),
    pointer(method),
    length(method),
    0,
    0,
    pointer(message),
    length(message),
    1000,
    out,
  );
  reportStatus(words, result);
  return load<u32>(out);
}

export function grpcStream(words: string[], cluster: string, service: string, method: string): u32 {
  const result = abi.proxy_grpc_stream(pointer(cluster), length(cluster), pointer(service), length(service), pointer(method), length(method), 0, 0, out);
  reportStatus(words, result);
  return load<u32>(out);
}

export function grpcSend(token: u32, message: string, endStream: u32): u32 {
  return abi.proxy_grpc_send(token, pointer(message), length(message), endStream);
}

export function grpcClose(token: u32): u32 {
  return abi.proxy_grpc_close(token);
}

export function grpcCancel(token: u32): u32 {
  return abi.proxy_grpc_cancel(token);
}

/** Parameters and results in hexadecimal. */
export function foreign(name: string, parameters: string): Result {
  const bytes = new ArrayBuffer(parameters.length / 2);
  for (let i = 0; i < bytes.byteLength; i++) {
    store<u8>(changetype<usize>(bytes) + i, <u8>parseInt(parameters.slice(i * 2, i * 2 + 2), 16));
  }
  const result = abi.proxy_call_foreign_function(pointer(name), length(name), changetype<usize>(bytes), bytes.byteLength, out, out + 4);
  let hex = "";
  const start = load<usize>(out);
  for (let i: u32 = 0; result == 0 && i < load<u32>(out, 4); i++) {
    const byte = load<u8>(start + <usize>i);
    hex += (byte < 16 ? "0" : "") + byte.toString(16);
  }
  return new Result(result, hex);
}
