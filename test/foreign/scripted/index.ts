import * as host from "./hostcalls";

// A filter without an SDK that does what its configuration says: each line is `callback: command arguments...`, run in order when that
// callback comes. So one module tests every hostcall, with the same script in the in-process host and in Envoy. Results are logged.
//
// `request_body#2: ...` is for the second time that the callback comes for a context. With a line `trace: on` in its script each callback is
// logged as `> callback`, every line begins with the instance as `@INSTANCE `, and a request may bring lines of its own in the header `x-script`, separated by `;`: those for a callback of the
// root context run too while the stream lives, with it as the effective context.

class Line {
  constructor(
    public callback: string,
    public words: string[],
  ) {}
}

const scripts = new Map<u32, Line[]>();
/** What requests brought along, by context. */
const streams = new Map<u32, Line[]>();
/** How often each callback came, by context and name. */
const counts = new Map<string, i32>();
const roots = new Map<u32, u32>();
let vmLines: Line[] = [];
let lastStream: u32 = 0;
let lastToken: u32 = 0;
const metrics = new Map<string, u32>();

export function malloc(size: usize): usize {
  return heap.alloc(size);
}

export function proxy_abi_version_0_2_1(): void {}

function parse(text: string, separator: string = "\n"): Line[] {
  const lines = text.split(separator);
  const parsed: Line[] = [];
  for (let i = 0; i < lines.length; i++) {
    const colon = lines[i].indexOf(": ");
    if (colon > 0) parsed.push(new Line(lines[i].slice(0, colon).trim(), lines[i].slice(colon + 2).split(" ")));
  }
  return parsed;
}

/** Runs the lines of a callback; the result is that of its last `return`, else `otherwise`. `words` are logged where the script is traced. */
function run(context: u32, callback: string, otherwise: u32, words: string = ""): u32 {
  const root = roots.has(context) ? roots.get(context) : context;
  const lines = scripts.has(root) ? scripts.get(root) : vmLines;
  // Beginnings and ends of messages are no callbacks of their own.
  if (traces(lines) && host.instance == "") host.setInstance("@" + host.time().value + " ");
  if (traces(lines) && !callback.endsWith("_more") && !callback.endsWith("_end")) host.log(2, "> " + callback + words);
  const key = context.toString() + callback;
  const count = counts.has(key) ? counts.get(key) + 1 : 1;
  counts.set(key, count);
  const numbered = callback + "#" + count.toString();
  let result = runLines(lines, context, callback, numbered, otherwise);
  if (root != context) return streams.has(context) ? runLines(streams.get(context), context, callback, numbered, result) : result;
  const waiting = streams.keys();
  for (let i = 0; i < waiting.length; i++) {
    if (roots.get(waiting[i]) != root || !streams.has(waiting[i])) continue;
    host.setEffectiveContext(waiting[i]);
    result = runLines(streams.get(waiting[i]), waiting[i], callback, numbered, result);
    host.setEffectiveContext(context);
  }
  return result;
}

function runLines(lines: Line[], context: u32, callback: string, numbered: string, otherwise: u32): u32 {
  let result = otherwise;
  for (let i = 0; i < lines.length; i++) {
    if (lines[i].callback != callback && lines[i].callback != numbered) continue;
    const words = lines[i].words;
    if (words[0] == "return") result = <u32>parseInt(words[1]);
    else execute(context, words);
  }
  return result;
}

/** Runs the lines `poked` of the other streams. */
function poke(context: u32): void {
  const others = streams.keys();
  for (let i = 0; i < others.length; i++) {
    if (others[i] == context) continue;
    host.setEffectiveContext(others[i]);
    runLines(streams.get(others[i]), others[i], "poked", "", 0);
  }
  host.setEffectiveContext(context);
}

function traces(lines: Line[]): bool {
  return lines.some((line) => line.callback == "trace");
}

/** The lines that a request brings along. */
function readScript(context: u32): void {
  const root = roots.get(context);
  if (!scripts.has(root) || !traces(scripts.get(root))) return;
  const script = host.getRaw(0, "x-script");
  if (script != "") streams.set(context, parse(script, ";"));
}

function end(endStream: u32): string {
  return endStream != 0 ? " end" : " more";
}

function text(words: string[], from: i32): string {
  return words.slice(from).join(" ").replaceAll("\\0", "\0").replaceAll("\\n", "\n");
}

