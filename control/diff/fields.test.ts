import { expect, test } from "vitest";
import { changedFields } from "./fields.ts";

test("fields that differ, are new or gone, with their paths", () => {
  expect(changedFields({ a: 1, b: { c: "x", d: [1] }, gone: true }, { a: 2, b: { c: "x", d: [1, 2] }, "x-new": null })).toEqual([
    { path: "a", before: 1, after: 2 },
    { path: "b.d[1]", after: 2 },
    { path: "gone", before: true },
    { path: "x-new", after: null },
  ]);
});

test("what is the same gives nothing", () => {
  expect(changedFields({ a: [{ b: 1 }] }, { a: [{ b: 1 }] })).toEqual([]);
});

test("entries with names are compared by them, wherever they stand", () => {
  const before = [
    { name: "a", weight: 1 },
    { name: "b", weight: 2 },
  ];
  const after = [
    { name: "c", weight: 3 },
    { name: "b", weight: 4 },
  ];
  expect(changedFields({ list: before }, { list: after })).toEqual([
    { path: 'list["a"]', before: { name: "a", weight: 1 } },
    { path: 'list["b"].weight', before: 2, after: 4 },
    { path: 'list["c"]', after: { name: "c", weight: 3 } },
  ]);
  expect(changedFields(before, before.toReversed())).toEqual([{ path: "", before: ["a", "b"], after: ["b", "a"] }]);
});

test("one that is put between others without names is the only one that differs", () => {
  expect(changedFields({ routes: [1, 2, 3] }, { routes: [1, 9, 2, 3] })).toEqual([{ path: "routes[1]", after: 9 }]);
  expect(changedFields({ routes: [1, 1] }, { routes: [1] })).toEqual([{ path: "routes[1]", before: 1 }]);
});

test("configuration of filters is JSON in a text, and is looked into", () => {
  const before = { value: '{"policies": [{"name": "a", "action": "ALLOW"}]}' };
  expect(changedFields(before, { value: '{"policies":[{"name":"a","action":"DENY"}]}' })).toEqual([
    { path: 'value.policies["a"].action', before: "ALLOW", after: "DENY" },
  ]);
  expect(changedFields(before, { value: '{"policies":[{"name":"a","action":"ALLOW"}]}' })).toHaveLength(1);
  expect(changedFields({ value: "{no" }, { value: "{yes" })).toEqual([{ path: "value", before: "{no", after: "{yes" }]);
});

test("long texts, as modules are, are cut", () => {
  const [change] = changedFields({ bytes: "a".repeat(1_000) }, { bytes: "b" });
  expect(change?.before).toMatch(/^a{400}\.\.\. \(1000 characters\)$/);
});
