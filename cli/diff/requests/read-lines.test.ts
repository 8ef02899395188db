import { expect, test } from "vitest";
import { type Line, LONGEST_LINE, readLines } from "./read-lines.ts";

async function lines(...chunks: readonly (string | Uint8Array)[]): Promise<readonly Line[]> {
  async function* stream() {
    for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
  }
  const all: Line[] = [];
  for await (const line of readLines(stream())) all.push(line);
  return all;
}

test("lines are counted, whatever pieces they come in, and empty ones passed over", async () => {
  const expected = [
    { line: 1, text: "one" },
    { line: 3, text: "two ä" },
    { line: 4, text: "three" },
  ];
  const bytes = Buffer.from("one\r\n\ntwo ä\nthree");
  for (const size of [1, 2, 3, 100]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
    expect(await lines(...chunks)).toEqual(expected);
  }
  expect(await lines()).toEqual([]);
});

test("a line that is too long is wrong alone, and is not kept", async () => {
  const long = "a".repeat(LONGEST_LINE / 2 + 1);
  expect(await lines("b\n", long, long, "\nc")).toEqual([
    { line: 1, text: "b" },
    { line: 2, error: `longer than ${LONGEST_LINE} bytes` },
    { line: 3, text: "c" },
  ]);
});

test("a line that is not UTF-8 is wrong alone", async () => {
  expect(await lines(Uint8Array.of(0xff, 0x0a), "b")).toEqual([
    { line: 1, error: "not UTF-8" },
    { line: 2, text: "b" },
  ]);
});