function number(words: string[], index: i32): u32 {
  return index < words.length ? <u32>I64.parseInt(words[index]) : 0;
}

function pairs(words: string[], from: i32): string[] {
  return words.slice(from);
}

function execute(context: u32, words: string[]): void {
  const command = words[0];
  if (command == "log") host.log(number(words, 1), text(words, 2));
  else if (command == "trap") unreachable();
  else if (command == "poke") poke(context);
  else if (command == "loop") for (;;) lastToken++;
  else if (command == "get") host.report(text(words, 0), host.getHeader(number(words, 1), words[2]));
  else if (command == "pairs") host.report(text(words, 0), host.getPairs(number(words, 1)));
  else if (command == "size") host.report(text(words, 0), host.getSize(number(words, 1)));
  else if (command == "add") host.reportStatus(words, host.addHeader(number(words, 1), words[2], text(words, 3)));
  else if (command == "set") host.reportStatus(words, host.setHeader(number(words, 1), words[2], text(words, 3)));
  else if (command == "remove") host.reportStatus(words, host.removeHeader(number(words, 1), words[2]));
  else if (command == "setpairs") host.reportStatus(words, host.setPairs(number(words, 1), pairs(words, 2)));
  else if (command == "badpairs") host.reportStatus(words, host.setBadPairs(number(words, 1)));
  else if (command == "prop") host.report(text(words, 0), host.getProperty(words[1].replaceAll(".", "\0").replaceAll("%2E", ".")));
  else if (command == "setprop") host.reportStatus(words, host.setProperty(words[1].replaceAll(".", "\0"), text(words, 2)));
  else if (command == "respond") {
    host.reportStatus(words, host.respond(number(words, 1), words[2].replaceAll("+", " "), words[3].replaceAll("+", " "), number(words, 4), pairs(words, 5)));
  } else if (command == "continue") host.reportStatus(words, host.continueStream(number(words, 1)));
  else if (command == "close") host.reportStatus(words, host.closeStream(number(words, 1)));
  else if (command == "body") host.report(text(words, 0), host.getBuffer(number(words, 1), number(words, 2), number(words, 3)));
  else if (command == "setbody") host.reportStatus(words, host.setBuffer(number(words, 1), number(words, 2), number(words, 3), text(words, 4)));
  else if (command == "effective") host.reportStatus(words, host.setEffectiveContext(words.length > 1 ? number(words, 1) : lastStream));
  else if (command == "tick") host.reportStatus(words, host.setTick(number(words, 1)));
  else if (command == "done") host.reportStatus(words, host.done());
  else if (command == "time") host.report("time", host.time());
  else if (command == "level") host.report("level", host.level());
  else if (command == "status") host.report("status", host.status());
  else executeMore(words);
}

function executeMore(words: string[]): void {
  const command = words[0];
  if (command == "define") metrics.set(words[2], host.defineMetric(number(words, 1), words[2]));
  else if (command == "increment") host.reportStatus(words, host.incrementMetric(metricId(words[1]), I64.parseInt(words[2])));
  else if (command == "record") host.reportStatus(words, host.recordMetric(metricId(words[1]), <u64>I64.parseInt(words[2])));
  else if (command == "metric") host.report(text(words, 0), host.getMetric(metricId(words[1])));
  else if (command == "load") host.report(text(words, 0), host.getShared(words[1]));
  else if (command == "store") host.reportStatus(words, host.setShared(words[1], words[2], number(words, 3)));
  else if (command == "register") host.report(text(words, 0), host.registerQueue(words[1]));
  else if (command == "resolve") host.report(text(words, 0), host.resolveQueue(words[1] == "-" ? "" : words[1], words[2]));
  else if (command == "enqueue") host.reportStatus(words, host.enqueue(number(words, 1), text(words, 2)));
  else if (command == "dequeue") host.report(text(words, 0), host.dequeue(number(words, 1)));
  else if (command == "call") lastToken = host.httpCall(words, words[1], pairs(words, 3), number(words, 2));
  else if (command == "grpc") lastToken = host.grpcCall(words, words[1], words[2], words[3], text(words, 4));
  else if (command == "stream") lastToken = host.grpcStream(words, words[1], words[2], words[3]);
  else if (command == "send") host.reportStatus(words, host.grpcSend(lastToken, text(words, 2), number(words, 1)));
  else if (command == "grpcclose") host.reportStatus(words, host.grpcClose(lastToken));
  else if (command == "grpccancel") host.reportStatus(words, host.grpcCancel(lastToken));
  else if (command == "foreign") host.report(text(words, 0), host.foreign(words[1], words.length > 2 ? words[2] : ""));
  else host.log(5, "unknown command " + command);
}

