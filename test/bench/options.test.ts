import { expect, test } from "vitest";
import { parseOptions, USAGE } from "./options.ts";
import { SECTIONS } from "./sections/index.ts";

test("a whole run writes the page, a quick or partial one only when told to", () => {
  expect(parseOptions([])).toMatchObject({ only: undefined, write: true, rounds: 7, requests: 1_000_000 });
  expect(parseOptions(["--quick"])).toMatchObject({ write: false, rounds: 3 });
  expect(parseOptions(["--only", "routing,memory"])).toMatchObject({ only: ["routing", "memory"], write: false });
  expect(parseOptions(["--only", "routing", "--write"])).toMatchObject({ write: true });
});

test.each(["0", "1.5", "many"])("%s rounds are refused", (rounds) => {
  expect(() => parseOptions(["--rounds", rounds])).toThrow(`--rounds ${rounds}: not a whole number above 0`);
});

test("an unknown option is refused", () => {
  expect(() => parseOptions(["--fast"])).toThrow("--fast");
});

test("the help names every section", () => {
  const named = /sections \(([^)]*)\)/.exec(USAGE)?.[1]?.split(/,\s+/);
  expect(named).toEqual(SECTIONS.map(({ id }) => id));
});
