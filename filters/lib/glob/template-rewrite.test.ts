import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

interface Table {
  readonly paths: readonly string[];
  readonly rewrites: readonly (readonly [
    template: string,
    rewrite: string,
    results: readonly (readonly [path: string, result: string])[],
  ])[];
  readonly rewritesAccepted: readonly (readonly [template: string, rewrite: string, accepted: boolean])[];
}

const folder = import.meta.dirname;
const table = JSON.parse(await readFile(join(folder, "template.vectors.json"), "utf8")) as Table;

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(folder, "testing.ts")));
});

describe("as Envoy does, a rewrite", () => {
  test.each(table.rewrites)("of %j to %j gives the same paths", (template, rewrite, expected) => {
    expect(calls.number("templateCompile", template)).toBe(0);
    expect(calls.number("rewriteCompile", rewrite)).toBe(0);
    const results = table.paths.flatMap((path) => {
      const query = path.replace(/^[^?]*/s, "");
      const result = calls.text("rewrite", path.slice(0, path.length - query.length));
      return result === null ? [] : [[path, result + query]];
    });
    expect(results).toEqual(expected);
  });

  test.each(table.rewritesAccepted)("of %j to %j is accepted: %j", (template, rewrite, accepted) => {
    calls.number("templateCompile", template);
    expect(calls.number("rewriteCompile", rewrite) === 0).toBe(accepted);
  });
});
