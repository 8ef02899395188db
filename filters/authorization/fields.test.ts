import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

// Every field of the configuration has a scenario, and so has every key of `when`.

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const schema = JSON.parse(readFileSync(join(import.meta.dirname, "authorization.schema.json"), "utf8")) as Schema;
const scenarios = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".scenarios.ts"))
  .map((name) => readFileSync(join(import.meta.dirname, name), "utf8"))
  .join("\n");

function* fieldsOf({ properties = {}, $defs = {}, items }: Schema): Generator<string> {
  for (const [name, field] of Object.entries(properties)) {
    yield name;
    yield* fieldsOf(field);
  }
  for (const definition of Object.values($defs)) yield* fieldsOf(definition);
  if (items !== undefined) yield* fieldsOf(items);
}

const KEYS = [
  "request.headers[",
  "source.ip",
  "source.namespace",
  "source.principal",
  "source.serviceAccount",
  "remote.ip",
  "request.auth.principal",
  "request.auth.audiences",
  "request.auth.presenter",
  "request.auth.consumer",
  "request.auth.claims[",
  "destination.ip",
  "destination.port",
  "connection.sni",
];

test.each([...new Set(fieldsOf(schema))])("the field %s has a scenario", (field) => {
  expect(scenarios).toMatch(new RegExp(`\\b${field}\\b`));
});

test.each(KEYS)("the key %s has a scenario", (key) => {
  expect(scenarios).toContain(`when("${key}`);
});
