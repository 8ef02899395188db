import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { normalizePath } from "./normalize-path.ts";

test("paths become what Envoy made of them under normalize_path", async () => {
  const table = new URL("../../../filters/lib/url/normalize.vectors.json", import.meta.url);
  const { rows } = JSON.parse(await readFile(table, "utf8")) as { rows: Array<[target: string, normalized: string | null]> };
  expect(rows.map(([target]) => [target, normalizePath(target) ?? null])).toEqual(rows.map(([target, normalized]) => [target, normalized]));
});
