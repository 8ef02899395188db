import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const read = (file: string) => readFileSync(join(import.meta.dirname, file), "utf8");

/** The names of all properties that a schema describes, at any depth. */
function fieldsOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => [
    ...(key === "properties" ? Object.keys(value as object) : []),
    ...fieldsOf(value),
  ]);
}

const fields = [...new Set(fieldsOf(JSON.parse(read("authentication.schema.json"))))].toSorted();
const scenarios = globSync("*.scenarios.ts", { cwd: import.meta.dirname })
  .map(read)
  .join("\n");

test.each(fields)("the field %s has a scenario, which runs on the host and in Envoy", (field) => {
  expect(scenarios).toMatch(new RegExp(`\\b${field}\\b`));
});

test.each(fields)("the field %s stands in the page", (field) => {
  expect(read("README.md")).toMatch(new RegExp(`\\b${field}\\b`));
});
