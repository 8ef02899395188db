import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { filterFolder } from "../../cli/new-filter/folder.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const pages = globSync(["*.md", "docs/**/*.md", "filters/**/*.md", "harness/**/*.md", "test/**/*.md"], {
  cwd: repository,
  exclude: ["**/node_modules/**"],
});
const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { scripts: Record<string, string> };
const { scripts: scriptsOfNewFilter } = JSON.parse(filterFolder("name", false, "0.0.0").get("package.json") ?? "") as {
  scripts: Record<string, string>;
};

const read = (page: string) => readFileSync(join(repository, page), "utf8");
const withoutCode = (text: string) => text.replaceAll(/^```[^]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");

/** As GitHub makes them: lower case, without punctuation, hyphens for spaces. */
function anchors(page: string): string[] {
  const headings = read(page).match(/^#{1,6} .+$/gm) ?? [];
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );
}

test("there are pages", () => {
  expect(pages).toEqual(expect.arrayContaining(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]));
});

test.each(pages)("the links of %s lead to files and headings that exist", (page) => {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^[a-z]+:/.test(link));
  const broken = links.filter((link) => {
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? page : join(dirname(page), file);
    if (!existsSync(join(repository, target))) return true;
    return anchor !== undefined && target.endsWith(".md") && !anchors(target).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test.each(pages)("the npm scripts that %s names exist", (page) => {
  const there = page === "docs/writing-a-filter.md" ? { ...scripts, ...scriptsOfNewFilter } : scripts;
  const named = [...read(page).matchAll(/\bnpm (?:run ([a-z][\w:-]*)|(start|test)\b)/g)].map(([, run, short]) => run ?? short ?? "");
  expect(named.filter((name) => !Object.hasOwn(there, name))).toEqual([]);
});

test("every npm script sets up first", () => {
  const direct = Object.entries(scripts).filter(([, command]) => !/^node scripts\/(setup|test-envoy)\.mjs\b/.test(command));
  expect(direct).toEqual([]);
});
