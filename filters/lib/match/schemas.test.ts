import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";

// A schema stands for itself, so that each filter's repeats the match syntax: it must be the same in all.

interface Schema {
  readonly $defs?: Readonly<Record<string, unknown>>;
}

const filters = join(import.meta.dirname, "../..");
const read = (file: string) => (JSON.parse(readFileSync(join(filters, file), "utf8")) as Schema).$defs ?? {};
const syntaxOf = ({ match, stringMatch, bucketing }: Readonly<Record<string, unknown>>) => ({ match, stringMatch, bucketing });
const schemas = globSync("*/*.schema.json", { cwd: filters }).filter((file) => "match" in read(file) && "bucketing" in read(file));

test("several filters have it", () => {
  expect(schemas.map((file) => basename(file))).toEqual(expect.arrayContaining(["fault.schema.json", "routing.schema.json"]));
});

test.each(schemas)("the match syntax of %s is that of routing", (file) => {
  expect(syntaxOf(read(file))).toEqual(syntaxOf(read("routing/routing.schema.json")));
});
