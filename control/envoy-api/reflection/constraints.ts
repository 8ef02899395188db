import { type DescField, type DescMessage, type DescOneof, fromBinary, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { isReflectMessage, reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { FieldPath } from "../../model/index.ts";
import { disabled, type FieldRules, ignored, required, rules as rulesOf } from "../generated/validate/validate_pb.ts";
import { messageOfUrl } from "./registry.ts";
import { brokenRule } from "./rules.ts";

/** A constraint of Envoy's API that a message breaks, and so Envoy refuses it (`validate.rules`, protoc-gen-validate). */
export interface Violation {
  readonly path: FieldPath;
  readonly message: string;
}

/** The first constraint that a message breaks, looking into its Anys too; undefined where it breaks none. */
export function violation(schema: DescMessage, message: Message): Violation | undefined {
  return ofMessage(reflect(schema, message), []);
}

function ofMessage(message: ReflectMessage, path: FieldPath): Violation | undefined {
  const { desc } = message;
  if (desc.typeName === "google.protobuf.Any") return ofAny(message.message as Any, path);
  if (isExempt(desc)) return undefined;
  for (const oneof of message.oneofs) {
    const broken = ofOneof(message, oneof, path);
    if (broken !== undefined) return broken;
  }
  for (const field of message.fields) {
    const broken = ofField(message, field, path);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

const EXEMPT = new WeakMap<DescMessage, boolean>();

function isExempt(desc: DescMessage): boolean {
  let exempt = EXEMPT.get(desc);
  if (exempt === undefined) EXEMPT.set(desc, (exempt = getOption(desc, disabled) || getOption(desc, ignored)));
  return exempt;
}

function ofAny(any: Any, path: FieldPath): Violation | undefined {
  const schema = messageOfUrl(any.typeUrl);
  if (schema === undefined) return undefined;
  try {
    return ofMessage(reflect(schema, fromBinary(schema, any.value)), path);
  } catch (error) {
    return { path, message: `is no ${schema.typeName}: ${(error as Error).message}` };
  }
}

function ofOneof(message: ReflectMessage, oneof: DescOneof, path: FieldPath): Violation | undefined {
  if (message.oneofCase(oneof) !== undefined || !hasOption(oneof, required) || !getOption(oneof, required)) return undefined;
  return { path, message: `needs one of ${oneof.fields.map(({ name }) => name).join(", ")}` };
}

function ofField(message: ReflectMessage, field: DescField, path: FieldPath): Violation | undefined {
  const rules = rulesFor(field);
  const at = [...path, field.name];
  const isSet = message.isSet(field);
  switch (field.fieldKind) {
    case "list": {
      const items = [...message.get(field)];
      return (rules === undefined ? undefined : told(at, brokenRule(rules, items))) ?? ofEntries(items.entries(), rules, "repeated", at);
    }
    case "map": {
      const entries = [...message.get(field)] as [Key, unknown][];
      return (rules === undefined ? undefined : told(at, brokenRule(rules, new Map(entries)))) ?? ofEntries(entries, rules, "map", at);
    }
    case "message": {
      const value: unknown = isSet ? message.get(field) : undefined;
      if (rules?.message?.skip === true || (!isSet && field.oneof !== undefined)) return undefined;
      const broken = rules === undefined ? undefined : told(at, brokenRule(rules, plain(value)));
      return broken ?? (isReflectMessage(value) ? ofMessage(value, at) : undefined);
    }
    default:
      // Members of a oneof that are not the one, and fields of which it is known that nobody set them.
      if (rules === undefined || (!isSet && (field.oneof !== undefined || Number(field.presence) !== IMPLICIT))) return undefined;
      return told(at, brokenRule(rules, message.get(field), field.fieldKind === "enum" ? field.enum : undefined));
  }
}

/** Reading an option decodes it. */
const RULES = new WeakMap<DescField, FieldRules | "none">();

function rulesFor(field: DescField): FieldRules | undefined {
  let rules = RULES.get(field);
  if (rules === undefined) RULES.set(field, (rules = hasOption(field, rulesOf) ? getOption(field, rulesOf) : "none"));
  return rules === "none" ? undefined : rules;
}

/** `FeatureSet.FieldPresence.IMPLICIT` of descriptor.proto: zero is as good as nothing. */
const IMPLICIT = 2;

type Key = number | string | bigint | boolean;

function ofEntries(
  entries: Iterable<readonly [Key, unknown]>,
  rules: FieldRules | undefined,
  kind: "repeated" | "map",
  path: FieldPath,
): Violation | undefined {
  const of = rules?.type.case === kind ? rules.type.value : undefined;
  const inner = of === undefined ? undefined : "items" in of ? of.items : "values" in of ? of.values : undefined;
  const keys = of !== undefined && "keys" in of ? of.keys : undefined;
  for (const [key, value] of entries) {
    const at = [...path, typeof key === "number" ? key : String(key)];
    const broken =
      (keys === undefined ? undefined : told(at, brokenRule(keys, key))) ??
      (inner === undefined ? undefined : told(at, brokenRule(inner, plain(value)))) ??
      (isReflectMessage(value) && inner?.message?.skip !== true ? ofMessage(value, at) : undefined);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

/** Messages for single values (`google.protobuf.UInt32Value`) have the rules of what is in them. */
function plain(value: unknown): unknown {
  if (!isReflectMessage(value)) return value;
  if (!/^google\.protobuf\.\w+Value$/.test(value.desc.typeName) || value.desc.typeName === "google.protobuf.Value") return value.message;
  return (value.message as Message & { readonly value: unknown }).value;
}

function told(path: FieldPath, message: string | undefined): Violation | undefined {
  return message === undefined ? undefined : { path, message };
}
