import { Code } from "../problem.ts";
import type { ReadContext } from "./context.ts";
import type { Field, FieldType, Members } from "./field-type.ts";
import { suggestion } from "./suggestion.ts";

export type ObjectOf<Fields extends Members> = { readonly [Name in keyof Fields]: Fields[Name] extends Field<infer T> ? T : never };

export interface ObjectOptions<T> {
  /** Of each group of fields at most one may be there (a `oneof`). */
  readonly exclusive?: readonly (readonly (keyof T & string)[])[];
  /** Of each group of fields exactly one must be there. */
  readonly one?: readonly (readonly (keyof T & string)[])[];
  /**
   * Of Kubernetes: fields that users' files carry and that mean nothing to a mesh. Where this is given, a field that is neither here nor among the members is a warning and no
   * error, because Kubernetes' API grows.
   */
  readonly ignored?: readonly string[];
  /** What the fields by themselves cannot tell; called where every field was read without an error. */
  readonly check?: (value: T, context: ReadContext) => void;
}

/**
 * A mapping with named fields. As proto3 JSON has it, null is absent and names may be in snake_case; everything else is refused with a suggestion.
 */
export function object<Fields extends Members>(
  members: Fields,
  options: ObjectOptions<ObjectOf<Fields>> = {},
): FieldType<ObjectOf<Fields>> {
  const names = new Map<string, string>();
  for (const name of Object.keys(members)) names.set(name, name).set(snakeCase(name), name);
  return {
    shape: "object",
    members,
    read(value, context) {
      if (!isMapping(value)) return context.wrong(`expected a mapping, found ${describe(value)}`);
      const result: Record<string, unknown> = {};
      const present = new Map<string, string>();
      let good = true;
      for (const [key, entry] of Object.entries(value)) {
        const name = names.get(key);
        const field = name === undefined ? undefined : members[name];
        if (name === undefined || field === undefined) {
          if (options.ignored?.includes(key) === true) continue;
          const known = [...Object.keys(members), ...(options.ignored ?? [])];
          const level = options.ignored === undefined ? "error" : "warning";
          context.at(key).report(level, Code.UnknownField, `unknown field "${key}"${suggestion(key, known)}`);
          good = good && level === "warning";
          continue;
        }
        if (entry === null || entry === undefined) continue;
        const earlier = present.get(name);
        if (earlier !== undefined) {
          context.at(key).report("error", Code.Duplicate, `"${key}" and "${earlier}" are the same field; keep one`);
          good = false;
          continue;
        }
        present.set(name, key);
        if (field.refused !== undefined) {
          context.at(key).report("error", Code.Refused, `"${name}" is not supported: ${field.refused}`);
          good = false;
          continue;
        }
        const before = field.type.read(entry, context.at(key));
        if (before === undefined) good = false;
        result[name] = before;
      }
      for (const [name, field] of Object.entries(members)) {
        if (present.has(name)) continue;
        result[name] = field.fallback;
        if (!field.required) continue;
        context.report("error", Code.Missing, `"${name}" is missing: ${field.about}`);
        good = false;
      }
      good = checkGroups(present, options, context) && good;
      if (!good) return undefined;
      const read = result as ObjectOf<Fields>;
      options.check?.(read, context);
      return read;
    },
  };
}

function checkGroups<T>(
  present: ReadonlyMap<string, string>,
  { exclusive = [], one = [] }: ObjectOptions<T>,
  context: ReadContext,
): boolean {
  let good = true;
  for (const group of [...exclusive, ...one]) {
    const found = group.filter((name) => present.has(name));
    if (found.length < 2) continue;
    context.report("error", Code.Exclusive, `${found.map(quote).join(" and ")} exclude each other; keep one`);
    good = false;
  }
  for (const group of one) {
    if (group.some((name) => present.has(name))) continue;
    context.report("error", Code.Missing, `one of ${group.map(quote).join(", ")} must be there`);
    good = false;
  }
  return good;
}

const quote = (name: string): string => `"${name}"`;

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** True for a mapping of a document. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as a message names it. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
