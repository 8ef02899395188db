import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadAssembly } from "../../testing/assembly.ts";
import { ByteCalls } from "../../testing/byte-calls.ts";

interface Table {
  readonly rows: readonly (readonly (string | null)[])[];
}

const folder = import.meta.dirname;
const { rows } = JSON.parse(await readFile(join(folder, "normalize.vectors.json"), "utf8")) as Table;
const KEEP = 0;
const REJECT = 1;
const UNESCAPE = 2;

let calls: ByteCalls;

beforeAll(async () => {
  calls = new ByteCalls(await loadAssembly(join(folder, "testing.ts")));
});

function canonicalPath(target: string, normalize: boolean, merge: boolean, escapedSlashes: number): string | null {
  return calls.text("canonicalPath", target, Number(normalize), Number(merge), escapedSlashes);
}

/** Compares a column of the table with what the same settings give here. */
function expectColumn(column: number, compute: (target: string) => string | null): void {
  const expected = rows.map((row) => [row[0], row[column]]);
  expect(rows.map((row) => [row[0], compute(row[0] ?? "")])).toEqual(expected);
}

describe("each target becomes what Envoy made of it", () => {
  test("under normalize_path", () => expectColumn(1, (target) => canonicalPath(target, true, false, KEEP)));
  test("under merge_slashes", () => expectColumn(2, (target) => canonicalPath(target, false, true, KEEP)));
  test("under UNESCAPE_AND_FORWARD", () => expectColumn(3, (target) => canonicalPath(target, false, false, UNESCAPE)));
  test("under all three", () => expectColumn(4, (target) => canonicalPath(target, true, true, UNESCAPE)));
  test("under REJECT_REQUEST", () => expectColumn(5, (target) => canonicalPath(target, true, true, REJECT)));
});

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const token = fc.oneof(
  byte,
  fc.constantFrom("/", "//", ".", "..", "%2e", "%2E", "\\", "%5c", "%2f", "%41", "%", "%0", "?", ";", "/..;", "a"),
);
const target = fc.array(token, { maxLength: 30 }).map((parts) => parts.join(""));

describe("for any bytes", () => {
  test("nothing traps, and no byte becomes more than three", () => {
    fc.assert(
      fc.property(
        target,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: KEEP, max: UNESCAPE }),
        (input, normalize, merge, escapedSlashes) => {
          const path = canonicalPath(input, normalize, merge, escapedSlashes);
          expect(path?.length ?? 0).toBeLessThanOrEqual(input.length * 3 + 1);
        },
      ),
    );
  });

  test("a normalised path begins with a slash and has no dot segment and no backslash", () => {
    fc.assert(
      fc.property(target, (input) => {
        const path = canonicalPath(input, true, true, UNESCAPE)?.split("?", 1)[0];
        if (path === undefined) return;
        expect(path).toMatch(/^\/[\x21-\x7e]*$/);
        expect(path.split("/").filter((segment) => segment === "." || segment === "..")).toEqual([]);
        expect(path).not.toContain("\\");
      }),
    );
  });

  test("the query is never touched", () => {
    fc.assert(
      fc.property(target, target, (path, query) => {
        const before = path.replaceAll("?", "");
        expect(canonicalPath(`${before}?${query}`, true, true, UNESCAPE)?.split("?").slice(1).join("?") ?? query).toBe(query);
      }),
    );
  });
});
