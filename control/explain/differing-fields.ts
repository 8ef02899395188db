import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "@bufbuild/protobuf";
import { type FieldPath, formatPath } from "../model/index.ts";

/**
 * Where two messages in proto3 JSON differ: the innermost fields, `virtualHosts[0].routes[1].route.cluster`. A list that is longer or shorter in one of them is told as a whole, because which of its entries
 * came or went is often no question with one answer.
 *
 * @param most of paths; the rest is left out
 */
export function differingFields(a: JsonValue, b: JsonValue, most: number): readonly string[] {
  const found: string[] = [];
  collect(a, b, [], (path) => found.push(formatPath(path)) < most);
  return found.slice(0, most);
}

/** @param tell gives false when no more is wanted */
function collect(a: JsonValue | undefined, b: JsonValue | undefined, path: FieldPath, tell: (path: FieldPath) => boolean): boolean {
  if (isDeepStrictEqual(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length)
    return a.every((entry, index) => collect(entry, b[index], [...path, index], tell));
  if (isMessage(a) && isMessage(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.every((key) => collect(a[key], b[key], [...path, key], tell));
  }
  return tell(path);
}

function isMessage(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
