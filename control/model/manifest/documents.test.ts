import { expect, test } from "vitest";
import { splitDocuments } from "./documents.ts";

test.each<[string, string, [number, string][]]>([
  ["nothing", "", []],
  ["one document", "a: 1\n", [[1, "a: 1\n"]]],
  ["one with its marker", "---\na: 1", [[1, "---\na: 1"]]],
  [
    "two",
    "a: 1\n---\nb: 2\n",
    [
      [1, "a: 1\n"],
      [2, "---\nb: 2\n"],
    ],
  ],
  [
    "two with CRLF",
    "a: 1\r\n---\r\nb: 2",
    [
      [1, "a: 1\r\n"],
      [2, "---\r\nb: 2"],
    ],
  ],
  [
    "an end and a start",
    "a: 1\n...\n---\nb: 2",
    [
      [1, "a: 1\n"],
      [3, "---\nb: 2"],
    ],
  ],
  [
    "content beside the marker",
    "--- {a: 1}\n--- # c\nb: 2",
    [
      [1, "--- {a: 1}\n"],
      [2, "--- # c\nb: 2"],
    ],
  ],
  ["directives", "%YAML 1.2\n---\na: 1\n", [[1, "%YAML 1.2\n---\na: 1\n"]]],
  [
    "directives of the second",
    "a: 1\n...\n%YAML 1.2\n---\nb: 2",
    [
      [1, "a: 1\n"],
      [3, "%YAML 1.2\n---\nb: 2"],
    ],
  ],
  ["no markers: longer, indented, or other signs behind", "a: |\n  ---\n----\n---x\n", [[1, "a: |\n  ---\n----\n---x\n"]]],
])("%s", (_, stream, documents) => {
  expect(splitDocuments(stream).map(({ line, text }) => [line, text])).toEqual(documents);
});
