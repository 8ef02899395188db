import fc from "fast-check";
import { expect, test } from "vitest";
import { objectKey } from "../object.ts";
import { ObjectStore } from "./object-store.ts";
import { boxText, change, kinds, sourceFile } from "./testing.ts";

test("a thousand objects with one bad: the others are there, and the reason is told once", () => {
  const files = Object.fromEntries(
    Array.from({ length: 1000 }, (_, n) => [`${n}.yaml`, boxText(`box-${n}`, n === 500 ? "{hosts: 5}" : "{hosts: [a]}")]),
  );
  const store = new ObjectStore(kinds);
  const { upserted } = store.apply(change(files, true));
  expect(upserted).toHaveLength(999);
  expect(store.problems().map(({ file, message }) => `${file}: ${message}`)).toEqual(["500.yaml: expected a list, found 5"]);
});

const GOOD = ["{hosts: [a]}", "{hosts: [b], open: true}", "{hosts: [c], colour: grey}"];
const BAD = ["{hosts: 5}", "{hostz: [a]}", '{hosts: ["*"]}', "{hosts: [a], lid: x}", "[]", "{hosts: [a], hosts: [b]}"];
const document = fc
  .tuple(fc.constantFrom("one", "two", "three", "Four"), fc.constantFrom(...GOOD, ...GOOD, ...BAD))
  .map(([name, spec]) => boxText(name, spec));
const junk = fc.constantFrom("kind: [", "- a", "apiVersion: apps/v1\nkind: Deployment\n", "meta: {}", "# nothing", "\t", "a: *b");
const content = fc
  .array(fc.oneof({ weight: 5, arbitrary: document }, { weight: 1, arbitrary: junk }), { maxLength: 4 })
  .map((each) => each.join("\n---\n"));
const edit = fc.record({ file: fc.constantFrom("a.yaml", "b.yaml", "c.yaml"), content: fc.option(content, { nil: undefined }) });

test("whatever is written: what is handed on is exactly what changed, and everything that was good somewhere stays until it is taken out", () => {
  fc.assert(
    fc.property(fc.array(fc.array(edit, { minLength: 1, maxLength: 3 }), { maxLength: 8 }), (batches) => {
      const store = new ObjectStore(kinds);
      const seen = new Map<string, unknown>();
      for (const batch of batches) {
        const { upserted, removed } = store.apply(change(Object.fromEntries(batch.map(({ file, content: text }) => [file, text]))));
        for (const object of upserted) {
          expect(seen.get(objectKey(object))).not.toBe(object);
          seen.set(objectKey(object), object);
        }
        for (const object of removed) expect(seen.delete(objectKey(object))).toBe(true);
        expect(seen).toEqual(store.objects);
        for (const { line, column } of store.problems()) expect(Math.min(line, column)).toBeGreaterThan(0);
      }
    }),
    { numRuns: 300 },
  );
});

test("once every file is good, the history is forgotten: the objects are those of a store that sees the files for the first time", () => {
  const good = fc
    .array(fc.tuple(fc.constantFrom("one", "two", "three"), fc.constantFrom(...GOOD)), { maxLength: 3 })
    .map((each) => each.map(([name, spec]) => boxText(name, spec)).join("---\n"));
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 6 }), fc.record({ "a.yaml": good, "b.yaml": good, "c.yaml": good }), (edits, files) => {
      const old = new ObjectStore(kinds);
      for (const { file, content: text } of edits) old.apply({ files: [sourceFile(file, text)], complete: false });
      old.apply(change(files, true));
      const fresh = new ObjectStore(kinds);
      fresh.apply(change(files, true));
      const plain = (store: ObjectStore) => [...store.objects].map(([key, { spec, place }]) => [key, spec, place()]).sort();
      expect(plain(old)).toEqual(plain(fresh));
      expect(old.problems()).toEqual(fresh.problems());
    }),
    { numRuns: 300 },
  );
});
