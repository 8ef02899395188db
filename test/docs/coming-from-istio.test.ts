import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { expect, test } from "vitest";
import { KINDS } from "../../control/kinds/index.ts";
import { fieldTables } from "./field-tables.ts";

const page = fileURLToPath(new URL("../../docs/coming-from-istio.md", import.meta.url));
const MARK = "<!-- generated from the kinds: npm run golden -->\n";

test("the page has the fields of every kind, as the kinds have them", async () => {
  const [before = ""] = readFileSync(page, "utf8").split(MARK);
  const text = await format(`${before}${MARK}\n${fieldTables(KINDS)}`, { ...(await resolveConfig(page)), parser: "markdown" });
  await expect(text, "run `npm run golden` where this is as it should be").toMatchFileSnapshot(page);
});
