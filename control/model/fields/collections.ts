import type { FieldType } from "./field-type.ts";
import { describe, isMapping } from "./object-type.ts";

export interface ListOptions {
  readonly least?: number;
  readonly most?: number;
}

export function list<T>(of: FieldType<T>, { least = 0, most = 100_000 }: ListOptions = {}): FieldType<readonly T[]> {
  return {
    shape: `list of ${of.shape}`,
    members: of.members,
    read(value, context) {
      if (!Array.isArray(value)) return context.wrong(`expected a list, found ${describe(value)}`);
      if (value.length < least) return context.wrong(least === 1 ? "must not be empty" : `needs at least ${least} entries`);
      if (value.length > most) return context.wrong(`has ${value.length} entries; at most ${most} are allowed`);
      const result: T[] = [];
      let good = true;
      for (const [index, entry] of value.entries()) {
        const at = context.at(index);
        const read = entry === null || entry === undefined ? at.wrong("must not be null") : of.read(entry, at);
        if (read === undefined) good = false;
        else result.push(read);
      }
      return good ? result : undefined;
    },
  };
}

export interface MapOptions {
  /** Says what is wrong with a key; undefined where it is good. */
  readonly key?: (key: string) => string | undefined;
}

/** A mapping whose keys are the user's. */
export function map<T>(of: FieldType<T>, { key: checkKey }: MapOptions = {}): FieldType<Readonly<Record<string, T>>> {
  return {
    shape: `map of ${of.shape}`,
    members: of.members,
    read(value, context) {
      if (!isMapping(value)) return context.wrong(`expected a mapping, found ${describe(value)}`);
      const result: Record<string, T> = Object.create(null) as Record<string, T>;
      let good = true;
      for (const [key, entry] of Object.entries(value)) {
        const at = context.at(key);
        const wrong = checkKey?.(key);
        const read =
          wrong !== undefined ? at.wrong(wrong) : entry === null || entry === undefined ? at.wrong("must not be null") : of.read(entry, at);
        if (read === undefined) good = false;
        else result[key] = read;
      }
      return good ? result : undefined;
    },
  };
}
