import { Limit } from "./limits.ts";
import { readPlainScalar } from "./plain-scalar.ts";

/** What is not simple enough to be read here. */
export const NOT_SIMPLE = Symbol("not simple");

/**
 * Reads the YAML that people and `kubectl` write: block mappings and lists, texts on one line, flow collections on one line, in ASCII. Everything else, and everything that may be a mistake, is left to
 * the parser of all YAML: then this returns `NOT_SIMPLE`. It is some twenty times as fast, and what it reads, the other reads as the same value (tested with generated documents).
 */
export function readSimpleYaml(text: string): unknown {
  if (NOT_ASCII.test(text)) return NOT_SIMPLE;
  const reader = new SimpleReader(text);
  try {
    return reader.read();
  } catch (error) {
    if (error === NOT_SIMPLE) return NOT_SIMPLE;
    throw error;
  }
}

const NOT_ASCII = /[^\x20-\x7E\n]/;
/** `name: `, also quoted without escapes. */
const KEY = /^(?:([A-Za-z_][\w./-]*)|"([^"\\]*)"|'([^']*)'):(?: +|$)/;
/** What a plain scalar may begin with, so that it cannot be anything else. */
const PLAIN = /^(?:[A-Za-z0-9_./~+$^(]|-[A-Za-z0-9_./])/;
const DOUBLE_QUOTED = /^"([^"\\]*)"(?: +#.*)?$/;
const SINGLE_QUOTED = /^'([^']*)'(?: +#.*)?$/;
const FLOW_TOKEN = /(?:([\w./~+$^()=-]+)|"([^"\\]*)"|'([^']*)')/y;
const END_OF_FLOW = /^ *(?: #.*)?$/;

class SimpleReader {
  /** Of every line that says something: its indentation, and what follows without spaces at the end. */
  readonly #indents: number[] = [];
  readonly #contents: string[] = [];
  #at = 0;

  constructor(text: string) {
    let marked = false;
    for (const line of text.split("\n")) {
      const content = line.trimEnd();
      let indent = 0;
      while (content.charCodeAt(indent) === 0x20) indent++;
      if (indent === content.length || content.charCodeAt(indent) === 0x23) continue;
      if (indent === 0 && this.#contents.length === 0 && !marked && /^---(?: +#.*)?$/.test(content)) {
        marked = true;
        continue;
      }
      this.#indents.push(indent);
      this.#contents.push(indent === 0 ? content : content.slice(indent));
    }
  }

  read(): unknown {
    if (this.#contents.length === 0) return null;
    const value = this.#block(this.#indent, 0);
    return this.#at === this.#contents.length ? value : notSimple();
  }

  /** Of the next line; -1 at the end. */
  get #indent(): number {
    return this.#indents[this.#at] ?? -1;
  }

  get #content(): string {
    return this.#contents[this.#at] ?? "";
  }

  #block(indent: number, depth: number): unknown {
    if (depth > Limit.depth / 2) notSimple();
    const value = isEntry(this.#content) ? this.#list(indent, depth) : this.#mapping(indent, depth);
    return value;
  }

  #mapping(indent: number, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    while (this.#indent === indent && !isEntry(this.#content)) {
      const match = KEY.exec(this.#content) ?? notSimple();
      const name = match[1] === undefined ? (match[2] ?? match[3] ?? "") : plainKey(match[1]);
      if (name === "__proto__" || Object.hasOwn(result, name)) notSimple();
      const rest = this.#content.slice(match[0].length);
      this.#at++;
      result[name] = rest === "" || rest.startsWith("#") ? this.#below(indent, depth, true) : inline(rest, depth);
      if (this.#indent > indent) notSimple();
    }
    return result;
  }

  #list(indent: number, depth: number): unknown[] {
    const result: unknown[] = [];
    while (this.#indent === indent && isEntry(this.#content)) {
      const content = this.#content;
      let start = 1;
      while (content.charCodeAt(start) === 0x20) start++;
      const rest = content.slice(start);
      if (isEntry(rest) || KEY.test(rest)) {
        // A mapping or list that begins on the line of its entry.
        this.#contents[this.#at] = rest;
        this.#indents[this.#at] = indent + start;
        result.push(this.#block(indent + start, depth + 1));
      } else {
        this.#at++;
        result.push(rest === "" || rest.startsWith("#") ? this.#below(indent, depth, false) : inline(rest, depth));
      }
      if (this.#indent > indent) notSimple();
    }
    return result;
  }

  /** What stands on the lines below a key or a dash; a list below a key may be as far left as the key. */
  #below(indent: number, depth: number, ofKey: boolean): unknown {
    if (this.#indent > indent || (ofKey && this.#indent === indent && isEntry(this.#content))) return this.#block(this.#indent, depth + 1);
    return null;
  }
}

function notSimple(): never {
  // No Error: it is thrown often, and a stack costs more than the parse.
  // eslint-disable-next-line @typescript-eslint/only-throw-error
  throw NOT_SIMPLE;
}

function isEntry(content: string): boolean {
  return content.charCodeAt(0) === 0x2d && (content.length === 1 || content.charCodeAt(1) === 0x20);
}

function plainKey(key: string): string {
  // `on` and `null` are no text.
  return typeof readPlainScalar(key) === "string" ? key : notSimple();
}

/** A value on the line of its key or dash. */
function inline(rest: string, depth: number): unknown {
  switch (rest.charCodeAt(0)) {
    case 0x22:
      return (DOUBLE_QUOTED.exec(rest) ?? notSimple())[1];
    case 0x27:
      return (SINGLE_QUOTED.exec(rest) ?? notSimple())[1];
    case 0x5b:
    case 0x7b:
      return new FlowReader(rest).read(depth);
  }
  if (!PLAIN.test(rest)) notSimple();
  const comment = rest.indexOf(" #");
  const text = comment < 0 ? rest : rest.slice(0, comment).trimEnd();
  if (text.includes(": ") || text.endsWith(":")) notSimple();
  return readPlainScalar(text);
}

/** Lists and mappings in brackets, on one line. */
class FlowReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(depth: number): unknown {
    const value = this.#value(depth);
    return END_OF_FLOW.test(this.#text.slice(this.#at)) ? value : notSimple();
  }

  #value(depth: number): unknown {
    if (depth > Limit.depth / 2) notSimple();
    switch (this.#text[this.#at]) {
      case "[":
        return this.#list(depth);
      case "{":
        return this.#mapping(depth);
      default: {
        const [, plain, double, single] = this.#token();
        if (plain !== undefined && !PLAIN.test(plain)) notSimple();
        return plain === undefined ? (double ?? single) : readPlainScalar(plain);
      }
    }
  }

  #list(depth: number): unknown[] {
    const result: unknown[] = [];
    this.#skip(1);
    if (this.#ends("]")) return result;
    for (;;) {
      result.push(this.#value(depth + 1));
      this.#skip(0);
      if (this.#ends("]")) return result;
      this.#comma();
    }
  }

  #mapping(depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    this.#skip(1);
    if (this.#ends("}")) return result;
    for (;;) {
      const [, plain, double, single] = this.#token();
      const name = plain === undefined ? (double ?? single ?? "") : /^[A-Za-z_][\w./-]*$/.test(plain) ? plainKey(plain) : notSimple();
      if (name === "__proto__" || Object.hasOwn(result, name) || !this.#text.startsWith(": ", this.#at)) notSimple();
      this.#skip(1);
      result[name] = this.#value(depth + 1);
      this.#skip(0);
      if (this.#ends("}")) return result;
      this.#comma();
    }
  }

  #token(): RegExpExecArray {
    FLOW_TOKEN.lastIndex = this.#at;
    const match = FLOW_TOKEN.exec(this.#text) ?? notSimple();
    this.#at += match[0].length;
    return match;
  }

  #ends(bracket: string): boolean {
    if (this.#text[this.#at] !== bracket) return false;
    this.#at++;
    return true;
  }

  #comma(): void {
    if (this.#text[this.#at] !== ",") notSimple();
    this.#skip(1);
  }

  /** Goes on by so many characters, and past spaces. */
  #skip(characters: number): void {
    this.#at += characters;
    while (this.#text.charCodeAt(this.#at) === 0x20) this.#at++;
  }
}
