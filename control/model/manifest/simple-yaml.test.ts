import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { splitDocuments } from "./documents.ts";
import { NOT_SIMPLE, readSimpleYaml } from "./simple-yaml.ts";
import { parseYaml, toValue } from "./yaml-document.ts";

/** What the parser of all YAML makes of it; undefined where anything is wrong. */
function readFully(text: string): { readonly value: unknown } | undefined {
  const parsed = parseYaml(text);
  if ("message" in parsed || parsed.problems.length > 0) return undefined;
  const { value, problems } = toValue(parsed.document);
  return problems.length > 0 ? undefined : { value: value ?? null };
}

function expectSame(text: string): void {
  const simple = readSimpleYaml(text);
  if (simple !== NOT_SIMPLE) expect([text, { value: simple }]).toStrictEqual([text, readFully(text)]);
}

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const DOCUMENTS = globSync(["control/kinds/*/goldens/*.yaml", "docs/examples/**/*.yaml", "filters/*/examples/*.yaml"], {
  cwd: repository,
}).flatMap((file) => splitDocuments(readFileSync(`${repository}/${file}`, "utf8")).map(({ text }) => text));

test("most of what people write is simple", () => {
  const inputs = DOCUMENTS.filter((text) => text.includes("apiVersion:"));
  expect(inputs.filter((text) => readSimpleYaml(text) !== NOT_SIMPLE).length / inputs.length).toBeGreaterThan(0.6);
});

describe("what is read is what the parser of all YAML reads", () => {
  test("of every document of this repository", () => {
    for (const text of DOCUMENTS) expectSame(text);
  });

  test("of those documents with lines moved, cut, indented and mixed", () => {
    const lines = DOCUMENTS.flatMap((text) => text.split("\n")).filter((line) => line.length < 200);
    const line = fc
      .tuple(fc.constantFrom(...lines), fc.integer({ min: -3, max: 3 }), fc.nat(60), fc.boolean())
      .map(([text, shift, cut, whole]) => {
        const moved = shift < 0 ? text.slice(Math.min(-shift, text.length - text.trimStart().length)) : " ".repeat(shift) + text;
        return whole ? moved : moved.slice(0, cut);
      });
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 6 }).map((each) => each.join("\n")),
        expectSame,
      ),
      { numRuns: 1500 },
    );
  });

  test("of pieces of syntax", () => {
    const piece = fc.constantFrom(
      ...[
        "a",
        "b: ",
        "c:",
        "- ",
        "-",
        "\n",
        "\n  ",
        "\n    ",
        "\n- ",
        "\n  - ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ",",
        '"x"',
        "'y'",
        " #z",
        "#",
        "1",
        "0x1F",
        "on",
        "~",
      ],
      ...[
        "http://x:80",
        "*",
        "&",
        "!",
        "|",
        ">",
        "?",
        "...",
        "---",
        "=",
        "<<: ",
        ": ",
        ":",
        "x y",
        "-1",
        "--",
        "a.b/c",
        " ",
        "%",
        "@",
        "`",
        "null",
        "$",
        "^",
        "(",
      ],
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join("")),
        expectSame,
      ),
      { numRuns: 4000 },
    );
  });
});

test("depth beyond the limit is left to the other", () => {
  expect(readSimpleYaml(Array.from({ length: 60 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"))).toBe(NOT_SIMPLE);
  expect(readSimpleYaml(`a: ${"[".repeat(5000)}${"]".repeat(5000)}`)).toBe(NOT_SIMPLE);
});
