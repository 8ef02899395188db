import { expect, test } from "vitest";
import { type MeshObject, objectKey } from "../object.ts";
import { formatProblem } from "../problem.ts";
import type { ObjectChange } from "./object-store.ts";
import { ObjectStore } from "./object-store.ts";
import { boxText, change, kinds } from "./testing.ts";

function names(objects: Iterable<MeshObject>): string[] {
  return [...objects].map(objectKey).sort();
}

function told({ problems }: ObjectChange): string[] {
  return [...problems.values()].flat().map(formatProblem);
}

test("new, changed and removed objects; others are the same ones", () => {
  const store = new ObjectStore(kinds);
  const first = store.apply(change({ "a.yaml": `${boxText("one")}---\n${boxText("two")}` }, true));
  expect(names(first.upserted)).toEqual(["Box/default/one", "Box/default/two"]);
  const two = store.objects.get("Box/default/two");
  const second = store.apply(change({ "a.yaml": boxText("one", "{hosts: [b]}"), "b.yaml": boxText("three") }));
  expect(names(second.upserted)).toEqual(["Box/default/one", "Box/default/three"]);
  expect(second.removed).toEqual([two]);
});

test("an object with an error keeps its last good version, and the others of its file go on", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "a.yaml": `${boxText("one")}---\n${boxText("two")}` }));
  const one = store.objects.get("Box/default/one");
  const { upserted, removed, problems } = store.apply(
    change({ "a.yaml": `${boxText("one", "{hostz: [b]}")}---\n${boxText("two", "{hosts: [c]}")}` }),
  );
  expect(names(upserted)).toEqual(["Box/default/two"]);
  expect(removed).toEqual([]);
  expect(store.objects.get("Box/default/one")).toBe(one);
  expect([...problems.values()].flat().map(formatProblem)).toEqual([
    'a.yaml:4:8: error MW0003 spec.hostz: unknown field "hostz"; did you mean hosts?',
    'a.yaml:4:1: error MW0005 spec: "hosts" is missing: What it is called by.',
  ]);
});

test("a file with a broken document keeps all that it had", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "a.yaml": `${boxText("one")}---\n${boxText("two")}` }));
  const after = store.apply(change({ "a.yaml": `${boxText("one", "{hosts: [b]}")}---\nkind: [` }));
  expect({ ...after, problems: [] }).toEqual({ upserted: [], removed: [], problems: [] });
  expect(told(after)).toHaveLength(1);
  const mended = store.apply(change({ "a.yaml": boxText("one", "{hosts: [b]}") }));
  expect([names(mended.upserted), names(mended.removed), told(mended)]).toEqual([["Box/default/one"], ["Box/default/two"], []]);
});

test("where nothing was good before, the documents that can be read count", () => {
  const store = new ObjectStore(kinds);
  expect(names(store.apply(change({ "a.yaml": `${boxText("one")}---\nkind: [\n---\n${boxText("two")}` })).upserted)).toEqual([
    "Box/default/one",
    "Box/default/two",
  ]);
});

test("nothing is removed while a document does not say what it is about", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "a.yaml": `${boxText("one")}---\n${boxText("two")}` }));
  const after = store.apply(change({ "a.yaml": `${boxText("one", "{hosts: [b]}")}---\n${boxText("two").replace("metadata", "meta")}` }));
  expect([names(after.upserted), names(after.removed)]).toEqual([["Box/default/one"], []]);
});

test("of two with one key the first by file counts, wherever it comes from", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "b.yaml": boxText("one", "{hosts: [b]}") }));
  const after = store.apply(change({ "a.yaml": boxText("one") }));
  expect(after.upserted).toHaveLength(1);
  expect(store.objects.get("Box/default/one")?.place().file).toBe("a.yaml");
  expect(told(after)).toEqual([
    "b.yaml:3:12: error MW0006 metadata.name: Box default/one is defined at a.yaml:3:12 too, and that one counts; rename or remove one",
  ]);
  const gone = store.apply(change({ "a.yaml": "" }));
  expect([gone.removed, gone.upserted.map((each) => each.place().file), told(gone)]).toEqual([[], ["b.yaml"], []]);
});

