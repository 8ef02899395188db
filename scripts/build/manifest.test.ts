import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readManifest } from "./manifest.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-manifest-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const GOOD = { name: "rate-limit", description: "limits", capabilities: ["proxy_log"], chain: "downstream" };

test("a manifest is read with the fields that others put there", async () => {
  await writeFile(join(folder, "manifest.json"), JSON.stringify(GOOD));
  expect(await readManifest(join(folder, "manifest.json"))).toEqual(GOOD);
});

test.each([
  ["{", "is not JSON"],
  ["[]", "name: "],
  ["null", "must be an object"],
  [JSON.stringify({ ...GOOD, name: "Rate Limit" }), "name: must be in kebab-case"],
  [JSON.stringify({ ...GOOD, description: "" }), "description: "],
  [JSON.stringify({ ...GOOD, capabilities: [1] }), "capabilities: "],
  [JSON.stringify({ ...GOOD, maxSize: "1 MB" }), "maxSize: "],
])("%s is refused with the file and the field", async (text, problem) => {
  const path = join(folder, "manifest.json");
  await writeFile(path, text);
  await expect(readManifest(path)).rejects.toThrow(problem);
  await expect(readManifest(path)).rejects.toThrow(path);
});
