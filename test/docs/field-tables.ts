import type { Field, Members } from "../../control/model/fields/index.ts";
import type { Kind } from "../../control/model/index.ts";

/** A field of a kind with the way to it: `http[].match[].uri`. */
export interface Row {
  readonly path: string;
  readonly field: Field<unknown>;
  /** The way to another field that has the same fields below it. */
  readonly same?: string;
}

/** Every kind's fields as tables, and what is refused in one list. Markdown. */
export function fieldTables(kinds: readonly Kind[]): string {
  const sections = kinds.map((kind) => {
    const rows = rowsOf(kind.fields.members ?? {}).filter(({ field }) => field.refused === undefined);
    return [
      `### ${kind.kind}`,
      "",
      `${versionsOf(kind)}`,
      "",
      ...table(["field", "shape", "default", "what it says"], rows.map(cells)),
      "",
    ].join("\n");
  });
  return [
    ...sections,
    "## What is refused",
    "",
    REFUSED,
    "",
    ...table(["kind", "field", "why, and what to do"], kinds.flatMap(refusals)),
    "",
  ].join("\n");
}

const REFUSED = "Nothing is ignored: an object with one of these fields is refused with this reason, and what was good of it before stays.";

function versionsOf({ group, versions }: Kind): string {
  return versions.map((version) => `\`${group === "" ? version : `${group}/${version}`}\``).join(", ");
}

/** What stands in several places is told once; the others refer to it. */
export function rowsOf(members: Members, prefix = "", told = new Map<Members, string>()): Row[] {
  return Object.entries(members).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const { shape, members: below = {} } = field.type;
    const same = told.get(below);
    if (same !== undefined) return [{ path, field, same }];
    if (Object.keys(below).length > 0) told.set(below, path);
    return [{ path, field }, ...rowsOf(below, `${path}${suffixOf(shape)}.`, told)];
  });
}

function suffixOf(shape: string): string {
  if (shape.startsWith("list of ")) return `[]${suffixOf(shape.slice("list of ".length))}`;
  return shape.startsWith("map of ") ? `.NAME${suffixOf(shape.slice("map of ".length))}` : "";
}

function cells({ path, field, same }: Row): string[] {
  return [
    `\`${path}\``,
    same === undefined ? field.type.shape : `${field.type.shape}, as \`${same}\``,
    field.required ? "required" : fallback(field),
    field.about,
  ];
}

function fallback({ fallback: value, type }: Field<unknown>): string {
  if (value === undefined) return "";
  if (typeof value === "number" && type.shape.startsWith("duration"))
    return `\`${value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`}\``;
  return `\`${typeof value === "string" && value !== "" ? value : JSON.stringify(value)}\``;
}

function refusals(kind: Kind): string[][] {
  return rowsOf(kind.fields.members ?? {})
    .filter(({ field }) => field.refused !== undefined)
    .map(({ path, field }) => [kind.kind, `\`${path}\``, field.refused ?? ""]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (row: readonly string[]) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  // Padded, a long sentence makes every row as long.
  return [
    "<!-- prettier-ignore-start -->",
    "",
    line(head),
    line(head.map(() => "---")),
    ...rows.map(line),
    "",
    "<!-- prettier-ignore-end -->",
  ];
}
