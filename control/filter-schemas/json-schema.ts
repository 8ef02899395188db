import { describe, isMapping, suggestion } from "../model/fields/index.ts";
import type { FieldPath } from "../model/index.ts";

/** What is wrong with a value, and where in it. */
export interface Finding {
  readonly path: FieldPath;
  readonly message: string;
}

type Schema = Readonly<Record<string, unknown>>;

/**
 * Checks values against a JSON Schema (draft 2020-12), as far as the schemas of the filters use it. Written for people: it tells the path, what stands there and what is allowed,
 * with suggestions for names, and of alternatives it tells of the one that is nearest.
 */
export class JsonSchema {
  readonly #root: Schema;

  /** @throws RangeError where the schema has a keyword that is not carried out */
  constructor(root: unknown) {
    if (!isMapping(root)) throw new RangeError("a schema is a mapping");
    this.#root = root;
    checkKeywords(root, "#");
  }

  /** Empty where the value is good. */
  check(value: unknown): readonly Finding[] {
    return this.#check(this.#root, value, []);
  }

  #check(schema: Schema, value: unknown, path: FieldPath): readonly Finding[] {
    const wrong = (message: string): Finding => ({ path, message });
    if (typeof schema["$ref"] === "string") {
      const found = this.#check(this.#resolve(schema["$ref"]), value, path);
      if (found.length > 0) return found;
    }
    const typeError = checkType(schema["type"], value);
    if (typeError !== undefined) return [wrong(typeError)];
    const findings = [...this.#checkCombinations(schema, value, path)];
    const message = checkChoice(schema, value) ?? checkScalar(schema, value);
    if (message !== undefined) findings.push(wrong(message));
    if (Array.isArray(value)) findings.push(...this.#checkList(schema, value, path));
    else if (isMapping(value)) findings.push(...this.#checkMapping(schema, value, path));
    return findings;
  }

  #resolve(reference: string): Schema {
    let found: unknown = this.#root;
    for (const step of reference.split("/").slice(1)) found = isMapping(found) ? found[step] : undefined;
    if (!reference.startsWith("#") || !isMapping(found)) throw new RangeError(`the schema has no ${reference}`);
    return found;
  }

  #checkCombinations(schema: Schema, value: unknown, path: FieldPath): readonly Finding[] {
    for (const keyword of ["oneOf", "anyOf"]) {
      const alternatives = schemas(schema[keyword]);
      if (alternatives.length === 0) continue;
      const outcomes = alternatives.map((alternative) => this.#check(alternative, value, path));
      const good = outcomes.filter((outcome) => outcome.length === 0).length;
      if (good === 0) return nearest(outcomes, alternatives, value, path);
      if (good > 1 && keyword === "oneOf") return [{ path, message: exclusive(alternatives, value) }];
    }
    return schemas(schema["allOf"]).flatMap((each) => this.#check(each, value, path));
  }

  #checkList(schema: Schema, value: readonly unknown[], path: FieldPath): Finding[] {
    const {
      minItems = 0,
      maxItems = Infinity,
      items,
      contains,
    } = schema as { minItems?: number; maxItems?: number; items?: unknown; contains?: unknown };
    const findings: Finding[] = [];
    if (value.length < minItems)
      findings.push({ path, message: minItems === 1 ? "must not be empty" : `needs at least ${minItems} entries` });
    if (value.length > maxItems) findings.push({ path, message: `has ${value.length} entries; at most ${maxItems} are allowed` });
    if (isMapping(items)) for (const [index, entry] of value.entries()) findings.push(...this.#check(items, entry, [...path, index]));
    if (isMapping(contains) && !value.some((entry) => this.#check(contains, entry, path).length === 0))
      findings.push({ path, message: `needs an entry that is ${JSON.stringify(contains["const"] ?? contains)}` });
    return findings;
  }

  #checkMapping(schema: Schema, value: Readonly<Record<string, unknown>>, path: FieldPath): Finding[] {
    const properties = isMapping(schema["properties"]) ? schema["properties"] : {};
    const names = Object.keys(value);
    const findings: Finding[] = [];
    for (const name of strings(schema["required"])) {
      if (!names.includes(name)) findings.push({ path, message: `"${name}" is missing${about(properties[name])}` });
    }
    const { minProperties = 0, maxProperties = Infinity } = schema as { minProperties?: number; maxProperties?: number };
    if (names.length < minProperties)
      findings.push({ path, message: minProperties === 1 ? "must not be empty" : `needs at least ${minProperties} fields` });
    if (names.length > maxProperties) findings.push({ path, message: `has ${names.length} fields; at most ${maxProperties} are allowed` });
    for (const name of names) {
      const at = [...path, name];
      const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (isMapping(known)) findings.push(...this.#check(known, value[name], at));
      else if (schema["additionalProperties"] === false)
        findings.push({ path: at, message: `unknown field "${name}"${suggestion(name, Object.keys(properties))}` });
      else if (isMapping(schema["additionalProperties"])) findings.push(...this.#check(schema["additionalProperties"], value[name], at));
      if (isMapping(schema["propertyNames"])) findings.push(...this.#check(schema["propertyNames"], name, at));
    }
    const dependent = isMapping(schema["dependentRequired"]) ? schema["dependentRequired"] : {};
    for (const [name, others] of Object.entries(dependent)) {
      if (!names.includes(name)) continue;
      for (const other of strings(others))
        if (!names.includes(other)) findings.push({ path, message: `"${name}" needs "${other}" beside it` });
    }
    return findings;
  }
}

const KEYWORDS: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "$defs", "$ref", "$comment", "title", "description", "default", "examples", "deprecated"],
  ...["type", "enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  ...["items", "minItems", "maxItems", "contains", "properties", "required", "additionalProperties", "propertyNames"],
  ...["minProperties", "maxProperties", "dependentRequired", "oneOf", "anyOf", "allOf"],
]);

/** A keyword that is passed over would let through what the filter refuses. */
function checkKeywords(schema: unknown, at: string): void {
  if (!isMapping(schema)) return;
  for (const [keyword, value] of Object.entries(schema)) {
    if (!KEYWORDS.has(keyword)) throw new RangeError(`${at}: the keyword ${keyword} is not carried out`);
    if (keyword === "properties" || keyword === "$defs")
      for (const [name, each] of Object.entries(isMapping(value) ? value : {})) checkKeywords(each, `${at}/${keyword}/${name}`);
    else if (["items", "contains", "additionalProperties", "propertyNames"].includes(keyword)) checkKeywords(value, `${at}/${keyword}`);
    else if (["oneOf", "anyOf", "allOf"].includes(keyword)) for (const each of schemas(value)) checkKeywords(each, `${at}/${keyword}`);
  }
}

function checkType(type: unknown, value: unknown): string | undefined {
  const types = typeof type === "string" ? [type] : strings(type);
  if (types.length === 0 || types.some((each) => isOfType(each, value))) return undefined;
  return `expected ${types.map((each) => NOUNS[each] ?? each).join(" or ")}, found ${describe(value)}`;
}

const NOUNS: Readonly<Record<string, string>> = {
  object: "a mapping",
  array: "a list",
  string: "a string",
  integer: "an integer",
  number: "a number",
  boolean: "true or false",
};

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case "object":
      return isMapping(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

function checkChoice(schema: Schema, value: unknown): string | undefined {
  if ("const" in schema && !same(schema["const"], value)) return `expected ${JSON.stringify(schema["const"])}, found ${describe(value)}`;
  const choices = Array.isArray(schema["enum"]) ? (schema["enum"] as readonly unknown[]) : undefined;
  if (choices === undefined || choices.some((each) => same(each, value))) return undefined;
  const near = typeof value === "string" ? suggestion(value, strings(choices)) : "";
  return `expected one of ${choices.map(String).join(", ")}, found ${describe(value)}${near}`;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function checkScalar(schema: Schema, value: unknown): string | undefined {
  if (typeof value === "number") {
    const {
      minimum = -Infinity,
      maximum = Infinity,
      exclusiveMinimum = -Infinity,
      exclusiveMaximum = Infinity,
    } = schema as Readonly<Record<string, number>>;
    if (value < minimum) return `${value} is out of range; at least ${minimum} is allowed`;
    if (value > maximum) return `${value} is out of range; at most ${maximum} is allowed`;
    if (value <= exclusiveMinimum) return `${value} is out of range; more than ${exclusiveMinimum} is allowed`;
    if (value >= exclusiveMaximum) return `${value} is out of range; less than ${exclusiveMaximum} is allowed`;
  }
  if (typeof value !== "string") return undefined;
  const { minLength = 0, maxLength = Infinity } = schema as { minLength?: number; maxLength?: number };
  const length = [...value].length;
  if (length < minLength) return minLength === 1 ? "must not be empty" : `needs at least ${minLength} characters`;
  if (length > maxLength) return `has ${length} characters; at most ${maxLength} are allowed`;
  if (typeof schema["pattern"] !== "string" || new RegExp(schema["pattern"], "u").test(value)) return undefined;
  return `${describe(value)} is not of the form ${schema["pattern"]}${about(schema)}`;
}

/** Of alternatives that all fail, what the one finds wrong that got furthest. */
function nearest(
  outcomes: readonly (readonly Finding[])[],
  alternatives: readonly Schema[],
  value: unknown,
  path: FieldPath,
): readonly Finding[] {
  const groups = alternatives.map((each) => strings(each["required"]));
  // "exactly one of these fields": none is there.
  if (isMapping(value) && groups.every((group) => group.length === 1 && !(group.join() in value)))
    return [{ path, message: `one of ${groups.map((group) => `"${group.join()}"`).join(", ")} must be there` }];
  const depth = (outcome: readonly Finding[]) => Math.max(...outcome.map((finding) => finding.path.length));
  const [best = []] = outcomes.toSorted((a, b) => depth(b) - depth(a) || a.length - b.length);
  return best;
}

function exclusive(alternatives: readonly Schema[], value: unknown): string {
  const fields = isMapping(value) ? alternatives.flatMap((each) => strings(each["required"])).filter((name) => name in value) : [];
  return fields.length < 2
    ? "is more than one thing at once"
    : `${fields.map((name) => `"${name}"`).join(" and ")} exclude each other; keep one`;
}

function about(schema: unknown): string {
  return isMapping(schema) && typeof schema["description"] === "string" ? `: ${schema["description"]}` : "";
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function schemas(value: unknown): readonly Schema[] {
  return Array.isArray(value) ? value.filter(isMapping) : [];
}
