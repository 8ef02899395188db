import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { virtualService } from "../../../kinds/virtual-service/index.ts";
import type { Members } from "../../../model/fields/index.ts";

/** Names of all fields that are carried out, at whatever depth. */
function namesOf(members: Members, told = new Set<Members>()): readonly string[] {
  if (told.has(members)) return [];
  told.add(members);
  return Object.entries(members).flatMap(([name, { refused, type }]) =>
    refused === undefined ? [name, ...namesOf(type.members ?? {}, told)] : [],
  );
}

// What a scenario asserts of a field nobody can tell but a reader; that there is one for each, this can.
test("no field of VirtualService is without a scenario in a real Envoy", () => {
  const files = globSync("{route,listener}/*.scenarios.ts", { cwd: join(import.meta.dirname, "..") });
  const scenarios = files.map((file) => readFileSync(join(import.meta.dirname, "..", file), "utf8")).join("\n");
  const names = [...new Set(namesOf(virtualService.fields.members ?? {}))];
  expect(names.length).toBeGreaterThan(70);
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(scenarios))).toEqual([]);
});
