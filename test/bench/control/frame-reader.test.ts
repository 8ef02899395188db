import { expect, test } from "vitest";
import { FrameReader } from "./frame-reader.ts";

function frame(type: number, flags: number, stream: number, payload: string): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, Buffer.from(payload)]);
}

const SENT = Buffer.concat([
  frame(4, 0, 0, ""),
  frame(0, 0, 1, "first"),
  frame(6, 1, 0, "12345678"),
  frame(0, 0, 1, ""),
  frame(0, 1, 1, "second"),
]);

/** What is read when the bytes come in pieces of a size, all in one buffer. */
function read(size: number) {
  let data = "";
  const frames: unknown[] = [];
  const reader = new FrameReader({
    data: (piece) => void (data += piece.toString()),
    frame: (type, flags, stream, payload) => void frames.push([type, flags, stream, payload.toString()]),
  });
  const buffer = Buffer.alloc(size);
  for (let at = 0; at < SENT.length; at += size) reader.read(buffer.subarray(0, SENT.copy(buffer, 0, at, at + size)));
  return { data, frames };
}

test.each([1, 2, 8, 9, 10, 13, SENT.length])("frames are found in pieces of %i bytes", (size) => {
  expect(read(size)).toEqual({
    data: "firstsecond",
    frames: [
      [4, 0, 0, ""],
      [6, 1, 0, "12345678"],
    ],
  });
});
