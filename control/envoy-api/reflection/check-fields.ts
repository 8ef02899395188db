import { type DescField, type DescMessage, fromJson, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { describe, isMapping, suggestion } from "../../model/fields/index.ts";
import type { FieldPath } from "../../model/index.ts";
import { allOfEnvoy, messageOfUrl } from "./registry.ts";

/** Something wrong with a value in JSON, at its place. */
export interface JsonProblem {
  /** Whether it is a field that the message does not have. */
  readonly unknown: boolean;
  readonly path: FieldPath;
  readonly message: string;
}

const ANY = "google.protobuf.Any";
/** Configuration of a type that is only named, as JSON; Envoy has two names for the same. */
const TYPED_STRUCTS: ReadonlySet<string> = new Set(["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"]);
/** Messages that are any JSON. */
const FREE: ReadonlySet<string> = new Set(["google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"]);

/** Everything that is wrong with a message in proto3 JSON, what is in its Anys too. */
export function checkFields(message: DescMessage, value: unknown, path: FieldPath = []): readonly JsonProblem[] {
  if (FREE.has(message.typeName)) return [];
  if (message.typeName === ANY) return checkAny(value, path);
  if (message.typeName.startsWith("google.protobuf."))
    return wrong(path, value, SHAPES[message.typeName] ?? message.typeName, () => fromJson(message, value as JsonValue));
  if (!isMapping(value)) return [problem(path, `expected a mapping, found ${describe(value)}`)];
  return checkMembers(message, value, path);
}

function checkMembers(message: DescMessage, value: Record<string, unknown>, path: FieldPath): readonly JsonProblem[] {
  const problems: JsonProblem[] = [];
  const seen = new Map<string, string>();
  for (const [key, entry] of Object.entries(value)) {
    const field = message.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (field === undefined) {
      problems.push({ unknown: true, path: [...path, key], message: unknownField(message, key) });
      continue;
    }
    if (entry === null || entry === undefined) continue;
    const group = field.oneof === undefined ? field.name : `of ${field.oneof.name}`;
    const earlier = seen.get(group);
    if (earlier !== undefined) problems.push(problem([...path, key], `"${key}" and "${earlier}" exclude each other; keep one`));
    seen.set(group, key);
    problems.push(...checkField(field, entry, [...path, key]));
  }
  return problems;
}

function unknownField(message: DescMessage, key: string): string {
  const known = message.fields.map(({ name, jsonName }) => (/[A-Z]/.test(key) ? jsonName : name));
  return `${message.typeName} has no field "${key}"${suggestion(key, known)}`;
}

function checkField(field: DescField, value: unknown, path: FieldPath): readonly JsonProblem[] {
  switch (field.fieldKind) {
    case "list":
      if (!Array.isArray(value)) return [problem(path, `expected a list, found ${describe(value)}`)];
      return value.flatMap((entry: unknown, index) =>
        field.listKind === "message" ? checkFields(field.message, entry, [...path, index]) : leaf(field, [entry], [...path, index]),
      );
    case "map":
      if (!isMapping(value)) return [problem(path, `expected a mapping, found ${describe(value)}`)];
      return Object.entries(value).flatMap(([key, entry]) =>
        field.mapKind === "message" ? checkFields(field.message, entry, [...path, key]) : leaf(field, { [key]: entry }, [...path, key]),
      );
    case "message":
      return checkFields(field.message, value, path);
    default:
      return leaf(field, value, path);
  }
}

/** Proto3 JSON has many forms of a scalar: protobuf itself is asked. */
function leaf(field: DescField, value: unknown, path: FieldPath): readonly JsonProblem[] {
  const entry: unknown =
    field.fieldKind === "list" ? (value as unknown[])[0] : field.fieldKind === "map" ? Object.values(value as object)[0] : value;
  return wrong(path, entry, shapeOf(field, entry), () => fromJson(field.parent, { [field.jsonName]: value } as JsonValue));
}

function shapeOf(field: DescField, value: unknown): string {
  if (field.enum !== undefined) {
    const names = field.enum.values.map(({ name }) => name);
    const near = typeof value === "string" ? suggestion(value, names) : "";
    return near === ""
      ? `one of ${names.slice(0, 12).join(", ")}`
      : `a value of ${field.enum.name}${near.replace("; did you mean", ", such as").replace("?", "")}`;
  }
  return field.scalar === undefined ? "a value" : `a value of type ${ScalarType[field.scalar].toLowerCase()}`;
}

/** Of messages that are written as a single value. */
const SHAPES: Readonly<Record<string, string>> = {
  "google.protobuf.Duration": "a duration in seconds, such as 0.5s",
  "google.protobuf.Timestamp": "a time, such as 2026-01-31T12:00:00Z",
  "google.protobuf.BoolValue": "true or false",
  "google.protobuf.StringValue": "a text",
  "google.protobuf.UInt32Value": "a number from 0 to 4294967295",
  "google.protobuf.UInt64Value": "a number from 0",
  "google.protobuf.DoubleValue": "a number",
};

function checkAny(value: unknown, path: FieldPath): readonly JsonProblem[] {
  if (!isMapping(value)) return [problem(path, `expected a mapping with "@type", found ${describe(value)}`)];
  const { "@type": url, ...rest } = value;
  if (typeof url !== "string")
    return [problem(path, `"@type" is missing: which message it is, such as type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua`)];
  const message = messageOfUrl(url);
  if (message === undefined) return [problem([...path, "@type"], unknownType(url))];
  if (message.typeName.startsWith("google.protobuf."))
    return "value" in rest ? checkFields(message, rest["value"], [...path, "value"]) : [];
  const problems = checkFields(message, rest, path);
  return TYPED_STRUCTS.has(message.typeName) && problems.length === 0 ? checkTypedStruct(rest, path) : problems;
}

function checkTypedStruct(value: Record<string, unknown>, path: FieldPath): readonly JsonProblem[] {
  const key = "type_url" in value ? "type_url" : "typeUrl";
  const url = value[key];
  const message = typeof url === "string" ? messageOfUrl(url) : undefined;
  if (message === undefined) return [problem([...path, key], unknownType(typeof url === "string" ? url : ""))];
  return checkFields(message, value["value"] ?? {}, [...path, "value"]);
}

function unknownType(url: string): string {
  const name = url.slice(url.lastIndexOf("/") + 1);
  if (/\.v2(alpha\d?)?\./.test(name)) return `${name} is of version 2 of Envoy's API, which no Envoy takes any more; write version 3`;
  const last = name.slice(name.lastIndexOf(".") + 1);
  const near = [...allOfEnvoy()].flatMap((each) => (each.kind === "message" && each.name === last ? [each.typeName] : []));
  return `there is no message ${JSON.stringify(name)} in the API of Envoy 1.40${suggestion(name, near)}`;
}

function wrong(path: FieldPath, value: unknown, shape: string, read: () => unknown): readonly JsonProblem[] {
  try {
    read();
    return [];
  } catch {
    return [problem(path, `expected ${shape}, found ${describe(value)}`)];
  }
}

function problem(path: FieldPath, message: string): JsonProblem {
  return { unknown: false, path, message };
}
