import { type DescMessage, fromBinary, type Message, type MessageShape, type Registry, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

const ANY = "google.protobuf.Any";

/** What is done with every message of a type. */
export interface Edit {
  readonly typeName: string;
  readonly apply: (message: Message) => void;
}

/** An {@link Edit} of the messages of `schema`. */
export function edit<Desc extends DescMessage>(schema: Desc, apply: (message: MessageShape<Desc>) => void): Edit {
  return { typeName: schema.typeName, apply: (message) => apply(message as MessageShape<Desc>) };
}

/** Edits a message and all that are in it, also those that are packed in `Any`. What `registry` does not know stays as it is. */
export function editMessages(schema: DescMessage, message: Message, registry: Registry, edits: readonly Edit[]): void {
  if (schema.typeName === ANY) return editPacked(message as Any, registry, edits);
  // Structs are plain data here.
  if (schema.typeName.startsWith("google.protobuf.")) return;
  for (const { typeName, apply } of edits) if (typeName === schema.typeName) apply(message);
  const fields = message as unknown as Readonly<Record<string, unknown>>;
  for (const field of schema.fields) {
    const inner = field.message;
    if (inner === undefined) continue;
    const value = field.oneof === undefined ? fields[field.localName] : chosen(fields[field.oneof.localName], field.localName);
    if (value === undefined || value === null) continue;
    const each =
      field.fieldKind === "message" ? [value] : field.fieldKind === "list" ? (value as readonly unknown[]) : Object.values(value);
    for (const entry of each) editMessages(inner, entry as Message, registry, edits);
  }
}

function editPacked(any: Any, registry: Registry, edits: readonly Edit[]): void {
  const schema = registry.getMessage(any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1));
  if (schema === undefined) return;
  const message = fromBinary(schema, any.value);
  editMessages(schema, message, registry, edits);
  any.value = toBinary(schema, message);
}

function chosen(oneof: unknown, name: string): unknown {
  const { case: which, value } = oneof as { readonly case: string | undefined; readonly value: unknown };
  return which === name ? value : undefined;
}
