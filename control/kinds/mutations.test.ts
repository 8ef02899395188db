import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import type { Kind, Manifest } from "../model/index.ts";
import { Kinds, readObject } from "../model/objects/index.ts";
import { KINDS } from "./index.ts";
import { defaultMeshSettings } from "./mesh-config/index.ts";

// No document of any kind throws, whatever stands in it: goldens with a part in the place of another, or with something else.

const place = () => ({ file: "mutated.yaml", line: 1, column: 1 });

function documentsOf(kind: Kind): readonly unknown[] {
  const folder = join(import.meta.dirname, kind.kind.replace(/(?<=.)[A-Z]/g, (letter) => `-${letter}`).toLowerCase(), "goldens");
  if (!existsSync(folder)) return [];
  const inputs = readdirSync(folder).filter((file) => file.endsWith(".yaml") && !file.endsWith(".out.yaml"));
  return inputs.flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder, file), "utf8")).map((document) => document.toJS() as unknown),
  );
}

const anything = fc.oneof(
  fc.constantFrom(
    null,
    "",
    "*",
    "a.b",
    "0s",
    "1h",
    -1,
    0,
    1e308,
    true,
    "\u0000",
    [],
    {},
    [[]],
    [null],
    { "": "" },
    "10.0.0.1",
    "unix://",
    4294967296,
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

/** A copy in which what stands at a path, or the nearest of its parents, is another value. */
function replaced(value: unknown, path: readonly number[], by: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== "object" || value === null) return by;
  if (Array.isArray(value))
    return value.length === 0
      ? [by]
      : value.map((entry, index) => (index === step % value.length ? replaced(entry, rest, by) : (entry as unknown)));
  const keys = Object.keys(value);
  const key = keys[step % Math.max(1, keys.length)];
  return key === undefined ? { added: by } : { ...value, [key]: replaced((value as Record<string, unknown>)[key], rest, by) };
}

test.for(KINDS.filter((kind) => documentsOf(kind).length > 0).map((kind) => [kind.kind, kind] as const))("%s", ([, kind]) => {
  const kinds = new Kinds([kind]);
  const path = fc.array(fc.nat(20), { minLength: 2, maxLength: 9 });
  fc.assert(
    fc.property(
      fc.constantFrom(...documentsOf(kind)),
      fc.array(fc.tuple(path, anything), { minLength: 1, maxLength: 3 }),
      (document, changes) => {
        const value = changes.reduce<unknown>((now, [at, by]) => replaced(now, at, by), document);
        if (typeof value !== "object" || value === null || Array.isArray(value)) return;
        const manifest: Manifest = {
          value: { ...value, apiVersion: (document as Record<string, unknown>)["apiVersion"], kind: kind.kind },
          place,
        };
        const { object, problems } = readObject(manifest, kinds);
        if (object === undefined) expect(problems.some(({ level }) => level === "error")).toBe(true);
        else kind.contribute(object, defaultMeshSettings);
      },
    ),
    { numRuns: 300 },
  );
});
