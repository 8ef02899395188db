import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { FieldType, Members } from "../../../control/model/fields/index.ts";
import { isMapping } from "../../../control/model/fields/index.ts";
import type { Kind } from "../../../control/model/index.ts";
import { rowsOf } from "../../docs/field-tables.ts";
import { pathOf } from "./supported-fields.ts";

const CONTROL = join(import.meta.dirname, "../../../control");

/** Documents of all goldens of kinds and of translations; not those that are there for their mistakes. */
const DOCUMENTS = globSync("**/goldens/*.yaml", { cwd: CONTROL })
  .filter((file) => !/(^|\/)mistakes\.yaml$|\.out\.yaml$/.test(file))
  .flatMap((file) => documentsOf(readFileSync(join(CONTROL, file), "utf8")))
  .filter(isMapping);

function documentsOf(text: string): readonly unknown[] {
  return parseAllDocuments(text).map((document) => document.toJS() as unknown);
}

/** The fields of a kind that stand in a golden: their paths as {@link pathOf} has them. What the table tells of one place for several is found in any of them; names may be in snake_case. */
export function goldenFields(kind: Kind): ReadonlySet<string> {
  const places = new Map<Members, string>([[kind.fields.members ?? {}, ""]]);
  for (const row of rowsOf(kind.fields.members ?? {}))
    if (row.same === undefined && row.field.type.members !== undefined) places.set(row.field.type.members, `${pathOf(row)}.`);
  const found = new Set<string>();
  const visit = ({ members, shape }: Pick<FieldType<unknown>, "members" | "shape">, value: unknown): void => {
    if (Array.isArray(value)) for (const entry of value) visit({ members, shape: shape.slice("list of ".length) }, entry);
    else if (!isMapping(value) || members === undefined) return;
    else if (shape.startsWith("map of "))
      for (const entry of Object.values(value)) visit({ members, shape: shape.slice("map of ".length) }, entry);
    else
      for (const [name, { type }] of Object.entries(members)) {
        const key: string = name in value ? name : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
        if (!(key in value)) continue;
        found.add(`${places.get(members) ?? ""}${name}`);
        visit(type, value[key]);
      }
  };
  for (const document of DOCUMENTS.filter((each) => each["kind"] === kind.kind))
    visit(kind.fields, kind.body === "spec" ? document["spec"] : document);
  return found;
}
