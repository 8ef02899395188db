import { CelError, type Token, tokensOf } from "./tokens.ts";

/** An expression of CEL as a tree; `at` is an offset in its text. */
export type Cel =
  | { readonly kind: "literal"; readonly token: Token; readonly at: number }
  | { readonly kind: "name"; readonly name: string; readonly at: number }
  | { readonly kind: "select"; readonly target: Cel; readonly field: string; readonly at: number }
  | { readonly kind: "index"; readonly target: Cel; readonly index: Cel; readonly at: number }
  | { readonly kind: "call"; readonly name: string; readonly target: Cel | undefined; readonly args: readonly Cel[]; readonly at: number }
  | { readonly kind: "operator"; readonly operator: string; readonly operands: readonly Cel[]; readonly at: number }
  | { readonly kind: "collection"; readonly operands: readonly Cel[]; readonly at: number };

/** Less than the nesting at which Envoy's parser gives up. */
const MAX_DEPTH = 24;
const MAX_LENGTH = 8_192;
const LEVELS = [["||"], ["&&"], ["<", "<=", ">", ">=", "==", "!=", "in"], ["+", "-"], ["*", "/", "%"]] as const;
const RESERVED = new Set(
  "as break const continue else false for function if import in let loop namespace null package return true var void while".split(" "),
);

/** @throws CelError */
export function parseCel(source: string): Cel {
  if (source.length > MAX_LENGTH) throw new CelError(`longer than ${MAX_LENGTH} characters`, MAX_LENGTH);
  return new Parser(tokensOf(source)).parse();
}

class Parser {
  private readonly tokens: readonly Token[];
  private position = 0;
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  parse(): Cel {
    const expression = this.expression();
    if (this.token.type !== "end") throw this.unexpected("an operator");
    return expression;
  }

  private get token(): Token {
    // The last one is `end`, which nothing steps over.
    return this.tokens[Math.min(this.position, this.tokens.length - 1)] as Token;
  }

  private expression(): Cel {
    return this.nested(() => {
      const { at } = this.token;
      const condition = this.binary(0);
      if (!this.take("?")) return condition;
      const one = this.binary(0);
      this.expect(":");
      return { kind: "operator", operator: "?:", operands: [condition, one, this.expression()], at };
    });
  }

  private binary(level: number): Cel {
    const operators: readonly string[] | undefined = LEVELS[level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    while (this.token.type !== "text" && operators.includes(this.token.raw)) {
      const { at, raw } = this.token;
      this.position += 1;
      left = { kind: "operator", operator: raw, operands: [left, this.binary(level + 1)], at };
    }
    return left;
  }

  private unary(): Cel {
    const { at } = this.token;
    const operator = this.take("!") ? "!" : this.take("-") ? "-" : undefined;
    if (operator === undefined) return this.member();
    return this.nested(() => ({ kind: "operator", operator, operands: [this.unary()], at }));
  }

  private member(): Cel {
    let target = this.primary();
    for (;;) {
      const { at } = this.token;
      if (this.take(".")) {
        const field = this.token.raw;
        if (this.token.type !== "name" || field === "in") throw this.unexpected("a name");
        this.position += 1;
        target = this.take("(") ? { kind: "call", name: field, target, args: this.list(")"), at } : { kind: "select", target, field, at };
      } else if (this.take("[")) {
        const index = this.expression();
        this.expect("]");
        target = { kind: "index", target, index, at };
      } else return target;
    }
  }

  private primary(): Cel {
    const { token } = this;
    const { at, raw } = token;
    if (this.take("(")) {
      const inner = this.expression();
      this.expect(")");
      return inner;
    }
    if (this.take("[")) return { kind: "collection", operands: this.list("]"), at };
    if (this.take("{")) return { kind: "collection", operands: this.entries(), at };
    const isLiteral = token.type === "text" || token.type === "number" || ["true", "false", "null"].includes(raw);
    if (!isLiteral && (token.type !== "name" || RESERVED.has(raw))) throw this.unexpected("a value");
    this.position += 1;
    if (isLiteral) return { kind: "literal", token, at };
    return this.take("(") ? { kind: "call", name: raw, target: undefined, args: this.list(")"), at } : { kind: "name", name: raw, at };
  }

  private list(end: string): readonly Cel[] {
    const items: Cel[] = [];
    while (!this.take(end)) {
      if (items.length > 0) this.expect(",");
      items.push(this.expression());
    }
    return items;
  }

  private entries(): readonly Cel[] {
    const items: Cel[] = [];
    while (!this.take("}")) {
      if (items.length > 0) this.expect(",");
      items.push(this.expression());
      this.expect(":");
      items.push(this.expression());
    }
    return items;
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) throw new CelError(`nested deeper than ${MAX_DEPTH}`, this.token.at);
    const result = read();
    this.depth -= 1;
    return result;
  }

  private take(symbol: string): boolean {
    if (this.token.type !== "symbol" || this.token.raw !== symbol) return false;
    this.position += 1;
    return true;
  }

  private expect(symbol: string): void {
    if (!this.take(symbol)) throw this.unexpected(`"${symbol}"`);
  }

  private unexpected(wanted: string): CelError {
    const { type, raw, at } = this.token;
    return new CelError(`expected ${wanted}, found ${type === "end" ? "the end" : raw}`, at);
  }
}
