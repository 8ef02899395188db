export const enum Token {
  End,
  Name,
  Text,
  Number,
  Symbol,
}

const SYMBOLS: string[] = ["||", "&&", "==", "!=", "?", ":", "!", "+", "(", ")", ".", "[", "]"];

/** The tokens of an expression, one after the other. At configuration time only. */
@final
export class Tokens {
  kind: Token = Token.End;
  /** Of a text its content, else as it stands there. */
  text: string = "";
  /** Offset of its first character. */
  start: i32 = 0;
  private at: i32 = 0;

  constructor(private readonly source: string) {
    this.next();
  }

  /** Steps over the symbol, where it stands here. */
  take(symbol: string): bool {
    if (this.kind != Token.Symbol || this.text != symbol) return false;
    this.next();
    return true;
  }

  /** Acts as if the expression ended here. */
  stop(): void {
    this.kind = Token.End;
    this.text = "";
    this.at = this.source.length;
  }

  /** What stands here, for a message. */
  found(): string {
    return this.kind == Token.End ? "the end" : "`" + this.source.substring(this.start, this.at) + "`";
  }

  next(): void {
    const source = this.source;
    while (this.at < source.length && source.charCodeAt(this.at) <= 0x20) this.at++;
    this.start = this.at;
    if (this.at >= source.length) {
      this.kind = Token.End;
      this.text = "";
      return;
    }
    const code = source.charCodeAt(this.at);
    if (code == 0x27 || code == 0x22) {
      this.readText(code);
    } else if (isDigit(code)) {
      this.readWhile(Token.Number);
    } else if (isNamePart(code)) {
      this.readWhile(Token.Name);
    } else {
      this.readSymbol();
    }
  }

  private readWhile(kind: Token): void {
    while (this.at < this.source.length && isPart(kind, this.source.charCodeAt(this.at))) this.at++;
    this.kind = kind;
    this.text = this.source.substring(this.start, this.at);
  }

  private readSymbol(): void {
    for (let i = 0; i < SYMBOLS.length; i++) {
      if (!this.source.startsWith(SYMBOLS[i], this.at)) continue;
      this.kind = Token.Symbol;
      this.text = SYMBOLS[i];
      this.at += SYMBOLS[i].length;
      return;
    }
    this.unknown();
  }

  /** With the escapes `\\`, `\'` and `\"`; a text that does not end, or has another, is an unknown symbol. */
  private readText(quote: i32): void {
    const source = this.source;
    let text = "";
    let i = this.at + 1;
    for (; i < source.length && source.charCodeAt(i) != quote; i++) {
      let code = source.charCodeAt(i);
      if (code == 0x5c) {
        code = ++i < source.length ? source.charCodeAt(i) : 0;
        if (code != 0x5c && code != 0x27 && code != 0x22) return this.unknown();
      }
      text += String.fromCharCode(code);
    }
    if (i >= source.length) return this.unknown();
    this.at = i + 1;
    this.kind = Token.Text;
    this.text = text;
  }

  private unknown(): void {
    this.kind = Token.Symbol;
    this.text = this.source.substring(this.at, this.at + 1);
    this.at++;
  }
}

function isPart(kind: Token, code: i32): bool {
  return kind == Token.Number ? isDigit(code) : isNamePart(code);
}

function isDigit(code: i32): bool {
  return code >= 0x30 && code <= 0x39;
}

/** Of a name after its first character, and of that too: what begins with a digit is a number. */
function isNamePart(code: i32): bool {
  return isDigit(code) || code == 0x5f || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}
