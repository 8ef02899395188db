import { toByteString, toLowerCase, toText } from "./byte-string.ts";
import { INLINE_REQUEST_HEADERS, INLINE_RESPONSE_HEADERS, INLINE_RESPONSE_TRAILERS } from "./inline-headers.ts";

/** Which O(1) headers a map has: a second value for one of these is joined to the first with a comma. */
export type HeaderMapKind = "request" | "request-trailers" | "response" | "response-trailers" | "metadata";

const INLINE: Readonly<Record<HeaderMapKind, ReadonlySet<string>>> = {
  request: INLINE_REQUEST_HEADERS,
  "request-trailers": new Set(),
  response: INLINE_RESPONSE_HEADERS,
  "response-trailers": INLINE_RESPONSE_TRAILERS,
  metadata: new Set(),
};

/**
 * Envoy's `HeaderMapImpl`: names in lower case, in order of insertion, pseudo-headers first. Names and values are byte strings
 * (see `byte-string.ts`).
 */
export class HeaderMap {
  readonly kind: HeaderMapKind;
  readonly names: string[] = [];
  readonly values: string[] = [];
  private readonly inline: ReadonlySet<string>;
  private pseudoEnd = 0;

  constructor(kind: HeaderMapKind) {
    this.kind = kind;
    this.inline = INLINE[kind];
  }

  /** From text, as tests write it; values become UTF-8. Names are lower-cased. */
  static from(kind: HeaderMapKind, headers: ReadonlyArray<readonly [string, string]>): HeaderMap {
    const map = new HeaderMap(kind);
    for (const header of headers) map.add(toLowerCase(toByteString(header[0])), toByteString(header[1]));
    return map;
  }

  get size(): number {
    return this.names.length;
  }

  /** Bytes of all names and values. */
  get byteSize(): number {
    let size = 0;
    for (let i = 0; i < this.names.length; i++) size += this.name(i).length + this.value(i).length;
    return size;
  }

  name(index: number): string {
    return this.names[index] ?? "";
  }

  value(index: number): string {
    return this.values[index] ?? "";
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  /** The first value; `undefined` where the header is missing. `name` in lower case; `host` of a request is `:authority`. */
  get(name: string): string | undefined {
    const index = this.names.indexOf(name === "host" && this.kind === "request" ? ":authority" : name);
    return index < 0 ? undefined : this.values[index];
  }

  /** All values of a header joined with commas, as `HeaderUtility::getAllOfHeaderAsString`; `undefined` where it is missing. */
  getAll(name: string): string | undefined {
    const key = name === "host" && this.kind === "request" ? ":authority" : name;
    const values = this.values.filter((_, index) => this.names[index] === key);
    return values.length === 0 ? undefined : values.join(",");
  }

  /** Adds a value. An O(1) header that exists is extended: `add(":path", "/new")` after `/x` gives `/x,/new`, as in Envoy. */
  add(name: string, value: string): void {
    const key = name === "host" && this.kind === "request" ? ":authority" : name;
    if (this.inline.has(key)) {
      const index = this.names.indexOf(key);
      if (index >= 0) {
        const before = this.value(index);
        // `HeaderMapImpl::appendToHeader` adds nothing for nothing, no comma either.
        if (value !== "") this.values[index] = before === "" ? value : `${before},${value}`;
        return;
      }
    }
    if (key.charCodeAt(0) === 0x3a) {
      this.names.splice(this.pseudoEnd, 0, key);
      this.values.splice(this.pseudoEnd, 0, value);
      this.pseudoEnd++;
    } else {
      this.names.push(key);
      this.values.push(value);
    }
  }

  /** One value instead of all there were. The new entry stands at the end, as in Envoy. */
  set(name: string, value: string): void {
    this.remove(name);
    this.add(name, value);
  }

  /** Sets a value in place, as Envoy's typed setters (`setPath`) do; adds the header where it is missing. */
  assign(name: string, value: string): void {
    const index = this.names.indexOf(name);
    if (index < 0) this.add(name, value);
    else this.values[index] = value;
  }

  /** Removes every entry of a name; says whether there was one. */
  remove(name: string): boolean {
    const key = name === "host" && this.kind === "request" ? ":authority" : name;
    let removed = false;
    for (let index = this.names.indexOf(key); index >= 0; index = this.names.indexOf(key, index)) {
      this.names.splice(index, 1);
      this.values.splice(index, 1);
      if (index < this.pseudoEnd) this.pseudoEnd--;
      removed = true;
    }
    return removed;
  }

  clear(): void {
    this.names.length = 0;
    this.values.length = 0;
    this.pseudoEnd = 0;
  }

  copy(): HeaderMap {
    const map = new HeaderMap(this.kind);
    for (let i = 0; i < this.names.length; i++) {
      map.names.push(this.name(i));
      map.values.push(this.value(i));
    }
    map.pseudoEnd = this.pseudoEnd;
    return map;
  }

  /** As text, for tests and results: bytes that are not UTF-8 become U+FFFD. */
  toList(): Array<[name: string, value: string]> {
    return this.names.map((name, index) => [toText(name), toText(this.value(index))]);
  }
}
