import { type Cel, parseCel } from "./parse.ts";
import { CelError } from "./tokens.ts";

export { type Cel, parseCel } from "./parse.ts";
export { CelError } from "./tokens.ts";

/** Functions and methods of CEL's standard library that Envoy has; it leaves out conversions to text, and what runs over lists. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  "has",
  "size",
  "matches",
  "contains",
  "startsWith",
  "endsWith",
  "int",
  "uint",
  "double",
  "timestamp",
  "duration",
  "type",
  "dyn",
  "bytes",
]);
const TIMES = ["FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear", "Hours", "Minutes", "Seconds", "Milliseconds"];

/** What Envoy's attributes begin with (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes). */
const ROOTS: ReadonlySet<string> = new Set(
  "request response source destination connection upstream metadata filter_state upstream_filter_state xds".split(" "),
);

/** What is wrong with a condition of an access log; undefined where Envoy takes it. An expression that Envoy refuses would have it refuse every listener. */
export function wrongExpression(source: string): string | undefined {
  return problemOf(source, (expression) => checkNames(expression));
}

/** What a check, or the parser, says of an expression, with the place. */
export function problemOf(source: string, check: (expression: Cel) => void): string | undefined {
  try {
    check(parseCel(source));
    return undefined;
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    return `is no expression: ${error.message} at character ${error.at + 1}`;
  }
}

function checkNames(expression: Cel): void {
  switch (expression.kind) {
    case "literal":
      return;
    case "name":
      if (!ROOTS.has(expression.name))
        throw new CelError(`"${expression.name}" is no attribute; there are ${[...ROOTS].join(", ")}`, expression.at);
      return;
    case "select":
      return checkNames(expression.target);
    case "index":
      checkNames(expression.target);
      return checkNames(expression.index);
    case "call":
      return checkCall(expression);
    case "operator":
    case "collection":
      for (const operand of expression.operands) checkNames(operand);
  }
}

function checkCall({ name, target, args, at }: Extract<Cel, { kind: "call" }>): void {
  const isTime = TIMES.some((part) => name === `get${part}`);
  if (!FUNCTIONS.has(name) && !isTime) throw new CelError(`Envoy has no function "${name}"`, at);
  if (name === "has" && (args.length !== 1 || args[0]?.kind !== "select"))
    throw new CelError("has asks for a field: has(request.useragent)", at);
  for (const each of target === undefined ? args : [target, ...args]) checkNames(each);
}
