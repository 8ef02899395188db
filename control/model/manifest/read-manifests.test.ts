import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { formatProblem } from "../problem.ts";
import { Limit, type ManifestsRead, readManifests } from "./index.ts";

function values(read: ManifestsRead): unknown[] {
  return read.manifests.map(({ value }) => value);
}

/** Every problem, of the file and of its documents. */
function told({ problems, manifests }: ManifestsRead): string[] {
  return [...problems, ...manifests.flatMap((manifest) => manifest.problems ?? [])].map(formatProblem);
}

const bytes = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)));

describe("is read", () => {
  // What `sigs.k8s.io/yaml` 1.4 made of each, as JSON.
  test.each<[string, string | Uint8Array, unknown[]]>([
    ["several documents, with empty ones between", "---\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n", [{ a: 1 }, { b: 2 }]],
    ["JSON, also indented with tabs", '{\n\t"a": [1,\n\t2.5, "x", null, true]\n}', [{ a: [1, 2.5, "x", null, true] }]],
    ["a byte order mark", bytes([0xef, 0xbb, 0xbf], "a: 1"), [{ a: 1 }]],
    ["CRLF", "a: 1\r\nb:\r\n  - x\r\n---\r\nc: |\r\n  y\r\n", [{ a: 1, b: ["x"] }, { c: "y\n" }]],
    [
      "merge keys",
      "x: &x {a: 1, b: 2}\nz: {<<: *x, b: 3}\nw: {b: 4, <<: [{a: 5}, {a: 6, c: 7}]}",
      [{ x: { a: 1, b: 2 }, z: { b: 3, a: 1 }, w: { b: 4, a: 5, c: 7 } }],
    ],
    ["anchors", "x: &x [1, 2]\nz: *x", [{ x: [1, 2], z: [1, 2] }]],
    ["tags", "a: !!str 5\nb: !!int '5'\nc: !other 5\nd: !!binary aGk=\ne: !!null ''", [{ a: "5", b: 5, c: "5", d: "hi", e: null }]],
    ["numbers and true as keys", "80: x\ntrue: z\n", [{ 80: "x", true: "z" }]],
    [
      "text of every form",
      "a: |-\n\n  x\n\nb: >\n  x\n  y\nc: \"\\x41\\u00e9\"\nd: 'it''s'\ne: x\n  y\n",
      [{ a: "\nx", b: "x y\n", c: "Aé", d: "it's", e: "x y" }],
    ],
    [
      "what looks like more than it is",
      "a: http://x:80/y#z\nb: x #c\nc: 1:30\nd: 2001-01-01\n",
      [{ a: "http://x:80/y#z", b: "x", c: "1:30", d: "2001-01-01" }],
    ],
    ["a List", "apiVersion: v1\nkind: List\nitems:\n- {kind: A}\n- {kind: B}\n", [{ kind: "A" }, { kind: "B" }]],
    ["nothing", "", []],
    ["comments alone", "# a\n\n# b\n", []],
  ])("%s", (_, content, expected) => {
    const read = readManifests("f", content);
    expect({ values: values(read), told: told(read), broken: read.broken }).toEqual({ values: expected, told: [], broken: false });
  });

  test("__proto__ as a key like any other", () => {
    const [manifest] = readManifests("f", "__proto__: {a: 1}\nb: 2").manifests;
    expect(Object.keys(manifest?.value ?? {})).toEqual(["__proto__", "b"]);
    expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
  });
});

describe("is told, with its place", () => {
  test.each<[string, string | Uint8Array, string]>([
    ["a tab", "a:\n\tb: 1\n", "f:2:1: error MW0001 : a tab indents this line; YAML wants spaces"],
    ["a key that stands there twice", "a:\n  b: 1\n  c: 2\n  b: 3\n", 'f:4:3: error MW0006 : the key "b" stands there twice; keep one'],
    ["the same in JSON", '{"a": 1,\n "a": 2}', 'f:2:2: error MW0006 : the key "a" stands there twice; keep one'],
    ["a key that is read as true", "on: 1\n", 'f:1:1: error MW0001 : the key on is read as true; quote it: "on"'],
    ["a template", "a: {{ .Values.x }}\n", "f:1:5: error MW0001 : a mapping or list cannot be a key; a template has to be rendered first"],
    ["a list", "- a\n- b\n", "f:1:1: error MW0001 : expected a mapping with apiVersion and kind, found a list"],
    ["a text", "---\nhello\n", "f:2:1: error MW0001 : expected a mapping with apiVersion and kind, found a text"],
    ["an open quote", 'a: 1\nb: "x\n', 'f:3:1: error MW0001 : missing closing "quote'],
    ["an unknown anchor", "a: *x\n", "f:1:4: error MW0001 : there is no anchor &x before this alias"],
    ["an alias into itself", "a: &x [*x]\n", "f:1:8: error MW0001 : the alias *x leads into itself"],
    ["no UTF-8", bytes("a: ", [0xff, 0xfe, 0x80]), "f:1:1: error MW0001 : the file is not UTF-8"],
    ["UTF-16", bytes([0xff, 0xfe, 0x61, 0]), "f:1:1: error MW0001 : the file is UTF-16; save it as UTF-8"],
    ["a NUL", "a: 1\nb: x\0y\n", "f:2:5: error MW0001 : the control character U+0000 cannot stand in YAML"],
    ["a second document", "a: 1\n---\nb: 1\nb: 2\n", 'f:4:1: error MW0006 : the key "b" stands there twice; keep one'],
    ["depth", `a: ${"[".repeat(150)}${"]".repeat(150)}`, `f:1:104: error MW0001 : nested deeper than ${Limit.depth} levels`],
  ])("%s", (_, content, expected) => {
    expect(told(readManifests("f", content))).toContain(expected);
  });

  test("depth that is beyond every stack", () => {
    expect(told(readManifests("f", "[".repeat(100_000))).join()).toContain("nested deeper than");
  });

  test("a billion laughs", () => {
    const lines = Array.from(
      { length: 9 },
      (_, n) =>
        `${"abcdefghi"[n]}: &${"abcdefghi"[n]} [${Array<string>(9)
          .fill(n === 0 ? "ha" : `*${"abcdefghi"[n - 1]}`)
          .join(",")}]`,
    );
    expect(told(readManifests("f", lines.join("\n"))).join()).toContain(`aliases make more than ${Limit.aliased} values`);
  });

  test("a document that is too large, and the others go on", () => {
    const read = readManifests("f", `a: 1\n---\nb: "${"x".repeat(Limit.document)}"\n---\nc: 1\n`);
    expect(values(read)).toEqual([{ a: 1 }, { c: 1 }]);
    expect(told(read)).toEqual([expect.stringMatching(/^f:2:1: error MW0001 : the document has \d+ characters; \d+ are read$/)]);
  });

  test("one broken document among a thousand, and the others go on", () => {
    const documents = Array.from({ length: 1000 }, (_, n) => (n === 500 ? "a: [\n" : `a: ${n}\n`));
    const read = readManifests("f", documents.join("---\n"));
    expect(read.manifests).toHaveLength(999);
    expect(told(read)).toEqual([expect.stringMatching(/^f:100[12]:\d+: error MW0001/)]);
  });
});

