import type { Kind } from "../../../control/model/index.ts";
import { type Row, rowsOf } from "../../docs/field-tables.ts";

/** The path of a field as the documentation's table has it, without the marks of lists and maps: `http.retries.attempts`. */
export function pathOf({ path }: Row): string {
  return path.replaceAll("[]", "").replaceAll(".NAME", "");
}

/**
 * The paths of a kind's fields that decide something by themselves: all of the documentation's table but those that are refused, and objects whose fields stand in it one by one.
 */
export function supportedFields(kind: Kind): readonly string[] {
  return rowsOf(kind.fields.members ?? {}).flatMap((row) => {
    const { field, same } = row;
    const isWhole = Object.keys(field.type.members ?? {}).length > 0 && same === undefined;
    return field.refused !== undefined || isWhole ? [] : [pathOf(row)];
  });
}
