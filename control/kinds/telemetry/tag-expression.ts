import { type Cel, CelError, problemOf } from "./cel/index.ts";

// The part of CEL that `builtin://telemetry` carries out, as its page has it (filters/telemetry/README.md, "Expressions"). The filter would refuse all else, and with it the whole configuration of the side.

const ROOTS: readonly string[] =
  "request response source destination connection upstream metadata filter_state xds node plugin_name plugin_root_id plugin_vm_id".split(
    " ",
  );
const NO_VALUES: readonly string[] = ["request.time", "request.duration", "request.headers", "response.headers", "response.trailers"];
const METHODS: readonly string[] = ["startsWith", "endsWith", "contains"];
const MAX_LENGTH = 1_024;

/** What is wrong with the value of a label; undefined where the filter takes it. */
export function wrongTagExpression(source: string): string | undefined {
  if (source.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  return problemOf(source, (expression) => void isCondition(expression));
}

/** Checks an expression; true where it is one of true or false. */
function isCondition(expression: Cel): boolean {
  switch (expression.kind) {
    case "literal":
      return checkLiteral(expression);
    case "name":
    case "select":
    case "index":
      // Of Envoy's attributes the only one that is.
      return checkAttribute(checkPath(expression), expression.at) === "connection.mtls";
    case "call":
      return checkCall(expression);
    case "operator":
      return checkOperator(expression);
    case "collection":
      throw new CelError("lists and maps cannot be values", expression.at);
  }
}

function checkLiteral({ token, at }: Extract<Cel, { kind: "literal" }>): boolean {
  const { type, raw } = token;
  if (type === "name" && raw !== "null") return true;
  const isPlain = type === "text" ? /^(["'])(?!\1\1.)(?:\\[\\'"]|[^\\])*\1$/s.test(raw) : /^\d+$/.test(raw);
  if (!isPlain) throw new CelError(`${raw} is no text and no whole number`, at);
  return false;
}

function checkOperator({ operator, operands, at }: Extract<Cel, { kind: "operator" }>): boolean {
  const [left, right, third] = operands;
  if (left === undefined) return false;
  const needCondition = (each: Cel | undefined): void => {
    if (each !== undefined && !isCondition(each)) throw new CelError(`${operator} needs a condition`, at);
  };
  switch (operator) {
    case "||":
    case "&&":
    case "!":
      needCondition(left);
      needCondition(right);
      return true;
    case "?:": {
      needCondition(left);
      const [one, other] = [right, third].map((each) => each !== undefined && isCondition(each));
      return one === true && other === true;
    }
    case "==":
    case "!=":
    case "+":
      for (const each of operands) isCondition(each);
      return operator !== "+";
    case "in":
      if (left.kind !== "literal" || left.token.type !== "text") throw new CelError("before in stands a text", at);
      if (right !== undefined) checkAttribute([...checkPath(right), left.token.value], right.at);
      return true;
    default:
      throw new CelError(`there is no ${operator} in the labels of metrics`, at);
  }
}

function checkCall({ name, target, args, at }: Extract<Cel, { kind: "call" }>): boolean {
  const [argument] = args;
  if (argument === undefined || args.length > 1) throw new CelError(`${name} takes one argument`, at);
  if (target === undefined) {
    if (name === "has") checkAttribute(checkPath(argument), argument.at);
    else if (name === "string") isCondition(argument);
    else throw new CelError(`there is no function ${name}: only has and string`, at);
    return name === "has";
  }
  if (!METHODS.includes(name)) throw new CelError(`there is no method ${name}: only ${METHODS.join(", ")}`, at);
  isCondition(target);
  isCondition(argument);
  return true;
}

/** The attribute's name. */
function checkAttribute(path: readonly string[], at: number): string {
  const name = path.join(".");
  if (path.length === 1 && !name.startsWith("plugin_")) throw new CelError(`${name} is no single value`, at);
  if (NO_VALUES.includes(name)) throw new CelError(`${name} cannot be the value of a label`, at);
  return name;
}

/** `a.b["c"][0]`, from the left. */
function checkPath(expression: Cel): readonly string[] {
  switch (expression.kind) {
    case "name":
      if (!ROOTS.includes(expression.name))
        throw new CelError(`${expression.name} is no attribute: one of ${ROOTS.join(", ")}`, expression.at);
      return [expression.name];
    case "select":
      return [...checkPath(expression.target), expression.field];
    case "index": {
      const { index, target } = expression;
      if (index.kind !== "literal") throw new CelError("expected a text or a number", index.at);
      checkLiteral(index);
      return [...checkPath(target), index.token.value];
    }
    default:
      throw new CelError("expected an attribute", expression.at);
  }
}