describe("places", () => {
  const text = "# c\n---\nspec:\n  hosts:\n  - a\n  - b: {c: 1}\n  x: &x {y: 1}\n  z: *x\n  w: {<<: *x}\n";
  test.each<[(string | number)[], number, number]>([
    [[], 3, 1],
    [["spec"], 3, 1],
    [["spec", "hosts", 0], 5, 5],
    [["spec", "hosts", 1, "b", "c"], 6, 9],
    [["spec", "hosts", 7], 4, 3],
    [["spec", "none", "deeper"], 3, 1],
    [["spec", "z", "y"], 7, 10],
    [["spec", "w", "y"], 7, 10],
  ])("of %j is %i:%i", (path, line, column) => {
    expect(readManifests("f", text).manifests[0]?.place(path)).toEqual({ file: "f", line, column });
  });

  test("of an entry of a List", () => {
    const [, second] = readManifests("f", "a: 1\n---\napiVersion: v1\nkind: List\nitems:\n- kind: A\n- kind: B\n").manifests.slice(1);
    expect([second?.place([]), second?.place(["kind"])]).toEqual([
      { file: "f", line: 7, column: 3 },
      { file: "f", line: 7, column: 3 },
    ]);
  });
});

describe("whatever is written", () => {
  const json = fc
    .dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 })
    // JSON has no -0.
    .map((value) => JSON.parse(JSON.stringify(value)) as typeof value)
    .filter((value) => value["kind"] !== "List");

  test("JSON is read as JSON.parse does", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        expect(values(readManifests("f", text))).toEqual(
          /[\\]u00[01]|\u007f/.test(text) && told(readManifests("f", text)).length > 0 ? [] : [JSON.parse(text)],
        );
      }),
      { numRuns: 200 },
    );
  });

  test("YAML of another writer comes back as it was", () => {
    fc.assert(
      fc.property(json, fc.boolean(), (value, flow) => {
        const text = stringify(value, {
          version: "1.1",
          lineWidth: 0,
          collectionStyle: flow ? "flow" : "block",
          aliasDuplicateObjects: false,
          defaultStringType: "QUOTE_DOUBLE",
          defaultKeyType: "QUOTE_DOUBLE",
        });
        const read = readManifests("f", text);
        if (told(read).length === 0) expect(values(read)).toEqual([value]);
      }),
      { numRuns: 200 },
    );
  });

  test("garbage is never a crash, and every problem has a place in the file", () => {
    const piece = fc.constantFrom(
      "a",
      ": ",
      "- ",
      "\n",
      "  ",
      "\t",
      "{",
      "}",
      "[",
      "]",
      ",",
      '"',
      "'",
      "#",
      "&x ",
      "*x ",
      "<<",
      "|",
      ">",
      "---\n",
      "...\n",
      "? ",
      "!t ",
      "%YAML 1.2\n",
      "é",
      "\r\n",
      "\0",
      "y",
      "0x",
      "~",
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join("")),
        (text) => {
          const read = readManifests("f", text);
          const lines = text.split("\n");
          for (const { line, column } of [...read.problems, ...read.manifests.flatMap((manifest) => manifest.problems ?? [])]) {
            expect(line).toBeGreaterThan(0);
            expect(line).toBeLessThanOrEqual(lines.length);
            expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 2);
          }
          for (const manifest of read.manifests) expect(manifest.place(["a", "a", 0]).line).toBeLessThanOrEqual(lines.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("bytes too", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (content) => {
        readManifests("f", content);
      }),
      { numRuns: 300 },
    );
  });
});

test("memory stays flat while one file is edited over and over", () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const document = (n: number, version: number) => `name: d${n}\nversion: ${version}\npad: "${"x".repeat(500)}"\n`;
  const versions = Array.from({ length: 100 }, () => 0);
  let read: ManifestsRead | undefined;
  const heap = () => (gc(), process.memoryUsage().heapUsed);
  let before = 0;
  for (let edit = 0; edit < 400; edit++) {
    versions[edit % 100] = edit;
    read = readManifests("f", Buffer.from(versions.map((version, n) => document(n, version)).join("---\n")), read);
    if (edit === 100) before = heap();
  }
  expect(heap() - before).toBeLessThan(5_000_000);
});