function metricId(word: string): u32 {
  return metrics.has(word) ? metrics.get(word) : <u32>parseInt(word);
}

export function proxy_on_context_create(context: u32, parent: u32): void {
  if (parent != 0) {
    roots.set(context, parent);
    lastStream = context;
  }
  run(context, "create", 0);
}

export function proxy_on_vm_start(context: u32, size: u32): u32 {
  vmLines = parse(host.bufferText(6, size));
  return run(context, "vm_start", 1);
}

export function proxy_on_configure(context: u32, size: u32): u32 {
  scripts.set(context, parse(host.bufferText(7, size)));
  return run(context, "configure", 1);
}

export function proxy_on_tick(context: u32): void {
  run(context, "tick", 0);
}

export function proxy_on_request_headers(context: u32, count: u32, endStream: u32): u32 {
  readScript(context);
  return run(context, endStream != 0 ? "request_headers_end" : "request_headers_more", run(context, "request_headers", 0, end(endStream)));
}

export function proxy_on_request_body(context: u32, size: u32, endStream: u32): u32 {
  const result = run(context, "request_body", 0, " " + size.toString() + end(endStream));
  return run(context, endStream != 0 ? "request_body_end" : "request_body_more", result);
}

export function proxy_on_request_trailers(context: u32, count: u32): u32 {
  return run(context, "request_trailers", 0, " " + count.toString());
}

export function proxy_on_request_metadata(context: u32, count: u32): u32 {
  return run(context, "request_metadata", 0, " " + count.toString());
}

export function proxy_on_response_headers(context: u32, count: u32, endStream: u32): u32 {
  return run(context, "response_headers", 0, end(endStream));
}

export function proxy_on_response_body(context: u32, size: u32, endStream: u32): u32 {
  const result = run(context, "response_body", 0, " " + size.toString() + end(endStream));
  return run(context, endStream != 0 ? "response_body_end" : "response_body_more", result);
}

export function proxy_on_response_trailers(context: u32, count: u32): u32 {
  return run(context, "response_trailers", 0, " " + count.toString());
}

export function proxy_on_response_metadata(context: u32, count: u32): u32 {
  return run(context, "response_metadata", 0, " " + count.toString());
}

export function proxy_on_new_connection(context: u32): u32 {
  return run(context, "new_connection", 0);
}

export function proxy_on_downstream_data(context: u32, size: u32, endStream: u32): u32 {
  return run(context, "downstream_data", 0, " " + size.toString() + end(endStream));
}

export function proxy_on_upstream_data(context: u32, size: u32, endStream: u32): u32 {
  return run(context, "upstream_data", 0, " " + size.toString() + end(endStream));
}

export function proxy_on_downstream_connection_close(context: u32, kind: u32): void {
  run(context, "downstream_close", 0, " " + kind.toString());
}

export function proxy_on_upstream_connection_close(context: u32, kind: u32): void {
  run(context, "upstream_close", 0, " " + kind.toString());
}

export function proxy_on_http_call_response(context: u32, token: u32, headers: u32, size: u32, trailers: u32): void {
  host.log(1, "http_call_response " + headers.toString() + " " + size.toString() + " " + trailers.toString());
  run(context, "http_call_response", 0, " " + size.toString() + " " + trailers.toString());
}

export function proxy_on_grpc_receive_initial_metadata(context: u32, token: u32, size: u32): void {
  run(context, "grpc_initial_metadata", 0);
}

export function proxy_on_grpc_receive(context: u32, token: u32, size: u32): void {
  run(context, "grpc_receive", 0);
}

export function proxy_on_grpc_receive_trailing_metadata(context: u32, token: u32, size: u32): void {
  run(context, "grpc_trailing_metadata", 0);
}

export function proxy_on_grpc_close(context: u32, token: u32, status: u32): void {
  host.log(1, "grpc_close " + status.toString());
  run(context, "grpc_close", 0);
}

export function proxy_on_queue_ready(context: u32, token: u32): void {
  run(context, "queue_ready", 0);
}

export function proxy_on_foreign_function(context: u32, id: u32, size: u32): void {
  run(context, "foreign_function", 0);
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
