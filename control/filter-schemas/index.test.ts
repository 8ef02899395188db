import { globSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { filterFiles } from "../../filters/index.ts";
import { formatPath } from "../model/index.ts";
import { builtinFilters, checkFilterConfiguration } from "./index.ts";
import { JsonSchema } from "./json-schema.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

function told(schema: object, value: unknown): string[] {
  return new JsonSchema(schema).check(value).map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

describe("the configuration of every filter", () => {
  test.each(globSync("filters/*/examples/config.json", { cwd: repository }))(
    "%s is good, and without any of its parts as good as another validator says",
    (file) => {
      const name = basename(dirname(dirname(file)));
      if (!builtinFilters().includes(name)) return;
      const { schema = "" } = filterFiles(name);
      const other = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(schema, "utf8")) as object);
      const configuration = JSON.parse(readFileSync(`${repository}/${file}`, "utf8")) as unknown;
      expect(checkFilterConfiguration(name, configuration)).toEqual([]);
      for (const each of variants(configuration))
        expect([each, checkFilterConfiguration(name, each).length === 0]).toEqual([each, other(each)]);
    },
  );
});

/** The value with every part taken away, and put in the place of, once. */
function* variants(value: unknown): Generator {
  yield* [null, 0, -1, 1.5, 1e9, "", "x", true, [], {}, [{}], { x: 1 }];
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) {
      yield value.toSpliced(index, 1);
      for (const variant of variants(each)) yield value.with(index, variant);
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [name, each] of Object.entries(value)) {
      yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
      for (const variant of variants(each)) yield { ...value, [name]: variant };
    }
  }
}

describe("messages", () => {
  test.each<[string, object, unknown, string[]]>([
    ["a wrong type", { type: "string" }, 5, [": expected a string, found 5"]],
    ["several types", { type: ["string", "integer"] }, {}, [": expected a string or an integer, found a mapping"]],
    [
      "a name nearby",
      { additionalProperties: false, properties: { rules: {} } },
      { rulez: 1 },
      ['rulez: unknown field "rulez"; did you mean rules?'],
    ],
    [
      "a choice nearby",
      { enum: ["LIMITED", "ALWAYS"] },
      "LIMITTED",
      [': expected one of LIMITED, ALWAYS, found "LIMITTED"; did you mean LIMITED?'],
    ],
    ["exactly one of fields, none there", { oneOf: [{ required: ["a"] }, { required: ["b"] }] }, {}, [': one of "a", "b" must be there']],
    [
      "exactly one of fields, both there",
      { oneOf: [{ required: ["a"] }, { required: ["b"] }] },
      { a: 1, b: 1 },
      [': "a" and "b" exclude each other; keep one'],
    ],
    [
      "a reference",
      { $defs: { n: { minimum: 1 } }, items: { $ref: "#/$defs/n" } },
      [1, 0],
      ["[1]: 0 is out of range; at least 1 is allowed"],
    ],
  ])("%s", (_, schema, value, messages) => {
    expect(told(schema, value)).toEqual(messages);
  });
});

test("a keyword that is not carried out is refused, wherever it stands", () => {
  expect(() => new JsonSchema({ properties: { a: { items: { format: "date" } } } })).toThrow(
    "#/properties/a/items: the keyword format is not carried out",
  );
});
