import { describe, expect, test } from "vitest";
import { KINDS } from "../../../control/kinds/index.ts";
import { wrongEvidence } from "./evidence.ts";
import { goldenFields } from "./golden-fields.ts";
import { supportedFields } from "./supported-fields.ts";
import { MOST_UNSEEN, PENDING, TABLES } from "./tables.ts";

// Whether a test would fail without the field nobody can tell but a reader, or who breaks the translation; that there is one for each field, this can.

const names = KINDS.map(({ kind }) => kind);

test("every kind has a table", () => {
  expect(names.filter((name) => !(name in TABLES) && !PENDING.includes(name))).toEqual([]);
  expect([...Object.keys(TABLES), ...PENDING].filter((name) => !names.includes(name))).toEqual([]);
});

test("no more fields are unseen than were", () => {
  const unseen = Object.entries(TABLES).flatMap(([name, table]) =>
    Object.entries(table).flatMap(([field, evidence]) =>
      typeof evidence === "object" && "unseen" in evidence ? [`${name} ${field}`] : [],
    ),
  );
  expect(unseen.length, `these are: ${unseen.join(", ")}`).toBe(MOST_UNSEEN);
});

describe.each(Object.entries(TABLES))("%s", (name, table) => {
  const kinds = KINDS.filter(({ kind }) => kind === name);
  const supported = kinds.flatMap(supportedFields);

  test("has a decision in a real Envoy for every field", () => {
    expect(PENDING.includes(name) ? [] : supported.filter((field) => !(field in table))).toEqual([]);
  });

  test("has a golden for every field", () => {
    const found = new Set(kinds.flatMap((kind) => [...goldenFields(kind)]));
    expect(PENDING.includes(name) ? [] : supported.filter((field) => !found.has(field))).toEqual([]);
  });

  test("names no field that is not there", () => {
    expect(Object.keys(table).filter((field) => !supported.includes(field))).toEqual([]);
  });

  test("names tests that are there and speak of the field", () => {
    expect(Object.entries(table).flatMap(([field, evidence]) => wrongEvidence(field, evidence))).toEqual([]);
  });
});
