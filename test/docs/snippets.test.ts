import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { filterFolder } from "../../cli/new-filter/folder.ts";

// What the pages show as code is what there is.

const repository = fileURLToPath(new URL("../..", import.meta.url));
const pages = globSync(["*.md", "docs/**/*.md", "filters/**/*.md", "harness/**/*.md", "test/**/*.md"], {
  cwd: repository,
  exclude: ["**/node_modules/**"],
});

function blocks(page: string, language: string): string[] {
  const text = readFileSync(join(repository, page), "utf8");
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```/gm)].flatMap(([, of, block = ""]) => (of === language ? [block] : []));
}

const shown = blocks("docs/writing-a-filter.md", "ts");

test("the page about writing a filter shows its sources", () => {
  expect(shown.length).toBeGreaterThanOrEqual(4);
});

test.each(shown)("`meshwright new filter` lays down what the page shows: %#", (block) => {
  const sources = [...filterFolder("header-guard", false, "0.0.0").values()];
  expect(
    sources.some((source) => source.includes(block)),
    block,
  ).toBe(true);
});

const data = pages.flatMap((page) =>
  ["yaml", "json"].flatMap((language) => blocks(page, language).map((block) => [page, language, block] as const)),
);

test("pages show data", () => {
  expect(data.length).toBeGreaterThan(0);
});

test.each(data)("%s: its %s can be read", (_page, language, block) => {
  if (language === "json") JSON.parse(block);
  else
    expect(parseAllDocuments(block, { uniqueKeys: true }).flatMap((document) => document.errors.map(({ message }) => message))).toEqual([]);
});
