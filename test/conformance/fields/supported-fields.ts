import type { Kind } from "../../../control/model/index.ts";
import { rowsOf } from "../../docs/field-tables.ts";

/**
 * The paths of a kind's fields that decide something by themselves: all of the documentation's table but those that are refused, and objects whose fields stand in it one by one.
 */
export function supportedFields(kind: Kind): readonly string[] {
  return rowsOf(kind.fields.members ?? {}).flatMap(({ path, field, same }) => {
    const isWhole = field.type.members !== undefined && Object.keys(field.type.members).length > 0 && same === undefined;
    return field.refused !== undefined || isWhole ? [] : [path.replaceAll("[]", "").replaceAll(".NAME", "")];
  });
}
