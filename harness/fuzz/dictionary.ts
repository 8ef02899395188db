import type { TracedCallback } from "../host/trace/recorder.ts";

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const SHORTEST = 2;
const LONGEST = 48;
/** A module of Go has thousands of strings that mean nothing to a request; the first ones are likeliest. */
const KEPT = 2_000;

/**
 * Words that a module may know: strings in its bytes (UTF-8, and UTF-16 as AssemblyScript has them) and in its configuration, and the names of headers that
 * it asks for. A condition on `x-tenant: gold` is found by these, never by chance.
 */
export class Dictionary {
  readonly words: string[] = [];
  /** Words that can be names of headers. Those that the module asks for come often. */
  readonly names: string[] = [];
  private readonly known = new Set<string>();

  constructor(module: Uint8Array, configuration: string) {
    for (const word of configuration.match(/[\w./:@-]+/g) ?? []) this.add(word);
    const text = Buffer.from(module.buffer, module.byteOffset, module.byteLength).toString("latin1");
    for (const [wide] of text.matchAll(/(?:[\x20-\x7e]\0){2,}/g)) this.add(wide.replaceAll("\0", ""));
    for (const [narrow] of text.matchAll(/[\x20-\x7e]{3,}/g)) {
      this.add(narrow);
      // Languages that know the length of a string put many into one another.
      for (const part of narrow.match(/[\w-]{2,}|\/[\w/.-]*/g) ?? []) this.add(part);
    }
  }

  /** Takes the names of headers that a request's callbacks asked for. */
  learn(callbacks: readonly TracedCallback[]): void {
    for (const { hostcalls } of callbacks) {
      for (const { hostcall, arguments: words } of hostcalls) {
        const { name } = words;
        if (!hostcall.endsWith("header_map_value") || typeof name !== "string") continue;
        if (!name.startsWith(":") && TOKEN.test(name) && this.names.filter((known) => known === name).length < 8) this.names.push(name);
      }
    }
  }

  private add(word: string): void {
    if (word.length < SHORTEST || word.length > LONGEST || this.known.has(word) || this.words.length >= KEPT) return;
    this.known.add(word);
    this.words.push(word);
    if (TOKEN.test(word) && !word.startsWith("proxy_") && !RESERVED.has(word)) this.names.push(word);
  }
}

/** Names that frame a message, or that Envoy takes away where they are no URL: a request that says something else about itself is another matter than a filter. */
export const RESERVED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "referer",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
