import { decimal } from "../lib/number";
import { Text } from "../sdk";
import { attributePath, attributeProblem, attributeType } from "./attributes";
import { Attribute, Choose, Combine, Compare, Comparison, Expression, Has, Join, Literal, Not } from "./expression";
import { Token, Tokens } from "./tokens";

const MAX_LENGTH: i32 = 1_024;
const MAX_DEPTH: i32 = 32;

/** An expression, or why it is none. */
@final
export class ParsedExpression {
  constructor(
    readonly expression: Expression | null,
    readonly problem: string,
  ) {}
}

export function parseExpression(source: string): ParsedExpression {
  if (source.length > MAX_LENGTH) return new ParsedExpression(null, "longer than " + decimal(MAX_LENGTH) + " characters");
  const parser = new Parser(new Tokens(source));
  const expression = parser.parse();
  return new ParsedExpression(parser.problem.length == 0 ? expression : null, parser.problem);
}

/**
 * A part of CEL (https://github.com/google/cel-spec/blob/master/doc/langdef.md): texts, attributes, `?:`, `||`, `&&`, `!`, `==`, `!=`, `in`, `+`,
 * `has()`, `string()`, and the methods `startsWith`, `endsWith` and `contains`. A problem is kept, the first one, and parsing goes on with
 * something harmless to its end.
 */
class Parser {
  problem: string = "";
  private depth: i32 = 0;

  constructor(private readonly tokens: Tokens) {}

  parse(): Expression {
    const expression = this.conditional();
    if (this.tokens.kind != Token.End) this.fail("unexpected " + this.tokens.found());
    return expression;
  }

  private fail(message: string): Expression {
    if (this.problem.length == 0) this.problem = message + " at character " + decimal(this.tokens.start + 1);
    this.tokens.stop();
    return new Literal(Text.of(""));
  }

  private conditional(): Expression {
    if (++this.depth > MAX_DEPTH) return this.fail("nested deeper than " + decimal(MAX_DEPTH));
    let expression = this.either();
    if (this.tokens.take("?")) {
      this.expectCondition(expression, "?");
      const one = this.conditional();
      this.expect(":");
      expression = new Choose(expression, one, this.conditional());
    }
    this.depth--;
    return expression;
  }

  private either(): Expression {
    let left = this.both();
    while (this.tokens.take("||")) left = this.combine(true, left, this.both());
    return left;
  }

  private both(): Expression {
    let left = this.relation();
    while (this.tokens.take("&&")) left = this.combine(false, left, this.relation());
    return left;
  }

  private combine(any: bool, left: Expression, right: Expression): Expression {
    const operator = any ? "||" : "&&";
    this.expectCondition(left, operator);
    this.expectCondition(right, operator);
    return new Combine(any, left, right);
  }

  private relation(): Expression {
    const left = this.sum();
    if (this.tokens.take("==")) return new Compare(Comparison.Equals, left, this.sum());
    if (this.tokens.take("!=")) return new Compare(Comparison.Differs, left, this.sum());
    if (this.tokens.kind != Token.Name || this.tokens.text != "in") return left;
    if (!(left instanceof Literal)) return this.fail("before `in` stands a text");
    this.tokens.next();
    const path = this.path();
    path.push((<Literal>left).text.toString());
    return this.presence(path);
  }

  private sum(): Expression {
    let left = this.unary();
    while (this.tokens.take("+")) left = new Join(left, this.unary());
    return left;
  }

  private unary(): Expression {
    if (!this.tokens.take("!")) return this.primary();
    if (++this.depth > MAX_DEPTH) return this.fail("nested deeper than " + decimal(MAX_DEPTH));
    const operand = this.unary();
    this.depth--;
    this.expectCondition(operand, "!");
    return new Not(operand);
  }

  private primary(): Expression {
    const tokens = this.tokens;
    if (tokens.take("(")) {
      const inner = this.conditional();
      this.expect(")");
      return this.methods(inner);
    }
    if (tokens.kind == Token.Text || tokens.kind == Token.Number) {
      const literal = new Literal(Text.of(tokens.text));
      tokens.next();
      return this.methods(literal);
    }
    if (tokens.kind != Token.Name) return this.fail("expected a value, found " + tokens.found());
    if (tokens.text == "true" || tokens.text == "false") {
      const literal = new Literal(Text.of(tokens.text), true);
      tokens.next();
      return literal;
    }
    return this.attribute();
  }

  private attribute(): Expression {
    const path = this.path();
    const name = path[path.length - 1];
    if (!this.tokens.take("(")) {
      const problem = this.problem.length == 0 ? attributeProblem(path) : null;
      return problem != null ? this.fail(problem) : new Attribute(attributePath(path), attributeType(path));
    }
    if (path.length == 1 && name == "has") {
      const attribute = this.path();
      this.expect(")");
      return this.presence(attribute);
    }
    if (path.length == 1 && name == "string") {
      const inner = this.conditional();
      this.expect(")");
      return this.methods(inner);
    }
    path.pop();
    const problem = path.length == 0 ? "there is no function `" + name + "`: only has and string" : attributeProblem(path);
    if (problem != null) return this.fail(problem);
    return this.methods(this.method(name, new Attribute(attributePath(path), attributeType(path))));
  }

  /** `.startsWith(…)` and its kin behind what is no path. */
  private methods(target: Expression): Expression {
    let expression = target;
    while (this.tokens.take(".")) {
      const name = this.tokens.text;
      this.tokens.next();
      this.expect("(");
      expression = this.method(name, expression);
    }
    return expression;
  }

  /** Behind the opening bracket. */
  private method(name: string, target: Expression): Expression {
    let comparison = Comparison.Contains;
    if (name == "startsWith") comparison = Comparison.StartsWith;
    else if (name == "endsWith") comparison = Comparison.EndsWith;
    else if (name != "contains") return this.fail("there is no method `" + name + "`: only startsWith, endsWith and contains");
    const argument = this.conditional();
    this.expect(")");
    return new Compare(comparison, target, argument);
  }

  private presence(path: string[]): Expression {
    if (this.problem.length > 0) return new Literal(Text.of(""));
    const problem = attributeProblem(path);
    return problem != null ? this.fail(problem) : new Has(attributePath(path));
  }

  /** `a.b["c"][0]`. At least one segment, whatever stands there. */
  private path(): string[] {
    const tokens = this.tokens;
    const path: string[] = [];
    if (tokens.kind == Token.Name) {
      path.push(tokens.text);
      tokens.next();
    } else {
      this.fail("expected an attribute, found " + tokens.found());
      path.push("");
    }
    while (true) {
      if (tokens.take(".")) {
        if (tokens.kind != Token.Name) this.fail("expected a name, found " + tokens.found());
      } else if (tokens.take("[")) {
        if (tokens.kind != Token.Text && tokens.kind != Token.Number) this.fail("expected a text or a number, found " + tokens.found());
        path.push(tokens.text);
        tokens.next();
        this.expect("]");
        continue;
      } else {
        return path;
      }
      path.push(tokens.text);
      tokens.next();
    }
  }

  private expect(symbol: string): void {
    if (!this.tokens.take(symbol)) this.fail("expected `" + symbol + "`, found " + this.tokens.found());
  }

  private expectCondition(expression: Expression, operator: string): void {
    if (this.problem.length == 0 && !expression.isCondition) this.fail("`" + operator + "` needs a condition");
  }
}
