// A module with defects as people make them, for `meshwright fuzz`: its configuration says which of them it has.

import {
  proxy_add_header_map_value,
  proxy_continue_stream,
  proxy_get_buffer_bytes,
  proxy_get_current_time_nanoseconds,
  proxy_get_header_map_value,
  proxy_send_local_response,
} from "../../../filters/sdk/abi/hostcalls";

const REQUEST_HEADERS: u32 = 0;
const RESPONSE_HEADERS: u32 = 2;
const PLUGIN_CONFIGURATION: u32 = 7;
const CONTINUE: u32 = 0;
const STOP: u32 = 1;

let defect: string = "";
const kept: string[] = [];
const small = new StaticArray<u8>(64);
let lastUser: string = "nobody";
let lastRequest: i64 = 0;
/** Streams whose answer has begun. */
const begun = new Set<u32>();

export function malloc(size: usize): usize {
  return heap.alloc(size);
}

export function proxy_abi_version_0_2_1(): void {}

/** What a hostcall put into two words, as text; its memory is given back. */
function take(pointer: usize, size: usize): string {
  const text = String.UTF8.decodeUnsafe(pointer, size);
  if (pointer != 0) heap.free(pointer);
  return text;
}

const words = memory.data(8);

function header(name: string, map: u32 = REQUEST_HEADERS): string | null {
  const utf8 = String.UTF8.encode(name);
  const status = proxy_get_header_map_value(map, changetype<usize>(utf8), utf8.byteLength, words, words + 4);
  return status == 0 ? take(load<u32>(words), load<u32>(words, 4)) : null;
}

function add(name: string, value: string): void {
  const key = String.UTF8.encode(name);
  const text = String.UTF8.encode(value);
  proxy_add_header_map_value(REQUEST_HEADERS, changetype<usize>(key), key.byteLength, changetype<usize>(text), text.byteLength);
}

function respond(status: u32): void {
  proxy_send_local_response(status, 0, 0, 0, 0, 0, 0, <u32>-1);
}

export function proxy_on_configure(root: u32, size: u32): u32 {
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, words, words + 4) != 0) return 0;
  defect = take(load<u32>(words), load<u32>(words, 4));
  return 1;
}

export function proxy_on_context_create(context: u32, root: u32): void {}

export function proxy_on_request_headers(context: u32, count: u32, endOfStream: u32): u32 {
  // The first character of an empty value.
  if (defect == "empty-value") {
    const user = header("x-user");
    if (user != null && user.charCodeAt(0) == 0x61) add("x-group", "a");
    if (user != null && user.length == 0) unreachable();
  }
  // A path is copied into a place that is large enough for those that the author tried.
  if (defect == "long-path") {
    const path = header(":path")!;
    for (let i = 0; i < path.length; i++) small[i] = <u8>path.charCodeAt(i);
  }
  // Segments are skipped by looking for the next slash, which is found where it stands.
  if (defect == "empty-segment") {
    const path = header(":path")!;
    for (let at = 1; at < path.length;) {
      const next = path.indexOf("/", at);
      at = next < 0 ? path.length : next == at ? at : next + 1;
    }
  }
  // Waits for the body, whose callback does not come while the headers wait, where Envoy is not told so (`allow_on_headers_stop_iteration`).
  if (defect == "waits" && !endOfStream) return STOP;
  // Goes on with a response that is not there yet.
  if (defect == "continues-response" && header("x-debug") != null) proxy_continue_stream(1);
  // Takes a status as it comes.
  if (defect == "status") {
    const status = header("x-status");
    if (status != null) {
      respond(<u32>I32.parseInt(status));
      return STOP;
    }
  }
  // Keeps what it has seen.
  if (defect == "leak") {
    const cookie = header("cookie");
    if (cookie != null) kept.push(cookie + cookie);
  }
  // Makes room for as much as a header announces.
  if (defect == "announced-size") {
    const size = header("x-size");
    if (size != null && I32.parseInt(size) > 0) heap.free(heap.alloc(I32.parseInt(size)));
  }
  // Of two requests on one worker, the second is taken for the first one's user.
  if (defect == "state") {
    const user = header("x-user");
    if (user != null) lastUser = user;
    add("x-group", lastUser);
  }
  // Counts how many seconds lie between requests, and takes it that time goes on.
  if (defect == "clock") {
    proxy_get_current_time_nanoseconds(words);
    const now = load<i64>(words);
    const seconds = min<i64>((now - lastRequest) / 1_000_000_000, small.length - 1);
    small[<i32>seconds] += 1;
    lastRequest = now;
  }
  // Decides by a clock that never stands still where it was tried.
  if (defect == "difference" && header("x-user") != null) {
    proxy_get_current_time_nanoseconds(words);
    const before = load<u64>(words);
    for (let i = 0; i < 1000; i++) small[i & 63] = <u8>i;
    proxy_get_current_time_nanoseconds(words);
    add("x-measured", load<u64>(words) > before ? "yes" : "no");
  }
  return CONTINUE;
}

export function proxy_on_request_body(context: u32, size: u32, endOfStream: u32): u32 {
  // A number that was large enough for all that the author tried.
  if (defect == "large-body" && size > 60000) unreachable();
  return CONTINUE;
}

export function proxy_on_response_body(context: u32, size: u32, endOfStream: u32): u32 {
  // What fits into one packet is taken to come in one piece, where the end may come apart.
  if (defect == "answer-in-pieces" && size > 0 && size < 1400) {
    if (begun.has(context)) unreachable();
    begun.add(context);
  }
  return CONTINUE;
}

export function proxy_on_log(context: u32): void {
  // There is an answer whatever went wrong, but not for a client that did not wait for one.
  if (defect == "client-gone") header(":status", RESPONSE_HEADERS)!;
}

export function proxy_on_delete(context: u32): void {
  begun.delete(context);
}
