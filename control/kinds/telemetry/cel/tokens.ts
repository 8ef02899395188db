/** `name` is an identifier or a word of the language; `raw` as it stands there, `value` of a text what it says. */
export interface Token {
  readonly type: "name" | "number" | "text" | "symbol" | "end";
  readonly raw: string;
  readonly value: string;
  /** Offset of its first character. */
  readonly at: number;
}

/** What is no CEL, and where: an offset. */
export class CelError extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const SYMBOLS = ["||", "&&", "==", "!=", "<=", ">=", ..."?:!<>=+-*/%()[]{}.,"];
const NUMBER = /(?:0x[\da-f]+u?|\d*\.\d+(?:e[+-]?\d+)?|\d+e[+-]?\d+|\d+u?)(?![\w])/iy;
const NAME = /[A-Za-z_]\w*/y;
const TEXT = /([rb]{0,2})("""|'''|"|')/iy;
/** CEL's `ESCAPE`. */
const ESCAPE = /\\(?:[abfnrtv\\?"'`]|x[\da-f]{2}|u[\da-f]{4}|U[\da-f]{8}|[0-3][0-7]{2})/iy;

/** The tokens of an expression (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax). @throws CelError */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = skip(source, 0); at < source.length;) {
    const token = textAt(source, at) ?? matchAt(NAME, "name", source, at) ?? matchAt(NUMBER, "number", source, at) ?? symbolAt(source, at);
    tokens.push(token);
    at = skip(source, at + token.raw.length);
  }
  tokens.push({ type: "end", raw: "", value: "", at: source.length });
  return tokens;
}

/** Behind white space and comments. */
function skip(source: string, from: number): number {
  const space = /(?:[ \t\n\r\f]|\/\/[^\n]*)*/y;
  space.lastIndex = from;
  space.exec(source);
  return space.lastIndex;
}

function matchAt(pattern: RegExp, type: "name" | "number", source: string, at: number): Token | undefined {
  pattern.lastIndex = at;
  const raw = pattern.exec(source)?.[0];
  return raw === undefined ? undefined : { type, raw, value: raw, at };
}

function symbolAt(source: string, at: number): Token {
  const raw = SYMBOLS.find((symbol) => source.startsWith(symbol, at));
  if (raw === undefined || raw === "=") throw new CelError(`unexpected ${JSON.stringify(source[at])}`, at);
  return { type: "symbol", raw, value: raw, at };
}

function textAt(source: string, at: number): Token | undefined {
  TEXT.lastIndex = at;
  const [opening, prefix = "", quote = ""] = TEXT.exec(source) ?? [];
  if (opening === undefined) return undefined;
  const isRaw = /r/i.test(prefix);
  let value = "";
  for (let i = at + opening.length; i < source.length;) {
    if (source.startsWith(quote, i)) return { type: "text", raw: source.slice(at, i + quote.length), value, at };
    if (quote.length === 1 && /[\n\r]/.test(source[i] ?? "")) break;
    let length = 1;
    if (source[i] === "\\" && !isRaw) {
      ESCAPE.lastIndex = i;
      const escape = ESCAPE.exec(source)?.[0];
      if (escape === undefined) throw new CelError("there is no such escape", i);
      length = escape.length;
    }
    value += source.slice(i, i + length);
    i += length;
  }
  throw new CelError("this text does not end", at);
}
