import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

interface Table {
  readonly rows: readonly (readonly [query: string, first: string | null])[];
}

const folder = import.meta.dirname;
const { rows } = JSON.parse(await readFile(join(folder, "query.vectors.json"), "utf8")) as Table;

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(folder, "testing.ts")));
});

/** What the function gives for 0, 1, 2 and so on until it gives null. */
function all(name: string, ...values: string[]): string[] {
  const found: string[] = [];
  for (let text = calls.text(name, ...values, 0); text !== null; text = calls.text(name, ...values, found.length)) found.push(text);
  return found;
}

test("the first value is the one that Envoy's route matched", () => {
  expect(rows.map(([query]) => [query, calls.text("queryParameter", query, "v")])).toEqual(rows);
});

describe("the parameters of a query", () => {
  test.each([
    ["", []],
    ["a", ["a"]],
    ["a&", ["a"]],
    ["&a", ["", "a"]],
    ["a&&b=c", ["a", "", "b"]],
    ["=x", [""]],
    ["a=1;b=2&c", ["a", "c"]],
  ])("of %j are called %j", (query, names) => {
    expect(all("queryName", query)).toEqual(names);
  });

  test("keep every value of a repeated name, in order and as sent", () => {
    expect(all("queryValue", "v=1&w=0&v&v=%41&V=9&v=a=b", "v")).toEqual(["1", "", "%41", "a=b"]);
  });

  test("are those of a split at & and the first =", () => {
    const query = fc.string({ unit: fc.constantFrom("v", "=", "&", "%", ";", "\u00ff", "\u0000", "x") });
    fc.assert(
      fc.property(query, fc.constantFrom("v", "", "x", "vx"), (input, name) => {
        const pairs = input.split("&").map((part) => /^([^=]*)=?(.*)$/s.exec(part)?.slice(1) ?? []);
        if (input === "" || input.endsWith("&")) pairs.pop();
        expect(all("queryName", input)).toEqual(pairs.map((pair) => pair[0]));
        const values = pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
        expect(all("queryValue", input, name)).toEqual(values);
        expect(calls.text("queryParameter", input, name)).toBe(values[0] ?? null);
      }),
    );
  });
});
