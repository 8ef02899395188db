import { clone, type DescMessage, fromBinary, fromJson, type JsonObject, type Message, toBinary } from "@bufbuild/protobuf";
import { isReflectMessage, reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { Any } from "@bufbuild/protobuf/wkt";
import { allOfEnvoy, messageOfUrl } from "./registry.ts";

/**
 * Merges as protocol buffers do: single values are replaced, messages merged member by member, lists appended to, entries of maps replaced. As in Istio durations are replaced as a whole; so are the messages
 * for numbers and truth values (`google.protobuf.BoolValue`), with which Istio cannot set false. Of two Anys of one type the contents are merged, of others the new one counts.
 */
export function mergeInto(schema: DescMessage, into: Message, from: Message): void {
  merge(reflect(schema, into), reflect(schema, copyOf(schema, from)));
}

function merge(into: ReflectMessage, from: ReflectMessage): void {
  for (const field of from.fields) {
    if (!from.isSet(field)) continue;
    switch (field.fieldKind) {
      case "list": {
        const list = into.get(field);
        for (const item of from.get(field)) list.add(item);
        break;
      }
      case "map": {
        const map = into.get(field);
        for (const [key, value] of from.get(field)) map.set(key, value);
        break;
      }
      case "message":
        mergeMember(into, from, field);
        break;
      default:
        into.set(field, from.get(field));
    }
  }
}

type MessageField = Extract<ReflectMessage["fields"][number], { readonly fieldKind: "message" }>;

function mergeMember(into: ReflectMessage, from: ReflectMessage, field: MessageField): void {
  const value: unknown = from.get(field);
  const before: unknown = into.isSet(field) ? into.get(field) : undefined;
  const { typeName } = field.message;
  if (!isReflectMessage(value)) return;
  if (!isReflectMessage(before) || (typeName.startsWith("google.protobuf.") && !MERGED.has(typeName))) into.set(field, value);
  else if (typeName === ANY) {
    const merged = mergedAny(before.message as Any, value.message as Any);
    into.set(field, merged === undefined ? value : reflect(field.message, merged));
  } else {
    merge(before, value);
    // What stands for a Struct or a single value is a copy of it.
    into.set(field, before);
  }
}

const ANY = "google.protobuf.Any";
const MERGED: ReadonlySet<string> = new Set([ANY, "google.protobuf.Struct"]);

const TYPED_STRUCT = /(^|\/)(udpa\.type\.v1|xds\.type\.v3)\.TypedStruct$/;

/** What comes of merging one packed message into another; undefined where they are of different types, or of one that Envoy's API does not have. */
export function mergedAny(into: Any, from: Any): Any | undefined {
  const schema = messageOfUrl(into.typeUrl);
  if (schema === undefined) return undefined;
  const named = TYPED_STRUCT.test(from.typeUrl) ? untyped(from) : undefined;
  const url = named?.url ?? from.typeUrl;
  if (url.slice(url.lastIndexOf("/") + 1) !== schema.typeName) return undefined;
  const result = fromBinary(schema, into.value);
  const patch = named === undefined ? fromBinary(schema, from.value) : fromJson(schema, named.value, { registry: allOfEnvoy() });
  mergeInto(schema, result, patch);
  return { ...into, value: toBinary(schema, result) };
}

/** What a TypedStruct stands for. */
function untyped(any: Any): { readonly url: string; readonly value: JsonObject } | undefined {
  const schema = messageOfUrl(any.typeUrl);
  if (schema === undefined) return undefined;
  const { typeUrl, value } = fromBinary(schema, any.value) as Message & { readonly typeUrl: string; readonly value?: JsonObject };
  return { url: typeUrl, value: value ?? {} };
}

/** A copy of a message that shares nothing with it. */
export function copyOf<T extends Message>(schema: DescMessage, message: T): T {
  return clone(schema, message) as T;
}