test("of two in one file too", () => {
  const store = new ObjectStore(kinds);
  const after = store.apply(change({ "a.yaml": `${boxText("one")}---\n${boxText("one", "{hosts: [b]}")}` }));
  expect(after.upserted.map(({ spec }) => spec)).toEqual([{ hosts: ["a"], open: false, colour: undefined }]);
  expect(told(after)).toHaveLength(1);
});

test("a complete change removes what it does not have, but not below what cannot be read", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "a.yaml": boxText("a"), "dir/b.yaml": boxText("b"), "dir2/c.yaml": boxText("c") }));
  const after = store.apply(change({ "d.yaml": boxText("d"), dir: undefined }, true));
  expect([names(after.upserted), names(after.removed)]).toEqual([["Box/default/d"], ["Box/default/a", "Box/default/c"]]);
});

test("what differs in comments only is the same object, and says where it stands now", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "a.yaml": boxText("one") }));
  const one = store.objects.get("Box/default/one");
  const after = store.apply(change({ "a.yaml": `# new\n${boxText("one")}` }));
  expect(after.upserted).toEqual([]);
  expect(store.objects.get("Box/default/one")).toBe(one);
  expect(one?.place(["metadata", "name"])).toEqual({ file: "a.yaml", line: 4, column: 12 });
});

test("what comes of another source is not what a complete change removes", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "a.yaml": boxText("a") }, true), "one");
  store.apply(change({ "b.yaml": boxText("b") }, true), "two");
  expect([...store.objects.keys()].sort()).toEqual(["Box/default/a", "Box/default/b"]);
});

test("an object that turns out to be bad leaves what was good before, and says so where it stands by then", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "a.yaml": boxText("one") }));
  const one = store.objects.get("Box/default/one");
  if (one !== undefined) store.confirm([one]);
  store.apply(change({ "a.yaml": boxText("one", "{hosts: [b]}") }));
  store.apply(change({ "a.yaml": boxText("one", "{hosts: [c]}") }));
  store.apply(change({ "a.yaml": `# a line more\n${boxText("one", "{hosts: [c]}")}` }));
  const bad = store.objects.get("Box/default/one");
  if (bad === undefined) throw new Error("it counts");
  const refused = store.refuse(bad, ["spec", "hosts"], "no good");
  expect(refused.upserted).toEqual([one]);
  expect(store.objects.get("Box/default/one")).toBe(one);
  expect(told(refused)).toEqual(["a.yaml:5:8: error MW0015 spec.hosts: no good"]);
  expect(store.refuse(bad, [], "again").upserted).toEqual([]);
  expect(names(store.apply(change({ "a.yaml": boxText("one", "{hosts: [d]}") })).upserted)).toEqual(["Box/default/one"]);
  expect(store.problems()).toEqual([]);
});

test("a new object that turns out to be bad does not count", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "a.yaml": `${boxText("one")}---\n${boxText("two")}` }));
  const one = store.objects.get("Box/default/one");
  if (one === undefined) throw new Error("it counts");
  expect(names(store.refuse(one, [], "no good").removed)).toEqual(["Box/default/one"]);
  expect(names(store.objects.values())).toEqual(["Box/default/two"]);
});

test("what becomes of a change is seen in another store", () => {
  const store = new ObjectStore(kinds);
  store.apply(change({ "a.yaml": boxText("one"), "b.yaml": boxText("one") }));
  const before = store.problems();
  const fork = store.fork();
  expect(names(fork.apply(change({ "a.yaml": "", "c.yaml": boxText("three") })).upserted)).toEqual([
    "Box/default/one",
    "Box/default/three",
  ]);
  expect(names(store.objects.values())).toEqual(["Box/default/one"]);
  expect(store.problems()).toEqual(before);
});
