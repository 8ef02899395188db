import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "@bufbuild/protobuf";

/** A field that differs; without `before` it is new, without `after` it is gone. */
export interface FieldChange {
  /** `virtualHosts[0].routes[1].name`; what has a name stands by it: `filterChains["http"]`. */
  readonly path: string;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

/** Characters of a text that are shown: configuration of filters may be long, and modules are bytes. */
const LONGEST = 400;

/**
 * In what two documents differ, down to the fields. Entries of lists are compared by their names where all have one, else by their places, after what both lists begin and end with.
 * Texts that hold JSON, as the configuration of a filter, are looked into.
 */
export function changedFields(before: JsonValue, after: JsonValue, path = ""): FieldChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return changedEntries(before, after, path);
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => pair(memberPath(path, key), before[key], after[key]));
  }
  const [left, right] = [documentIn(before), documentIn(after)];
  if (left !== undefined && right !== undefined) {
    const inside = changedFields(left, right, path);
    // Else they differ in nothing but how they are written.
    if (inside.length > 0) return inside;
  }
  return [{ path, before: shown(before), after: shown(after) }];
}

function changedEntries(before: readonly JsonValue[], after: readonly JsonValue[], path: string): FieldChange[] {
  const [old, now] = [namesOf(before), namesOf(after)];
  if (old !== undefined && now !== undefined) {
    const found = [...new Set([...old.keys(), ...now.keys()])].flatMap((name) =>
      pair(`${path}[${JSON.stringify(name)}]`, old.get(name), now.get(name)),
    );
    return found.length > 0 ? found : [{ path, before: [...old.keys()], after: [...now.keys()] }];
  }
  let start = 0;
  while (start < before.length && start < after.length && isDeepStrictEqual(before[start], after[start])) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && isDeepStrictEqual(before.at(-1 - end), after.at(-1 - end))) end++;
  const count = Math.max(before.length, after.length) - start - end;
  return Array.from({ length: count }, (_, offset) => {
    const index = start + offset;
    return pair(
      `${path}[${index}]`,
      index < before.length - end ? before[index] : undefined,
      index < after.length - end ? after[index] : undefined,
    );
  }).flat();
}

function pair(path: string, before: JsonValue | undefined, after: JsonValue | undefined): FieldChange[] {
  if (before === undefined) return after === undefined ? [] : [{ path, after: shown(after) }];
  return after === undefined ? [{ path, before: shown(before) }] : changedFields(before, after, path);
}

/** The entries by name, where each has one of its own. */
function namesOf(list: readonly JsonValue[]): ReadonlyMap<string, JsonValue> | undefined {
  const named = new Map<string, JsonValue>();
  for (const entry of list) {
    const name = isObject(entry) ? entry["name"] : undefined;
    if (typeof name !== "string" || named.has(name)) return undefined;
    named.set(name, entry);
  }
  return named;
}

function memberPath(path: string, key: string): string {
  if (!/^[@\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

function documentIn(value: JsonValue): JsonValue | undefined {
  if (typeof value !== "string" || !/^\s*[{[]/.test(value)) return undefined;
  try {
    return JSON.parse(value) as JsonValue;
  } catch {
    return undefined;
  }
}

function shown(value: JsonValue): JsonValue {
  return typeof value === "string" && value.length > LONGEST ? `${value.slice(0, LONGEST)}... (${value.length} characters)` : value;
}

function isObject(value: JsonValue | undefined): value is Readonly<Record<string, JsonValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
