import type { EnvoyPatch } from "../../model/index.ts";

/** Where something goes in a list, or what it takes the place of. */
export interface Target {
  /** Before what it is inserted (INSERT_BEFORE), or after what (INSERT_AFTER); undefined where nothing is there by that name. */
  readonly index: number | undefined;
  /** Whether the patch names anything at all. */
  readonly isNamed: boolean;
}

/**
 * Inserts into a list of filters or routes, as Istio does: without a name in the match before everything or behind it.
 *
 * @param last index before which what has no place of its own goes
 */
export function insert<T>(
  list: T[],
  { operation }: Pick<EnvoyPatch, "operation">,
  value: T,
  { index, isNamed }: Target,
  last = list.length,
): boolean {
  if (operation === "ADD") return put(list, last, value);
  if (isNamed && index === undefined) return false;
  switch (operation) {
    case "INSERT_FIRST":
      return put(list, 0, value);
    case "INSERT_BEFORE":
      return put(list, index ?? 0, value);
    case "INSERT_AFTER":
      return put(list, index === undefined ? last : index + 1, value);
    default:
      return false;
  }
}

function put<T>(list: T[], index: number, value: T): true {
  list.splice(index, 0, value);
  return true;
}

/** Takes out what a test finds; whether there was any. */
export function removeFrom<T>(list: T[], isMeant: (each: T) => boolean): boolean {
  const kept = list.filter((each) => !isMeant(each));
  if (kept.length === list.length) return false;
  list.splice(0, list.length, ...kept);
  return true;
}

/** Of a test's first hit; undefined where there is none. */
export function indexIn<T>(list: readonly T[], isMeant: (each: T) => boolean): number | undefined {
  const index = list.findIndex(isMeant);
  return index < 0 ? undefined : index;
}
