import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

interface Table {
  readonly paths: readonly string[];
  readonly templates: readonly (readonly [template: string, matchingPaths: readonly number[]])[];
  readonly refused: readonly string[];
}

const folder = import.meta.dirname;
const table = JSON.parse(await readFile(join(folder, "template.vectors.json"), "utf8")) as Table;
const STAR_IN_LITERAL = 3;

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(folder, "testing.ts")));
});

function hasStarInLiteral(template: string): boolean {
  const matches = [...template.matchAll(/\{\w+=([^}]*)\}/g)].flatMap((match) => (match[1] ?? "").split("/"));
  const segments = template.replaceAll(/\{[^}]*\}/g, "v").split("/");
  return [...segments, ...matches].some((text) => text.replace(/^\*\*?/, "").includes("*"));
}

function withoutQuery(path: string): string {
  return path.replace(/[?#].*/s, "");
}

describe("as Envoy does, a template", () => {
  test("is taken, but for a star within a literal", () => {
    const refused = table.templates.map(([template]) => template).filter((template) => calls.number("templateCompile", template) !== 0);
    for (const template of refused) expect([template, calls.number("templateCompile", template)]).toEqual([template, STAR_IN_LITERAL]);
    expect(refused).toEqual(table.templates.map(([template]) => template).filter(hasStarInLiteral));
  });

  test("is refused with a message and a place", () => {
    expect(table.refused.filter((template) => calls.number("templateCompile", template) === 0)).toEqual([]);
    for (const template of table.refused) {
      expect(calls.number("messageLength", calls.number("templateCompile", template))).toBeGreaterThan(0);
      expect(calls.number("templateErrorOffset")).toBeLessThanOrEqual(template.length);
    }
  });

  test("matches the same paths", () => {
    for (const [template, expected] of table.templates) {
      if (calls.number("templateCompile", template) !== 0) continue;
      const found = table.paths.filter((path) => calls.bool("templateMatches", withoutQuery(path)));
      expect([template, found]).toEqual([template, expected.map((index) => table.paths[index])]);
    }
  });
});

const literal = fc.constantFrom("a", "b", "a.b", "x+y", "(z)", "%41");
const variable = fc.constantFrom("*", "*", "a", "a/*", "*/b", "a/b");
const segment = fc.oneof(
  literal,
  fc.constant("*"),
  variable.map((match) => `{=${match}}`),
  fc.tuple(literal, literal).map(([before, behind]) => `${before}{=*}${behind}`),
);
const tail = fc.constantFrom("", "/", "/**", "/**.js", "/**/end", "/{=**}", "/a{=**}b", "/{=a/**}/b/c");
const template = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), tail).map(([segments, end]) => {
  let names = 0;
  return `/${segments.join("/")}${end}`.replaceAll("{=", () => `{v${names++}=`);
});
const pathPart = fc.constantFrom(
  "/",
  "/",
  "a",
  "b",
  "a.b",
  ".js",
  "x+y",
  "(z)",
  "%41",
  "end",
  "c",
  "*",
  "=",
  "\u00ff",
  '"',
  "\u0000",
  "/a/b",
);
const path = fc.array(pathPart, { maxLength: 12 }).map((parts) => `/${parts.join("")}`);

describe("for generated templates", () => {
  test("the match is that of a regular expression of the same meaning", () => {
    fc.assert(
      fc.property(template, fc.array(path, { minLength: 5, maxLength: 5 }), (text, paths) => {
        const error = calls.number("templateCompile", text);
        fc.pre(error === 0);
        const expression = translate(text);
        for (const each of paths) expect([each, calls.bool("templateMatches", each)]).toEqual([each, expression.test(each)]);
      }),
      { numRuns: 500 },
    );
  });

  test("nothing traps on any template and any path", () => {
    const part = fc.constantFrom("/", "*", "**", "{", "}", "=", "a", "{a}", "{b=*}", "\u0000", "\u00ff", " ");
    const any = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(any, any, (text, input) => {
        const error = calls.number("templateCompile", text);
        if (error !== 0) expect(calls.number("templateErrorOffset")).toBeLessThanOrEqual(text.length);
        else calls.bool("templateMatches", input);
      }),
      { numRuns: 500 },
    );
  });
});

const CHARACTER = "[a-zA-Z0-9\\-._~%!$&'()*+,;:@=]";

/** Envoy's translation of a template into an expression, written anew: every literal escaped, globs as classes of path characters. */
function translate(text: string): RegExp {
  const parts = text.replaceAll(/\{\w+=([^}]*)\}/g, "$1").split(/(\*\*?)/);
  const source = parts.map((part) => {
    if (part === "*") return `${CHARACTER}+`;
    if (part === "**") return `(?:${CHARACTER}|/)*`;
    return escape(part);
  });
  return new RegExp(`^${source.join("")}$`, "s");
}

function escape(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&");
}
