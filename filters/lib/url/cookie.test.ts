import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

interface Table {
  readonly rows: readonly (readonly [header: string, first: string | null])[];
}

const folder = import.meta.dirname;
const { rows } = JSON.parse(await readFile(join(folder, "cookie.vectors.json"), "utf8")) as Table;

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(folder, "testing.ts")));
});

function names(header: string): string[] {
  const found: string[] = [];
  for (let name = calls.text("cookieName", header, 0); name !== null; name = calls.text("cookieName", header, found.length))
    found.push(name);
  return found;
}

test("the first value is the one that Envoy's route matched", () => {
  expect(rows.map(([header]) => [header, calls.text("cookie", header, "v")])).toEqual(rows);
});

describe("the cookie a", () => {
  test.each([
    ["a=1", "1"],
    ["b=2; a=1; a=3", "1"],
    ["b=2;a=1", "1"],
    ["b=2;   a=1", "1"],
    ["a=", ""],
    ['a="1"', "1"],
    ['a="', '"'],
    ['a="1', '"1'],
    ["a=b=c", "b=c"],
    ["a=1 ; b=2", "1 "],
    ["a; a=1", "1"],
    ["A=1", null],
    ["aa=1; ba=2", null],
    ["a", null],
    [";;", null],
    ["", null],
  ])("of %j is %j", (header, value) => {
    expect(calls.text("cookie", header, "a")).toBe(value);
  });

  test("is what splitting at ; and the first = gives", () => {
    const header = fc.string({ unit: fc.constantFrom("a", "b", "=", ";", " ", '"', "\u00ff", "\u0000") });
    fc.assert(
      fc.property(header, (input) => {
        const pairs = input.split(";").flatMap((part) => [/^ *([^=]*)=(.*)$/s.exec(part) ?? []].filter((match) => match.length > 0));
        expect(names(input)).toEqual(pairs.map((pair) => pair[1]));
        const value = pairs.find((pair) => pair[1] === "a")?.[2];
        expect(calls.text("cookie", input, "a")).toBe(value?.replace(/^"(.*)"$/s, "$1") ?? null);
      }),
    );
  });
});
