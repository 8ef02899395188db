import { expect, test } from "vitest";
import type { Section, SectionResult } from "../sections/section.ts";
import { renderReport, replaceBetweenMarkers, table } from "./markdown.ts";
import { judge, TARGETS, type Target } from "./targets.ts";

const environment = { envoy: "1.40.0", node: "24.0.0", processor: "a processor", pinned: true };
const result: SectionResult = {
  date: "2026-11-01",
  effort: "3 rounds",
  columns: ["job", "µs"],
  rows: [["ours", "1.50"]],
  figures: { "ours/raw-c": 1.05, "ours/lua": NaN, "ours-stateful/raw-c": 1.5 },
  missing: ["Rust crate: this machine has no rustc"],
};
const section: Section = { id: "header-job", title: "The header job", text: "What it is.", run: async () => result };

test("a table escapes what would end a cell", () => {
  expect(table(["a", "b"], [["x|y", "1"]])).toBe("| a | b |\n| --- | ---: |\n| x\\|y | 1 |");
});

test("a report has the design's numbers, a table for each section that ran, and what did not run", () => {
  const text = renderReport({ environment, results: { "header-job": result } }, [section, { ...section, id: "other", title: "Other" }]);
  expect(text).toContain("Envoy 1.40.0, one worker, Node 24.0.0, a processor, Envoys on one core, the client on another.");
  expect(text).toContain("| header job, stateless, of raw C | at most 1.10 | 1.05 | met |  |");
  expect(text).toContain("| header job with a stream record, of raw C | at most 1.20 | 1.50 | **missed** |  |");
  expect(text).toContain("| header job, of Lua | at most 1 | not run |  |  |");
  expect(text).toContain("### The header job\n\nWhat it is.\n\n| job | µs |");
  expect(text).toContain("2026-11-01, 3 rounds.");
  expect(text).toContain("- Not run: Rust crate: this machine has no rustc");
  expect(text).not.toContain("### Other");
});

test.each([
  { name: "below the limit is met", figure: 2, target: {}, met: true },
  { name: "at the limit is met", figure: 3, target: {}, met: true },
  { name: "above the limit is missed", figure: 3.1, target: {}, met: false },
  { name: "below a lower limit is missed", figure: 2, target: { atLeast: true }, met: false },
  { name: "scaled before it is compared", figure: 6, target: { scale: 0.5 }, met: true },
  { name: "what makes no sense is neither met nor missed", figure: NaN, target: {}, met: undefined },
])("a figure $name", ({ figure, target, met }) => {
  const asked: Target = { what: "x", reach: "at most 3", limit: 3, section: "s", figure: "f", unit: "", ...target };
  expect(judge({ s: { ...result, figures: { f: figure } } }, [asked])[0]?.met).toBe(met);
  expect(judge({}, [asked])[0]?.met).toBeUndefined();
});

test("beside a number that is missed stands what its hostcalls cost alone, where that was measured", () => {
  const asked: Target = { what: "x", reach: "at most 3", limit: 3, section: "s", figure: "f", floor: "g", scale: 2, unit: "" };
  const floor = (figures: Readonly<Record<string, number>>) => judge({ s: { ...result, figures } }, [asked])[0]?.floor;
  expect(floor({ f: 5, g: 2 })).toBe(4);
  expect(floor({ f: 1, g: 0.5 })).toBeUndefined();
  expect(floor({ f: 5 })).toBeUndefined();
  expect(floor({ f: 5, g: NaN })).toBeUndefined();
  const results = { mesh: { ...result, figures: { "mesh/raw-c": 3.8, "floor/raw-c": 2.9 } } };
  expect(renderReport({ environment, results }, [])).toContain(
    "| `mesh` with six filters, of raw C | at most 2.5 | 3.80 | **missed** | 2.90 |",
  );
});

test("every target says what it wants in words and in numbers, once", () => {
  expect(new Set(TARGETS.map(({ what }) => what)).size).toBe(TARGETS.length);
  for (const { reach, limit } of TARGETS) expect(reach.replaceAll(",", "")).toContain(String(limit));
});

test("the page keeps what stands around the markers", () => {
  const page = "# Title\n\n<!-- begin: npm run bench -->\nold\n<!-- end: npm run bench -->\n\nrest\n";
  const expected = "# Title\n\n<!-- begin: npm run bench -->\n\nnew\n\n<!-- end: npm run bench -->\n\nrest\n";
  expect(replaceBetweenMarkers(page, "new")).toBe(expected);
  expect(replaceBetweenMarkers(expected, "new")).toBe(expected);
  expect(() => replaceBetweenMarkers("# Title\n", "new")).toThrow("has no place for the table");
});
