import type { ReadContext } from "./context.ts";

/** How one kind of value is read from a document, and how the documentation names it. */
export interface FieldType<T> {
  /** What may stand here, in a few words: `duration such as 1.5s`, `list of string`. */
  readonly shape: string;
  /** The fields of an object, or of the objects in a list or map: for the documentation. */
  readonly members?: Members | undefined;
  /** The value, or undefined after a problem has been reported. Never throws; never called with null or undefined. */
  read(value: unknown, context: ReadContext): T | undefined;
}

/** What a document's field becomes. */
export type Infer<Type> = Type extends FieldType<infer T> ? T : never;

/** One field of an object. */
export interface Field<T> {
  readonly type: FieldType<T>;
  /** One sentence for the documentation. */
  readonly about: string;
  readonly required: boolean;
  /** What holds where the field is not there; undefined where nothing does. */
  readonly fallback: T;
  /** Why this mesh refuses a field that Istio has. */
  readonly refused?: string | undefined;
}

export type Members = Readonly<Record<string, Field<unknown>>>;

/** A field that must be there. */
export function required<T>(type: FieldType<T>, about: string): Field<T> {
  return { type, about, required: true, fallback: undefined as T };
}

/** A field that may be missing. */
export function optional<T>(type: FieldType<T>, about: string): Field<T | undefined> {
  return { type, about, required: false, fallback: undefined };
}

/** A field with a default. */
export function defaulted<T>(type: FieldType<T>, fallback: T, about: string): Field<T> {
  return { type, about, required: false, fallback };
}

/** A field of Istio's that is refused by its name; the reason says what in Envoy or in this mesh is in the way, and what to do instead. */
export function refused(reason: string): Field<undefined> {
  return { type: { shape: "refused", read: () => undefined }, about: reason, required: false, fallback: undefined, refused: reason };
}
