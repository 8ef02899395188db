import { describe, expect, test } from "vitest";
import { formatProblem, type Source, type SourceChange, type SourceFile } from "../../model/index.ts";

/** A source that stands on nothing yet, and the way to change what it reads. */
export interface SourceUnderTest {
  readonly source: Source;
  /** Sets the text of files; undefined removes them. All at one moment, as far as that is possible. */
  readonly write: (files: Readonly<Record<string, string | undefined>>) => Promise<void> | void;
  /** A file as problems name it. */
  readonly name: (file: string) => string;
}

/** What holds for every source: one body, all of them. */
export function describeSource(name: string, make: () => Promise<SourceUnderTest>): void {
  describe(name, () => {
    test("hands over everything that is there, complete, before it has started", async () => {
      await using started = await start(make, { "a.yaml": doc("a"), "sub/b.yaml": `${doc("b")}---\n${doc("c")}` });
      expect(started.changes).toHaveLength(1);
      expect(started.changes[0]?.complete).toBe(true);
      expect(started.names()).toEqual([["a.yaml: a", "sub/b.yaml: b c"]]);
    });

    test("hands over an empty mesh too", async () => {
      await using started = await start(make, {});
      expect(started.changes).toEqual([{ files: [], complete: true }]);
    });

    test("hands over the files that changed, once, and no others", async () => {
      await using started = await start(make, { "a.yaml": doc("a"), "b.yaml": doc("b"), "c.yaml": doc("c") });
      await started.write({ "a.yaml": doc("a2"), "b.yaml": undefined, "d.yaml": doc("d") });
      await started.source.refresh();
      expect(started.names().slice(1).flat().sort()).toEqual(["a.yaml: a2", "b.yaml:", "d.yaml: d"]);
    });

    test("of a file that changed, what did not is the same manifest, and says where it stands now", async () => {
      await using started = await start(make, { "a.yaml": `${doc("a")}---\n${doc("b")}` });
      const before = started.last("a.yaml")?.manifests?.[1];
      await started.write({ "a.yaml": `# one\n# two\n${doc("a2")}---\n${doc("b")}` });
      await started.source.refresh();
      const after = started.last("a.yaml")?.manifests?.[1];
      expect(after).toBe(before);
      expect(after?.place(["name"])).toEqual({ file: started.name("a.yaml"), line: 5, column: 1 });
    });

    test("says what is broken, and where, and mends", async () => {
      await using started = await start(make, { "a.yaml": doc("a") });
      await started.write({ "a.yaml": `${doc("a")}---\nname: [b\n` });
      await started.source.refresh();
      expect(started.last("a.yaml")?.broken).toBe(true);
      expect(started.last("a.yaml")?.problems.map(formatProblem)).toEqual([
        `${started.name("a.yaml")}:4:1: error MW0001 : flow sequence in block collection must be sufficiently indented and end with a ]; is a bracket missing?`,
      ]);
      await started.write({ "a.yaml": doc("a") });
      await started.source.refresh();
      expect(started.last("a.yaml")).toMatchObject({ broken: false, problems: [], manifests: [{ value: { name: "a" } }] });
    });

    test("hands over nothing where nothing changed", async () => {
      await using started = await start(make, { "a.yaml": doc("a"), "b.yaml": "name: [" });
      await started.write({ "a.yaml": doc("a") });
      await started.source.refresh();
      await started.source.refresh();
      expect(started.changes).toHaveLength(1);
    });

    test("hands over what changes by itself, soon", async () => {
      await using started = await start(make, { "a.yaml": doc("a") });
      await started.write({ "a.yaml": doc("a2") });
      await expect.poll(() => started.names().at(-1), { interval: 1, timeout: 5000 }).toEqual(["a.yaml: a2"]);
    });

    test("is still when it has been disposed of, however often", async () => {
      const started = await start(make, { "a.yaml": doc("a") });
      await started.source[Symbol.asyncDispose]();
      await started.write({ "a.yaml": doc("a2") });
      await started.source.refresh();
      await started.source[Symbol.asyncDispose]();
      expect(started.changes).toHaveLength(1);
    });
  });
}

function doc(name: string): string {
  return `name: ${name}\n`;
}

export interface Started extends AsyncDisposable, SourceUnderTest {
  readonly changes: readonly SourceChange[];
  /** What was handed over of a file the last time. */
  last(file: string): SourceFile | undefined;
  /** Of every change, its files with the names that their documents have. */
  names(): string[][];
}

/** Starts a source on some files and keeps what it hands over. */
export async function start(make: () => Promise<SourceUnderTest>, files: Readonly<Record<string, string>>): Promise<Started> {
  const under = await make();
  const { source } = under;
  await under.write(files);
  const changes: SourceChange[] = [];
  await source.start((change) => changes.push(change));
  return {
    ...under,
    changes,
    last: (file) => changes.flatMap((change) => change.files).findLast((each) => each.file === under.name(file)),
    names: () => changes.map((change) => change.files.map((file) => label(file, under.name("")))),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

function label({ file, manifests }: SourceFile, prefix: string): string {
  const names = manifests === undefined ? " ?" : manifests.map(({ value }) => ` ${String(value["name"])}`).join("");
  return `${file.slice(prefix.length)}:${names}`;
}
