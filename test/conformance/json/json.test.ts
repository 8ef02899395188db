import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { type Assembly, loadAssembly } from "../../../filters/testing/assembly.ts";
import { DIFFERENCES, READERS_CHOICE, type Verdict, VERDICTS } from "./expectations.ts";

const folder = join(import.meta.dirname, "cases");
const cases = readdirSync(folder).filter((name) => name.endsWith(".json"));
const casesOf = (kind: "y_" | "n_" | "i_") => cases.filter((name) => name.startsWith(kind));

// The limits of a configuration (filters/lib/config).
const MAX_SIZE = 1 << 20;
const MAX_DEPTH = 64;

let assembly: Assembly;

beforeAll(async () => {
  assembly = await loadAssembly(fileURLToPath(new URL("../../../filters/lib/json/testing.ts", import.meta.url)));
});

function verdict(name: string): Verdict {
  assembly.reset();
  const { pointer, length } = assembly.write(readFileSync(join(folder, name)));
  const error: number | undefined = assembly.exports["parse"]?.(pointer, length, MAX_SIZE, MAX_DEPTH);
  const found = VERDICTS[error ?? -1];
  if (found === undefined) throw new Error(`${name}: JsonError ${error} has no name in expectations.ts`);
  return found;
}

test("the suite is whole", () => {
  expect([casesOf("y_").length, casesOf("n_").length, casesOf("i_").length, cases.length]).toEqual([95, 188, 35, 318]);
});

describe("what must be accepted", () => {
  test.each(casesOf("y_").filter((name) => !Object.hasOwn(DIFFERENCES, name)))("%s", (name) => {
    expect(verdict(name)).toBe("accepted");
  });
});

describe("what must be refused", () => {
  test.each(casesOf("n_").filter((name) => !Object.hasOwn(DIFFERENCES, name)))("%s", (name) => {
    expect(verdict(name)).not.toBe("accepted");
  });
});

describe("what differs on purpose", () => {
  test.each(Object.entries(DIFFERENCES))("%s: %s", (name, expected) => {
    expect(cases, "a case of the suite").toContain(name);
    const found = verdict(name);
    const differs = name.startsWith("y_") ? found !== "accepted" : found === "accepted";
    expect(differs, `${name} ends as the suite wants: take it out of DIFFERENCES in expectations.ts`).toBe(true);
    expect(found).toBe(expected);
  });
});

describe("what the suite leaves to the reader", () => {
  test("is all listed", () => {
    expect(Object.keys(READERS_CHOICE).toSorted()).toEqual(casesOf("i_").toSorted());
  });

  test.each(Object.entries(READERS_CHOICE))("%s: %s", (name, expected) => {
    expect(verdict(name)).toBe(expected);
  });
});
